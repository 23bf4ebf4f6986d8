"""The marketing lists as shipped: their SQL binds, every reason is a sentence, and every list has an owner."""

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
import yaml

from qianmo.definitions import DBT_PROJECT, LIST_SQL, MarketingList, lists

LISTS = {found.code: found for found in lists()}

# Domain section 9, "the least to ship": the six internal pools of S1 first.
LEAST = {
    "mortgage_consumer_loan", "deposit_wealth_quality", "credit_card_quality", "loan_maturing",
    "settled_good_standing", "acquiring_active", "credited_not_drawn", "grid_without_credit",
    "whitelisted_not_applied", "good_neighbour", "referral_seed", "social_security_card_dormant",
    "payroll_employees", "bill_discount", "foreign_exchange_settlement", "surplus_balance_wealth",
    "large_deposit_structured", "pos_loan", "other_bank_winback", "fixed_deposit_maturing",
    # the ten segments of S0
    "segment_government", "segment_top100", "segment_building", "segment_catering", "segment_retail",
    "segment_beauty", "segment_agri_input", "segment_agriculture", "segment_tourism", "segment_association",
}  # fmt: skip


def _feature_columns() -> dict[str, str]:
    described = DBT_PROJECT / "models/intermediate/customer/int_customer__features.yml"
    model = yaml.safe_load(described.read_text(encoding="utf-8"))["models"][0]
    return {column["name"]: column["data_type"] for column in model["columns"]}


def _made_up(column: str, kind: str, salt: int) -> str:
    """SQL of a value that varies over rows; null now and then where int_customer__features allows it."""
    turn, known = f"hash(number || '-{salt}')", f"hash('{salt}-' || number) % 5 > 0"
    if kind == "boolean":
        return f"{turn} % 2 = 0"
    if kind.startswith("varchar["):
        return f"case when {turn} % 2 = 0 then ['sms', 'phone', 'visit', 'wechat'] else [] end"
    if kind.startswith("decimal"):
        return f"cast(({turn} % 1000) * (case when {turn} % 3 = 0 then 5000 else 7 end) as {kind})"
    if kind in ("integer", "bigint"):
        return f"cast({turn} % 60 as {kind})"
    if kind == "double":
        return f"case when {known} then ({turn} % 300) / 100.0 end"
    if kind == "date":
        return f"case when {known} then date '2026-09-30' + cast({turn} % 400 as integer) - 200 end"
    choices = {
        "customer_type": ["person", "enterprise"],
        "evaluation": ["excellent", "good", "pass", "fail"],
        "worst_five_class": ["normal", "special_mention"],
        "card_status": ["active", "inactive", "lost"],
        "segment_code": [code.removeprefix("segment_") for code in LISTS if code.startswith("segment_")],
    }.get(column, [f"{column}-1", f"{column}-2"])
    listed = ", ".join(f"'{choice}'" for choice in choices)
    value = f"([{listed}])[cast({turn} % {len(choices)} as integer) + 1]"
    return value if column == "customer_type" else f"case when {known} then {value} end"


@pytest.fixture(scope="module")
def features() -> Iterator[duckdb.DuckDBPyConnection]:
    """Twenty thousand made-up customers with every feature, as of 2026-09-30."""
    selected = ", ".join(
        f"{_made_up(name, kind, salt)} as {name}" if name != "business_date" else "date '2026-09-30' as business_date"
        for salt, (name, kind) in enumerate(_feature_columns().items())
    )
    with duckdb.connect() as connection:
        connection.execute(f"create table features as select {selected} from range(20000) as numbers (number)")
        yield connection


def _one(connection: duckdb.DuckDBPyConnection, sql: str) -> Any:
    row = connection.execute(sql).fetchone()
    assert row is not None
    return row[0]


def test_the_least_to_ship_is_there() -> None:
    assert not LEAST - LISTS.keys()


@pytest.mark.parametrize("code", LISTS)
def test_every_eligible_customer_has_a_reason_and_a_rank(features: duckdb.DuckDBPyConnection, code: str) -> None:
    definition = LISTS[code]
    rows = f"from features where ({definition.sql('eligible')})"
    assert _one(features, f"select count(*) {rows}") > 0, "nobody of the made-up customers is eligible"
    assert _one(features, f"select count(*) {rows} and ({definition.sql('reason')}) is null") == 0
    response, value = definition.sql("response"), definition.sql("value")
    assert _one(features, f"select count(*) {rows} and (({response}) between 0 and 1) is distinct from true") == 0
    assert _one(features, f"select count(*) {rows} and (({value}) >= 0) is distinct from true") == 0
    assert _one(features, f"select count(distinct ({response}) * ({value})) {rows}") > 1, "everybody ranks the same"


@pytest.mark.parametrize("code", LISTS)
def test_a_reason_tells_customers_apart(features: duckdb.DuckDBPyConnection, code: str) -> None:
    definition = LISTS[code]
    reason, eligible = definition.sql("reason"), definition.sql("eligible")
    told = _one(features, f"select count(distinct {reason}) from features where {eligible}")
    assert told > 1, "the reason names no figure of the customer"


def test_nothing_is_promised_in_a_playbook_or_a_talking_point() -> None:
    banned = ("保本", "稳赚", "最低利率", "一定能批", "包批")
    found = [
        (code, word)
        for code, definition in LISTS.items()
        for word in banned
        if word in "".join([definition.playbook, *definition.talking_points]).replace("不保本", "")
    ]
    assert not found


def test_behaviour_towards_other_lenders_needs_its_own_authorisation() -> None:
    def uses(definition: MarketingList) -> bool:
        return any("online_lender" in definition.sql(field) for field in LIST_SQL)

    using = [definition for definition in LISTS.values() if uses(definition)]
    assert using
    assert all("is_behaviour_authorised" in definition.sql("eligible") for definition in using)
