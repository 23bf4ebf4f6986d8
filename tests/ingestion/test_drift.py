"""Columns that come, go and move: read by name, recorded, and refused only where the contract needs what is gone."""

from datetime import date, timedelta
from typing import Any

import duckdb
import openpyxl
import pytest
import yaml

from ingestion.bank import Bank
from ingestion.contract import Column, contracts
from ingestion.empty import write_empty_contracts
from ingestion.land import land
from ingestion.ledger_export import export_ledger
from ingestion.quarantined import quarantined_rows
from ingestion.release import release
from qianmo.errors import ConfigurationError, DataRefusedError
from qianmo.home import PROJECT_ROOT
from qianmo.ledger import landing_batch, landing_drift, rows
from tests.ingestion.conftest import ACCOUNT, DAY, MakeBank, account_row, account_text, deliver_accounts, landed

TEXTS = {"合同号": "no", "授信合同": "line", "担保人": "name", "金额": "amount", "起始": "start", "终止": "end"}
GUARANTEE: dict[str, Any] = {
    "files": "guarantee_{date:%Y%m%d}.csv",
    "format": {"kind": "delimited", "header": True, "columns": TEXTS},
    "map": {
        "guarantee_id": "no",
        "credit_line_id": "line",
        "guarantor_name": "name",
        "guarantee_amount": "amount",
        "start_date": "start",
        "end_date": "coalesce(\"end\", '2027-01-01')",
    },
}
FACTS = "guarantee_id, guarantor_name_masked, guarantee_amount::integer, end_date"


@pytest.fixture
def bank(make_bank: MakeBank) -> Bank:
    return make_bank(credit={"guarantee": GUARANTEE})


def deliver(bank: Bank, text: str, day: date = DAY) -> None:
    (bank.inbox / f"guarantee_{day:%Y%m%d}.csv").write_text(text, encoding="utf-8")


def land_text(bank: Bank, text: str, day: date = DAY) -> list[tuple[Any, ...]]:
    deliver(bank, text, day)
    land(bank, "credit", day)
    return landed(bank, "credit.guarantee", FACTS, day)


def drift(bank: Bank) -> set[tuple[str, str]]:
    return {(row["column_name"], row["change"]) for row in rows(bank.home, landing_drift)}


def test_as_described_is_no_drift(bank: Bank) -> None:
    text = "合同号,授信合同,担保人,金额,起始,终止\nG1,L1,王小明,5,2026-01-01,2026-12-31\n"
    assert land_text(bank, text) == [("G1", "王**", 5, date(2026, 12, 31))]
    assert drift(bank) == set()


def test_an_added_column_lands_and_is_recorded(bank: Bank) -> None:
    told: list[str] = []
    deliver(bank, "合同号,授信合同,新列,担保人,金额,起始,终止\nG1,L1,x,王小明,5,2026-01-01,2026-12-31\n")
    land(bank, "credit", DAY, told.append)
    assert landed(bank, "credit.guarantee", FACTS) == [("G1", "王**", 5, date(2026, 12, 31))]
    assert drift(bank) == {("第3列", "added")}
    assert "credit.guarantee 2026-09-28: other columns than described: added 第3列" in told


def test_a_column_that_is_known_and_not_read_is_no_drift(make_bank: MakeBank) -> None:
    described = GUARANTEE | {"format": GUARANTEE["format"] | {"not_read": ["备注"]}}
    bank = make_bank(credit={"guarantee": described})
    text = "合同号,备注,授信合同,担保人,金额,起始,终止,新列\nG1,x,L1,王小明,5,2026-01-01,2026-12-31,y\n"
    assert land_text(bank, text) == [("G1", "王**", 5, date(2026, 12, 31))]
    assert drift(bank) == {("第8列", "added")}


def test_an_added_column_may_be_mapped_before_it_is_described(bank: Bank, make_bank: MakeBank) -> None:
    bank = make_bank(credit={"guarantee": GUARANTEE | {"map": GUARANTEE["map"] | {"end_date": "新列"}}})
    text = "合同号,授信合同,新列,担保人,金额,起始,终止\nG1,L1,2026-05-05,王小明,5,2026-01-01,\n"
    assert land_text(bank, text) == [("G1", "王**", 5, date(2026, 5, 5))]


def test_columns_in_another_order_are_read_by_name(bank: Bank) -> None:
    text = "金额,合同号,授信合同,担保人,起始,终止\n5,G1,L1,王小明,2026-01-01,2026-12-31\n"
    assert land_text(bank, text) == [("G1", "王**", 5, date(2026, 12, 31))]
    assert drift(bank) == {("金额", "reordered")}


def test_a_removed_column_that_is_optional_is_null(bank: Bank) -> None:
    assert land_text(bank, "合同号,授信合同,金额,起始\nG1,L1,5,2026-01-01\n") == [("G1", None, 5, None)]
    assert drift(bank) == {("担保人", "removed"), ("终止", "removed")}
    # the next delivery as described takes the record back
    land_text(bank, "合同号,授信合同,担保人,金额,起始,终止\nG1,L1,王小明,5,2026-01-01,2026-12-31\n")
    assert drift(bank) == set()


def test_a_renamed_column_that_is_required_stops_the_batch_with_one_message(bank: Bank) -> None:
    deliver(bank, "合同号,授信合同,担保人,担保金额,起始,终止\nG1,L1,王小明,5,2026-01-01,2026-12-31\n")
    with pytest.raises(DataRefusedError) as refused:
        land(bank, "credit", DAY)
    assert str(refused.value) == (
        "credit.guarantee 2026-09-28 refused: guarantee_20260928.csv: expected header column 金额"
        " (for guarantee_amount), found 合同号, 授信合同, 担保人, 起始, 终止, 1 not shown, which may be data"
    )
    assert rows(bank.home, landing_batch)[0]["status"] == "refused"
    assert drift(bank) == set()


@pytest.mark.parametrize("part", ["where", "lookups"])
def test_a_removed_column_that_chooses_rows_stops_the_batch(make_bank: MakeBank, part: str) -> None:
    chosen: dict[str, Any] = {"where": "\"end\" <> ''"}
    if part == "lookups":
        lookup = {"files": "x.csv", "format": {"kind": "delimited", "header": True}, "key": {"k": '"end"'}}
        chosen = {"lookups": {"other": lookup}}
    bank = make_bank(credit={"guarantee": GUARANTEE | chosen})
    (bank.inbox / "x.csv").write_text("k,v\n1,2\n")
    deliver(bank, "合同号,授信合同,担保人,金额,起始\nG1,L1,王小明,5,2026-01-01\n")
    with pytest.raises(DataRefusedError, match=r"expected header column 终止 \(for where or lookups\)"):
        land(bank, "credit", DAY)


def test_a_header_that_is_not_described_is_held_against_the_mapping(make_bank: MakeBank) -> None:
    described = {
        "files": "guarantee_{date:%Y%m%d}.csv",
        "format": {"kind": "delimited", "header": True},
        "map": {
            "guarantee_id": "no",
            "credit_line_id": "line",
            "guarantor_name": "list_aggregate(list_transform([name], x -> x), 'min')",
            "guarantee_amount": "amount",
            "start_date": "start",
        },
    }
    bank = make_bank(credit={"guarantee": described})
    assert land_text(bank, "start,no,line,amount,more\n2026-01-01,G1,L1,5,x\n") == [("G1", None, 5, None)]
    assert drift(bank) == {("name", "removed")}
    deliver(bank, "start,no,line,name\n2026-01-01,G1,L1,5\n")
    with pytest.raises(
        DataRefusedError, match=r"expected header column amount \(for guarantee_amount\), found start, no"
    ):
        land(bank, "credit", DAY)


def test_a_wrong_expression_is_not_taken_for_drift(make_bank: MakeBank) -> None:
    wrong = GUARANTEE | {"map": GUARANTEE["map"] | {"end_date": 'no_such_function("end")'}}
    bank = make_bank(credit={"guarantee": wrong})
    for header in ("合同号,授信合同,担保人,金额,起始,终止", "合同号,授信合同,担保人,金额,起始"):
        deliver(bank, header + "\n")
        with pytest.raises(ConfigurationError, match=r"tables\.guarantee: map, where or lookups: .*no_such_function"):
            land(bank, "credit", DAY)
    unknown = GUARANTEE | {"map": GUARANTEE["map"] | {"end_date": '"end" || ende'}}
    bank = make_bank(credit={"guarantee": unknown})
    with pytest.raises(ConfigurationError, match=r"tables\.guarantee: map, where or lookups"):
        land(bank, "credit", DAY)


def test_a_worksheet_may_lack_an_optional_column(make_bank: MakeBank) -> None:
    described = GUARANTEE | {"files": "g.xlsx", "format": {"kind": "xlsx", "columns": TEXTS}}
    bank = make_bank(credit={"guarantee": described})

    def write(*header: str) -> None:
        book = openpyxl.Workbook()
        sheet = book.active
        assert sheet is not None
        cells = {"合同号": "G1", "授信合同": "L1", "担保人": "王小明", "金额": 5, "起始": DAY, "终止": DAY, "备注": "x"}
        for row in (["担保清单"], list(header), [cells[text] for text in header]):
            sheet.append(row)
        book.save(bank.inbox / "g.xlsx")

    write("备注", "起始", "合同号", "授信合同", "担保人", "金额")
    land(bank, "credit", DAY)
    assert landed(bank, "credit.guarantee", FACTS) == [("G1", "王**", 5, None)]
    assert drift(bank) == {("第1列", "added"), ("起始", "reordered"), ("终止", "removed")}
    write("合同号", "授信合同", "担保人", "起始", "终止", "备注")
    with pytest.raises(DataRefusedError, match=r"g\.xlsx: expected header column 金额 \(for guarantee_amount\), found"):
        land(bank, "credit", DAY)


def test_released_rows_of_a_batch_without_the_column(bank: Bank, make_bank: MakeBank) -> None:
    land_text(bank, "合同号,授信合同,金额,起始\nG1,L1,5,2026-01-01\nG2,L2,five,2026-01-01\n")
    mended = GUARANTEE | {"map": GUARANTEE["map"] | {"guarantee_amount": "replace(amount, 'five', '5')"}}
    bank = make_bank(credit={"guarantee": mended})
    assert release(bank, "credit.guarantee", DAY).rows_released == 1
    assert landed(bank, "credit.guarantee", FACTS) == [("G1", None, 5, None), ("G2", None, 5, None)]
    assert list(quarantined_rows(bank.home, "credit", "guarantee", DAY)) == []


def test_a_headerless_file_with_another_field_count_is_refused(make_bank: MakeBank) -> None:
    bank = make_bank(core={"account": ACCOUNT})
    deliver_accounts(bank.inbox, account_text([[*account_row(n), "new"] for n in range(9)]), 9)
    with pytest.raises(DataRefusedError, match=r"expected 8 fields parted by '\|!\|', found 9 in every line"):
        land(bank, "core", DAY)


def test_the_drift_is_exported_for_the_warehouse(bank: Bank) -> None:
    land_text(bank, "合同号,授信合同,担保人,金额,起始,新列\nG1,L1,王小明,5,2026-01-01,x\n")
    export_ledger(bank)
    file = bank.home.landing / "_ledger" / "landing_drift.parquet"
    columns = "source, table_name, business_date, column_name, change, length(recorded_at) > 9"
    assert duckdb.sql(f"select {columns} from '{file}' order by column_name").fetchall() == [
        ("credit", "guarantee", "2026-09-28", "第6列", "added", True),
        ("credit", "guarantee", "2026-09-28", "终止", "removed", True),
    ]


def staged(bank: Bank, select: str) -> list[tuple[Any, ...]]:
    """What staging reads: the location that its sources name."""
    file = PROJECT_ROOT / "dbt_project" / "models" / "staging" / "credit" / "credit__sources.yml"
    location = yaml.safe_load(file.read_text(encoding="utf-8"))["sources"][0]["config"]["meta"]["external_location"]
    location = location.replace('{{ var("landing_root") }}', str(bank.home.landing)).replace("{name}", "guarantee")
    return duckdb.sql(f"select {select} from {location} order by business_date, source_row").fetchall()


def test_an_added_optional_contract_column_flows_through(
    bank: Bank, make_bank: MakeBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "合同号,授信合同,担保人,金额,起始,终止,方式\nG1,L1,王小明,5,2026-01-01,2026-12-31,保证\n"
    land_text(bank, text)
    contract = contracts()["credit.guarantee"]
    added = Column(name="guarantee_type", type="text", label="担保方式")
    newer = contract.model_copy(update={"version": 2, "columns": [*contract.columns, added]})
    monkeypatch.setitem(contracts(), "credit.guarantee", newer)
    described = GUARANTEE | {
        "format": GUARANTEE["format"] | {"columns": TEXTS | {"方式": "kind"}},
        "map": GUARANTEE["map"] | {"guarantee_type": "kind"},
    }
    bank = make_bank(credit={"guarantee": described})
    write_empty_contracts(bank)
    later = DAY + timedelta(days=1)
    land_text(bank, text, later)
    assert staged(bank, "business_date, guarantee_id, guarantee_type") == [(DAY, "G1", None), (later, "G1", "保证")]
    versions = {row["business_date"]: row["contract_version"] for row in rows(bank.home, landing_batch)}
    assert versions == {str(DAY): 1, str(later): 2}


def test_a_newer_contract_lands_the_same_delivery_again(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    land_text(bank, "合同号,授信合同,担保人,金额,起始,终止\nG1,L1,王小明,5,2026-01-01,2026-12-31\n")
    contract = contracts()["credit.guarantee"]
    monkeypatch.setitem(contracts(), "credit.guarantee", contract.model_copy(update={"version": 2}))
    assert [result.status for result in land(bank, "credit", DAY)] == ["landed"]
    assert rows(bank.home, landing_batch)[0]["contract_version"] == 2
    assert [result.status for result in land(bank, "credit", DAY)] == ["unchanged"]


def test_a_release_into_an_earlier_contracts_batch(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "合同号,授信合同,担保人,金额,起始,终止\nG1,L1,王,5,2026-01-01,2026-12-31\nG2,L1,王,6,,2026-12-31\n"
    land_text(bank, text)
    contract = contracts()["credit.guarantee"]
    columns = [c.model_copy(update={"required": False}) if c.name == "start_date" else c for c in contract.columns]
    columns.append(Column(name="guarantee_type", type="text", label="担保方式"))
    relaxed = contract.model_copy(update={"version": 2, "columns": columns})
    monkeypatch.setitem(contracts(), "credit.guarantee", relaxed)
    assert release(bank, "credit.guarantee", DAY).rows_released == 1
    facts = "guarantee_id, start_date, guarantee_type"
    assert landed(bank, "credit.guarantee", facts) == [("G1", date(2026, 1, 1), None), ("G2", None, None)]
    assert [result.status for result in land(bank, "credit", DAY)] == ["unchanged"]
    # a column of another type cannot be mixed into the landed file
    land_text(bank, text.replace("2026-12-31\n", "never\n"))
    columns = [c.model_copy(update={"type": "text"}) if c.name == "end_date" else c for c in columns]
    other = contract.model_copy(update={"version": 3, "columns": columns})
    monkeypatch.setitem(contracts(), "credit.guarantee", other)
    with pytest.raises(DataRefusedError, match="found end_date as in an earlier one; have the delivery sent"):
        release(bank, "credit.guarantee", DAY)
