"""A made-up county of six towns for tests and evidence: division lists of the public form, no location file."""

import shutil
from pathlib import Path

from ingestion.bank import Bank, load_bank
from qianmo.home import PROJECT_ROOT

DIVISIONS = Path(__file__).parent / "sample_county" / "second_county"
CODE, NAME = "990101", "云泽县"


def bank_of_second_county(folder: Path) -> Bank:
    """The sample bank with another legal entity: a copy of its folder below `folder`."""
    copy = folder / "second"
    if not copy.exists():
        shutil.copytree(PROJECT_ROOT / "banks" / "sample", copy)
        description = copy / "bank.yml"
        text = description.read_text(encoding="utf-8")
        description.write_text(text.replace("321281", CODE), encoding="utf-8")
    return load_bank(copy)
