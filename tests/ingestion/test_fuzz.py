"""What the fuzz found."""

from pathlib import Path

import pytest

from ingestion.bank import DelimitedFormat
from ingestion.readers.delimited import read_delimited
from qianmo.errors import DataRefusedError


@pytest.mark.parametrize(
    "text",
    [
        "321281199604010011,侯辉国,2026-08\n",
        "id_no,name,monthDB321281199604010011,侯辉国,2026-08\n",
        "id_no,nam,month\n321281199604010011,侯辉国,2026-08\n",
    ],
    ids=["no header", "header and first row joined", "column renamed"],
)
def test_a_message_about_a_header_shows_no_data(tmp_path: Path, text: str) -> None:
    path = tmp_path / "fund.csv"
    path.write_text(text)
    described = DelimitedFormat(kind="delimited", header=True, columns=["id_no", "name", "month"], quote='"')
    with pytest.raises(DataRefusedError, match=r"fund\.csv: expected header column .*, found ") as refused:
        read_delimited(path, described)
    assert "32128" not in str(refused.value)
    assert "侯" not in str(refused.value)
    assert ("nam, month" in str(refused.value)) == text.startswith("id_no,nam,")
