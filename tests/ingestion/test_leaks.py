"""What landing writes, refuses and leaves behind when it is killed holds no raw identifier outside the vault."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ingestion.bank import Bank
from ingestion.land import land
from ingestion.quarantine import read_quarantine
from qianmo.errors import DataRefusedError, QianmoError
from tests.ingestion.conftest import ACCOUNT, DAY, MakeBank, account_row, account_text, deliver_accounts
from tests.raw_values import RawValues, files_to_search, search, told

FAULTY = "6222888899990000"
ROWS = 150_000
WITH_HEADER = {"kind": "delimited", "header": True}


@pytest.fixture
def bank(make_bank: MakeBank) -> Bank:
    return make_bank(core={"account": ACCOUNT})


def leaked(bank: Bank, numbers: set[str]) -> str:
    found, _ = search(RawValues(numbers), files_to_search(bank.home.root, [bank.home.inbox]))
    return told(found, bank.home.root) if found else ""


def test_faulty_and_refused_rows_are_in_quarantine_and_nowhere_else(
    bank: Bank, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        account_row(1),
        account_row(2, no=FAULTY, cls="gold"),
        account_row(3, opened=FAULTY),
        account_row(4, no=FAULTY)[:-1],
        account_row(1, no=FAULTY),
    ]
    deliver_accounts(bank.inbox, account_text(rows), len(rows))
    land(bank, "core", DAY, print)
    raw = read_quarantine(bank.home, "core", "account", DAY)["raw"].to_pylist()
    assert [FAULTY.encode() in row for row in raw] == [True] * 4
    deliver_accounts(bank.inbox, account_text([*rows, account_row(5)]), len(rows))  # a row more than stated
    with pytest.raises(DataRefusedError) as refused:
        land(bank, "core", DAY, print)
    numbers = {FAULTY, *(f"62220000{number:08d}" for number in range(6))}
    assert RawValues(numbers).found_in(str(refused.value) + capsys.readouterr().out) == set()
    assert leaked(bank, numbers) == ""


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"format": WITH_HEADER}, [FAULTY, "C1", FAULTY, "x", "y", "20240131", "", "Z"]),
        ({"format": WITH_HEADER}, ["A1", "C1", FAULTY, "x", "y", "20240131", "", "Z"]),
        ({"format": {**WITH_HEADER, "columns": ACCOUNT["format"]["columns"]}}, account_row(1, no=FAULTY)),
        ({"map": ACCOUNT["map"] | {"open_date": "no::date"}}, account_row(1, no=FAULTY)),
        ({"map": ACCOUNT["map"] | {"open_date": "strptime(no, '%Y%m%d')"}}, account_row(1, no=FAULTY)),
        ({"where": "no::integer > 0"}, account_row(1, no=FAULTY)),
    ],
    ids=["header, a value twice", "header", "described header", "cast", "parse", "where"],
)
def test_a_message_does_not_repeat_a_value(make_bank: MakeBank, change: dict[str, object], line: list[str]) -> None:
    described = {**ACCOUNT, **change}
    separator = "|!|"
    if "format" in change:
        described |= {"files": "account_{date:%Y%m%d}.csv"}
        del described["control"]
        separator = ","
    bank = make_bank(core={"account": described})
    text = (separator.join(line) + "\n").encode("gb18030")
    deliver_accounts(bank.inbox, text, 1)
    (bank.inbox / f"account_{DAY:%Y%m%d}.csv").write_bytes(text)
    with pytest.raises(QianmoError) as told_user:
        land(bank, "core", DAY)
    assert RawValues({FAULTY}).found_in(str(told_user.value)) == set()
    assert leaked(bank, {FAULTY}) == ""


def test_a_killed_landing_leaves_none_behind(bank: Bank) -> None:
    deliver_accounts(bank.inbox, account_text([account_row(number) for number in range(ROWS)]), ROWS)
    command = "import sys; from datetime import date; from pathlib import Path; from ingestion.bank import load_bank;"
    command += f" from ingestion.land import land; land(load_bank(Path(sys.argv[1])), 'core', date({DAY:%Y, %-m, %-d}))"
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", command, str(bank.folder)], cwd=root, env=os.environ | {"PYTHONPATH": str(root)}
    )
    unfinished: list[Path] = []
    while process.poll() is None and not any(path.stat().st_size > 10_000 for path in unfinished):
        time.sleep(0.001)
        unfinished = [path for path in (bank.home.vault / "core" / "account").glob(".*.tmp") if path.exists()]
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert [path for path in bank.home.root.rglob(".*.tmp") if path.stat().st_size > 10_000]
    assert leaked(bank, {f"62220000{number:08d}" for number in range(ROWS)}) == ""
