"""A past batch is made again byte for byte and explained, from what was frozen that day."""

import json
import shutil
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Table
from typer.testing import CliRunner

from delivery.deliver import hand_over
from delivery.replay import replay
from ingestion.bank import Bank
from qianmo import ledger
from qianmo.errors import ConfigurationError
from qianmo.list_explain import explain
from qianmo.retention import delete_expired, expired
from tests.delivery.conftest import DAY, LIST_CODES, Marts, list_row, quiet, removal

FIRST = f"{LIST_CODES[0]}-20260928"
NEXT_DAY = DAY + timedelta(days=1)


@pytest.fixture
def two_days(bank: Bank, published: Marts) -> Bank:
    """Rows 0, 2 and 4 opened, 6 is control, 7 was left out; the day after 2 refused and 8 came."""
    left_out = list_row(7) | {
        "step_code": "opted_out",
        "step_name": "客户拒绝该渠道营销",
        "opted_out_channels": "phone",
    }
    published([list_row(n) for n in (0, 2, 4)] + [list_row(6, is_holdout=True)], suppressed=[left_out])
    hand_over(bank, DAY, quiet)
    refused = removal(list_row(2), NEXT_DAY, DAY, ("opted_out", "客户拒绝该渠道营销"))
    kept = [list_row(n, listed_date=DAY, reason="后来的理由") for n in (0, 4)]
    published([*kept, list_row(8)], NEXT_DAY, [refused])
    hand_over(bank, NEXT_DAY, quiet)
    return bank


def test_past_packages_are_made_again_without_delivery_folder_and_later_data(two_days: Bank, tmp_path: Path) -> None:
    before = {path.name for path in two_days.home.delivery.glob("2026-09-28/**/*.xlsx")}
    shutil.rmtree(two_days.home.delivery)
    output = tmp_path / "again"
    made = replay(two_days, FIRST, output)
    assert {one.delivery_id: (one.rows, one.removed_rows, one.same) for one in made} == {
        f"{FIRST}.branch.0101": (3, 0, True),
        f"{FIRST}.manager.M0": (1, 0, True),
        f"{FIRST}.manager.M1": (1, 0, True),
        f"{FIRST}.manager.M2": (1, 0, True),
    }
    assert {path.name for path in output.rglob("*.xlsx")} == before
    second = replay(two_days, f"{LIST_CODES[0]}-20260929")
    assert all(one.same for one in second)
    assert sum(one.removed_rows for one in second) == 2  # the branch and the manager of row 2


def test_a_difference_is_told(two_days: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    from qianmo.cli import app

    folder = two_days.home.root.parent / "bank"
    folder.mkdir()
    (folder / "bank.yml").write_text(
        "name: county\nlegal_entity_code: '321281'\nlegal_entity_name: 示范农商银行\nsources: []\n", encoding="utf-8"
    )
    runner = CliRunner()
    told = runner.invoke(app, ["--bank", str(folder), "list", "replay", FIRST])
    assert told.exit_code == 0, told.output
    assert "byte for byte" in told.output
    shutil.rmtree(two_days.home.vault)
    told = runner.invoke(app, ["--bank", str(folder), "list", "replay", FIRST])
    assert told.exit_code == 1
    assert "names are not in the vault any more" in told.output
    assert runner.invoke(app, ["--bank", str(folder), "list", "replay", "nothing-20260928"]).exit_code == 2


def test_a_row_is_explained_from_start_to_end(two_days: Bank) -> None:
    served = explain(two_days, FIRST, f"P{2:016x}")
    assert served.verdict == "入选:第2位,派给M2(管户经理)"
    assert served.facts["符合条件的理由"] == "授信未用"
    assert served.batch["决定人"] == "自动(自动审批)"
    assert served.delivered == [f"{FIRST}.branch.0101", f"{FIRST}.manager.M2"]
    assert (served.later["移除日期"], served.later["移除原因"]) == ("2026-09-29", "客户拒绝该渠道营销")
    control = explain(two_days, FIRST, "0000000006")
    assert "对照组" in control.verdict
    assert control.delivered == []
    out = explain(two_days, FIRST, "0000000007")
    assert out.verdict == "符合条件但被剔除:客户拒绝该渠道营销"
    assert out.facts["已拒绝的渠道"] == "电话"
    with pytest.raises(ConfigurationError, match="not frozen"):
        explain(two_days, "nothing-20260928", "0000000006")


def test_retention_deletes_what_is_over_and_leaves_the_proof(two_days: Bank) -> None:
    assert expired(two_days, DAY + timedelta(days=100)) == []
    later = DAY + timedelta(days=365)
    due = {one.path.relative_to(two_days.home.root).as_posix() for one in expired(two_days, later)}
    assert due
    assert all(name.startswith("delivery/") for name in due)
    assert delete_expired(two_days, later, quiet) == len(due)
    assert not list(two_days.home.delivery.glob("2*"))
    rows = ledger.rows(two_days.home, ledger.deletion)
    assert {row["path"] for row in rows} == due
    assert all(len(row["sha256"]) == 64 and row["deleted_at"] for row in rows)
    assert all(one.same for one in replay(two_days, FIRST)), "frozen rows are kept longer"
    # What recipients have and what open rows come from stays, however old.
    assert expired(two_days, DAY + timedelta(days=9999)) == []


def test_delivery_goes_on_after_a_killed_deletion(
    two_days: Bank, published: Marts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed when the frozen rows of the last delivery, all removals, are gone and that is not confirmed yet."""
    third, fourth = (NEXT_DAY + timedelta(days=number) for number in (1, 2))
    came = {0: DAY, 4: DAY, 8: NEXT_DAY}
    published([], third, [removal(list_row(n), third, day, ("converted", "已用信")) for n, day in came.items()])
    assert {item.rows for item in hand_over(two_days, third, quiet)} == {0}
    frozen = two_days.home.list_batches / f"{LIST_CODES[0]}-{third:%Y%m%d}"
    assert frozen.exists()
    put = ledger.put

    def killed(connection: Connection, table: Table, *rows: Mapping[str, Any]) -> None:
        if rows[0].get("deleted_at") and rows[0]["path"] == f"list_batches/{frozen.name}":
            raise KeyboardInterrupt
        put(connection, table, *rows)

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "put", killed)
        with pytest.raises(KeyboardInterrupt):
            delete_expired(two_days, DAY + timedelta(days=2000), quiet)
    assert not frozen.exists()
    published([list_row(0)], fourth)
    assert {item.rows for item in hand_over(two_days, fourth, quiet)} == {1}


def test_a_killed_deletion_is_taken_up(two_days: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    later = DAY + timedelta(days=365)
    due = expired(two_days, later)

    def killed(_: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            delete_expired(two_days, later, quiet)
    assert delete_expired(two_days, later, quiet) >= len(due)
    rows = ledger.rows(two_days.home, ledger.deletion)
    assert not [row for row in rows if not row["deleted_at"]]
    assert {row["path"] for row in rows} == {one.path.relative_to(two_days.home.root).as_posix() for one in due}
    assert json.dumps([row["sha256"] for row in rows])
