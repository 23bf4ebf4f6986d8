"""Three business dates of a village: who is linked to whom, what a reviewer changes, and that nothing else does."""

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion.contract import contracts
from ingestion.surrogate import define, derived, normalised
from sample_county.identifiers import day_number, resident_ids
from tests.raw_values import RawValues, search, told
from tests.warehouse.conftest import Warehouse, empty_warehouse, person

FIRST, SECOND, THIRD = date(2026, 9, 28), date(2026, 9, 29), date(2026, 9, 30)
MODELS = ("--select", "+fct_identity_link", "+fct_customer_moved", "+mart_identity_review")
RUN = ("run",)
CROWD = 300

IDS: list[str] = resident_ids(
    "321281",
    day_number(date(1950, 1, 1)) + 37 * (duckdb.sql("from range(310)").fetchnumpy()["range"]),
    duckdb.sql("select range % 2 = 0 as male from range(310)").fetchnumpy()["male"],
).to_pylist()
_GIVEN = "伟强磊军勇杰涛明超刚平辉鹏华飞鑫波斌宇浩"


def phone(number: int) -> str:
    return f"1400000{number:04d}"


class Landing:
    """Raw values to landed columns, with a key of the test's own."""

    def __init__(self) -> None:
        self._connection = duckdb.connect()
        define(self._connection, bytes(range(32)))
        self.raw = RawValues()

    def rows(self, told: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The rows with what lands in place of their name, id_number and phone."""
        for column in contracts()["core.customer"].columns:
            if column.vault is None or column.name not in told[0]:
                continue
            values = [row.pop(column.name, None) for row in told]
            for value in values:
                if len(value or "") > 2:
                    self.raw.add(value)
            normal = normalised(column.vault, "v")
            self._connection.execute(
                f"create or replace table normals as select nth, {normal} as normal from ("
                "select unnest($1::varchar[]) as v, unnest(range(len($1::varchar[]))) as nth)",
                [values],
            )
            parts = derived(column, "normal")
            found = self._connection.execute(f"select {', '.join(parts.values())} from normals order by nth").fetchall()
            for row, landed in zip(told, found, strict=True):
                row |= {f"{column.name}_{part}": one for part, one in zip(parts, landed, strict=True)}
        return told


def core(number: int, name: str, id_number: str, **columns: Any) -> dict[str, Any]:
    known = person(number, open_date=date(2020, 1, 1), village_code="v1", birth_date=None)
    return {**known, "name": name, "id_number": id_number, "phone": phone(number), **columns}


def rostered(member: int, name: str, **columns: Any) -> dict[str, Any]:
    known = {
        "village_code": "v1",
        "household_no": "h1",
        "member_no": member,
        "relation": "other",
        "filed_date": date(2026, 1, 1),
    }
    return {**known, "name": name, "id_number": None, "phone": None, **columns}


def decision(source_key: str, customer_id: str, said: str, day: date) -> dict[str, Any]:
    return {
        "source_table": "credit.village_roster",
        "source_key": source_key,
        "customer_id": customer_id,
        "decided_date": day,
        "decision": said,
        "reviewer": "hq01",
    }


PHONE, LOOKS, SOUNDS, FAMILY, TWICE, SWAPPED, STRANGER, CORRECTED = (f"v1|h1|{member}" for member in range(1, 9))
MISTYPED = "c306"


def village() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Core customers and roster rows of the first date."""
    crowd = [core(n, f"王{_GIVEN[n % 20]}{_GIVEN[n // 20]}", IDS[n], village_code=f"v{n % 7}") for n in range(CROWD)]
    others = [
        core(300, "李玲珑", IDS[300]),
        core(301, "张莹莹", IDS[301]),
        core(302, "赵建国", IDS[302]),
        core(303, "孙小梅", IDS[303]),
        core(304, "孙小梅", IDS[304]),
        core(305, "周国庆", IDS[305]),
        core(306, "吴大海", slipped(IDS[307]), phone=phone(307)),
        core(307, "吴大海", IDS[307]),
        core(308, "郑秋月", IDS[308]),
    ]
    roster = [
        rostered(1, "李玲珑", phone=phone(300)),
        rostered(2, "李铃珑", phone=phone(300)),
        rostered(3, "章银莹", phone=phone(301)),
        rostered(4, "赵小宝", phone=phone(302)),
        rostered(5, "孙小梅"),
        rostered(6, "周庆国", phone=phone(305)),
        rostered(7, "钱不在"),
        rostered(8, "郑球", id_number=slipped(IDS[308])),
    ]
    return [*crowd, *others], roster


def slipped(id_number: str) -> str:
    """The same number with its sixth digit wrong."""
    return id_number[:5] + str((int(id_number[5]) + 1) % 10) + id_number[6:]


def build(root: Path, backwards: bool = False) -> tuple[Warehouse, Landing]:
    warehouse, landing = empty_warehouse(root), Landing()
    customers, roster = village()
    if backwards:
        customers, roster = customers[::-1], roster[::-1]
    warehouse.land("core.customer", FIRST, landing.rows(customers))
    warehouse.land("credit.village_roster", FIRST, landing.rows(roster))
    decisions = [
        decision(PHONE, "c300", "reject", SECOND),
        decision(TWICE, "c304", "accept", SECOND),
        decision(STRANGER, "c305", "accept", SECOND),
    ]
    warehouse.land("master.identity_decision", SECOND, decisions)
    corrected = rostered(8, "郑秋月", id_number=IDS[308])
    warehouse.land("credit.village_roster", SECOND, landing.rows([corrected]))
    decisions = [decision(PHONE, "c300", "accept", THIRD), decision(STRANGER, "c305", "reject", THIRD)]
    warehouse.land("master.identity_decision", THIRD, decisions)
    return warehouse, landing


def links(warehouse: Warehouse, of: str = "true") -> dict[str, tuple[str, str]]:
    """Of each record the core number that its customer has, or its id, and the method."""
    rows = warehouse.rows(
        "select links.source_key, coalesce(core.source_key, links.customer_id), links.method"
        " from intermediate.int_customer__identity as links left join ("
        "select customer_id, max(source_key) as source_key from intermediate.int_customer__identity"
        " where source_table = 'core.customer' group by 1) as core on links.customer_id = core.customer_id"
        f" where {of}"
    )
    return {key: (customer, method) for key, customer, method in rows}


ROSTER = "links.source_table = 'credit.village_roster'"
Day = dict[str, tuple[str, str]]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Warehouse, Landing, dict[date, Day]]:
    """The three dates, and how the roster was linked on each."""
    warehouse, landing = build(tmp_path_factory.mktemp("identity"))
    seen = {}
    for day in (FIRST, SECOND, THIRD):
        warehouse.build(day, *MODELS, command=RUN)
        seen[day] = links(warehouse, ROSTER)
    return warehouse, landing, seen


def history(warehouse: Warehouse, key: str) -> list[tuple[Any, ...]]:
    return warehouse.rows(
        "select method, valid_from, valid_to from marts.fct_identity_link"
        f" where source_key = '{key}' and source_table = 'credit.village_roster' order by valid_from"
    )


def test_records_are_linked_by_what_they_have(built: tuple[Warehouse, Landing, dict[date, Day]]) -> None:
    warehouse, _, seen = built
    first = seen[FIRST]
    assert first[PHONE] == ("c300", "phone_name")
    assert first[LOOKS] == ("c300", "splink")
    assert first[SOUNDS] == ("c301", "splink")
    assert first[SWAPPED] == ("c305", "splink")
    assert {first[key][1] for key in (FAMILY, TWICE, STRANGER, CORRECTED)} == {"unlinked"}
    core_links = links(warehouse, "links.source_table = 'core.customer'")
    assert core_links[MISTYPED] == ("c307", "id_repaired"), "a core number with a mistyped ID number joins the person"
    evidence = warehouse.rows(
        f"select evidence from intermediate.int_customer__identity as links where {ROSTER} and source_key = '{SOUNDS}'"
    )
    assert evidence == [("姓名同音、手机号相同、同村、该来源尚无其记录",)]


def test_a_family_phone_alone_is_not_even_reviewed(built: tuple[Warehouse, Landing, dict[date, Day]]) -> None:
    warehouse, _, _ = built
    assert warehouse.rows(f"select 1 from marts.mart_identity_review where source_key = '{FAMILY}'") == []


def test_a_tie_goes_to_review_and_comes_back_decided(built: tuple[Warehouse, Landing, dict[date, Day]]) -> None:
    warehouse, _, seen = built
    reviewed = warehouse.rows(
        "select core_customer_id, review_status, valid_from, valid_to, record_name_masked, name_masked"
        f" from marts.mart_identity_review where source_key = '{TWICE}' order by 1"
    )
    assert reviewed == [
        ("c303", "settled", FIRST, SECOND, "孙**", "孙**"),
        ("c304", "accepted", FIRST, SECOND, "孙**", "孙**"),
    ]
    assert seen[SECOND][TWICE] == seen[THIRD][TWICE] == ("c304", "reviewed")


def test_a_refusal_undoes_a_link_and_a_later_decision_wins(built: tuple[Warehouse, Landing, dict[date, Day]]) -> None:
    warehouse, _, seen = built
    assert [seen[day][PHONE][1] for day in (FIRST, SECOND, THIRD)] == ["phone_name", "unlinked", "reviewed"]
    assert seen[THIRD][PHONE][0] == "c300"
    assert history(warehouse, PHONE) == [
        ("phone_name", FIRST, SECOND),
        ("unlinked", SECOND, THIRD),
        ("reviewed", THIRD, None),
    ]
    assert [seen[day][STRANGER][1] for day in (FIRST, SECOND, THIRD)] == ["unlinked", "reviewed", "unlinked"]


def test_a_former_id_leads_to_the_customer_of_today(built: tuple[Warehouse, Landing, dict[date, Day]]) -> None:
    warehouse, _, seen = built
    moved = {former: (to, day) for former, to, day in warehouse.rows(
        "select former_customer_id, customer_id, moved_date from marts.fct_customer_moved"
    )}  # fmt: skip
    alone = {key: seen[FIRST][key][0] for key in (TWICE, CORRECTED)}
    assert {moved[alone[key]][1] for key in alone} == {SECOND}
    assert seen[SECOND][CORRECTED] == ("c308", "id_number")
    assert seen[SECOND][PHONE][0] in moved, "the id that it had while the link was refused"
    assert seen[THIRD][STRANGER][0] not in moved, "it has its id of the first date again"
    assert seen[THIRD][STRANGER][0] == seen[FIRST][STRANGER][0]


def test_the_order_of_records_changes_nothing(
    built: tuple[Warehouse, Landing, dict[date, Day]], tmp_path: Path
) -> None:
    warehouse, _, _ = built
    turned, _ = build(tmp_path, backwards=True)
    turned.build(THIRD, "--select", "+int_customer__identity", command=RUN)
    every = "from intermediate.int_customer__identity order by all"
    assert turned.rows(every) == warehouse.rows(every)


def test_rebuilding_a_day_puts_the_history_back(
    built: tuple[Warehouse, Landing, dict[date, Day]], tmp_path: Path
) -> None:
    warehouse, _, _ = built
    again = Warehouse(tmp_path / "again")
    shutil.copytree(warehouse.root, again.root)
    tables = ("fct_identity_link", "mart_identity_review", "fct_customer_moved")
    for day in (SECOND, THIRD):
        again.build(day, *MODELS, command=RUN)
    for table in tables:
        every = f"from marts.{table} order by all"
        assert again.rows(every) == warehouse.rows(every), table


def test_no_raw_value_is_in_the_warehouse(built: tuple[Warehouse, Landing, dict[date, Day]]) -> None:
    warehouse, landing, _ = built
    assert len(landing.raw) > CROWD
    found, size = search(landing.raw, [warehouse.file])
    assert size > 0
    assert found == {}, told(found, warehouse.root)
