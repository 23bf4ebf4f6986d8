"""Gate 2 passes marts that hold together and refuses each kind of fault, with the place of the rows."""

import csv
from collections.abc import Callable

import duckdb
import pytest

from expectations.marts import MARTS, check_marts
from ingestion.bank import Bank
from qianmo import ledger
from qianmo.errors import DataRefusedError, ToolBrokenError
from tests.expectations.conftest import DAY

WAREHOUSE = """
create schema marts; create schema intermediate; create schema staging;
use marts;
create table dim_branch as select '1' as legal_entity_code, '0101' as branch_code, '支行' as branch_name;
create table dim_customer as select
    '1' as legal_entity_code, 'P' || i as customer_id, 'person' as customer_type, true as is_bank_customer,
    '王**' as name_masked from range(10) as r (i);
create table dim_grid as select '1' as legal_entity_code, 'G1' as grid_id;
create table dim_manager as select '1' as legal_entity_code, 'M1' as manager_id;
create table dim_tag as select '1' as legal_entity_code, 'drawn' as tag_code;
create table dim_user_scope as select '1' as legal_entity_code, 'u1' as login;
create table fct_customer_tag as select '1' as legal_entity_code, customer_id, 'drawn' as tag_code,
    date '2026-09-01' as valid_from, null::date as valid_to, '{"a": 1}' as evidence from dim_customer;
create table fct_funnel_event as select '1' as legal_entity_code, customer_id, stage_code
    from dim_customer cross join (values ('approved'), ('first_draw')) as s (stage_code)
    where stage_code = 'approved' or customer_id in ('P1', 'P2');
create table mart_customer_360 as select date '2026-09-28' as business_date, * from dim_customer;
create table mart_data_quality as select date '2026-09-28' as business_date, '1' as legal_entity_code,
    'core' as source, 'customer' as table_name, null::varchar as column_name, null::varchar as reason;
create table mart_funnel as select date '2026-09-28' as business_date, '1' as legal_entity_code, stage_code,
    '0101' as branch_code, 'rural' as market_type, null as segment_code, null as channel, count(*) as customers
    from fct_funnel_event group by all;
create table mart_grid as select date '2026-09-28' as business_date, '1' as legal_entity_code, grid_id,
    'entity' as grid_kind, 5 as customers, 5 as people, 1.0 as penetration
    from (values ('G1'), ('none')) as g (grid_id);
create table mart_manager_kpi as select date '2026-09-28' as business_date, '1' as legal_entity_code,
    'M1' as manager_id, 0.2 as drawdown_rate_credited_all;
create table mart_tag_day as select date '2026-09-28' as business_date, '1' as legal_entity_code, 'drawn' as tag_code,
    '0101' as branch_code, 10 as customers;
create table mart_tag_overlap as select date '2026-09-28' as business_date, '1' as legal_entity_code,
    'drawn' as tag_code, 'credited' as other_tag_code, 0.5 as overlap_share;
create table mart_metric as select date '2026-09-28' as business_date, '1' as legal_entity_code, 'rate' as metric_code,
    'bank' as dimension, '1' as dimension_value, 'ratio' as unit, 2 as numerator, 10 as denominator, 0.2 as value;
create table mart_customer_kpi as select date '2026-09-28' as business_date, '1' as legal_entity_code, customer_id
    from dim_customer;
create table mart_kpi_change as select date '2026-09-28' as business_date, '1' as legal_entity_code,
    'deposits' as metric_code, 'bank' as dimension, '1' as dimension_value, 'new' as contribution, 5 as amount;
create table mart_marketing_list as select date '2026-09-28' as business_date, '1' as legal_entity_code,
    'pool' as list_code, customer_id, '0101' as branch_code, 'phone' as channel, customer_id = 'P4' as is_holdout,
    'new' as listing_state
    from dim_customer where customer_id in ('P1', 'P2', 'P3', 'P4');
create table mart_list_dispatch as select date '2026-09-28' as business_date, '1' as legal_entity_code,
    'M1' as manager_id, 'visit' as channel;
create table mart_list_lift as select date '2026-09-28' as business_date, '1' as legal_entity_code,
    'warehouse' as origin, 'pool' as list_code, 'credited' as outcome_code, 90 as window_days;
create table mart_list_removal as select date '2026-09-28' as business_date, '1' as legal_entity_code,
    'r1' as row_id;
create table mart_list_waterfall as select date '2026-09-28' as business_date, '1' as legal_entity_code,
    'pool' as list_code, '0101' as branch_code, * from (values
        (0, 'start', 0, 10), (1, 'opted_out', 6, 4), (2, 'holdout', 1, 3), (3, 'delivered', 0, 3)
    ) as s (step_order, step_code, removed, remaining);
create table intermediate.int_customer__identity as select customer_id, 'core.customer' as source_table,
    'C' || customer_id as source_key from dim_customer;
create table staging.stg_core__customer as select 'C' || customer_id as customer_id, date '1980-01-01' as birth_date,
    'k' || customer_id as id_number_key, true as id_number_is_valid, date '1980-01-01' as id_number_birth_date,
    false as is_deceased, false as is_staff, 'none' as risk_list from dim_customer;
create table staging.stg_core__employee as select 'e' as id_number_key, null::date as leave_date;
create table staging.stg_credit__loan as select 'CP1' as customer_id, 'normal' as status, 'normal' as five_class;
create table staging.stg_marketing__opt_out as select 'CP9' as customer_id, 'all' as channel,
    date '2026-09-01' as opted_out_date;
create table staging.stg_marketing__authorisation as select 'C' || customer_id as customer_id, 'marketing' as purpose,
    'all' as channel, date '2026-01-01' as granted_date, date '2027-01-01' as expiry_date, null::date as revoked_date
    from dim_customer;
"""

Warehouse = Callable[..., None]


@pytest.fixture
def warehouse(bank: Bank) -> Warehouse:
    """A sound warehouse, then the given statements against its marts."""

    def build(*faults: str) -> None:
        bank.home.warehouse.parent.mkdir(parents=True, exist_ok=True)
        with duckdb.connect(bank.home.warehouse) as connection:
            connection.execute(WAREHOUSE)
            for fault in faults:
                connection.execute(fault)
        batch = {"business_date": DAY.isoformat(), "status": "landed", "rows_landed": 10}
        with ledger.transaction(bank.home) as transaction:
            for name in {mart.filled_by for mart in MARTS.values() if mart.filled_by}:
                source, table = name.split(".")
                ledger.put(transaction, ledger.landing_batch, batch | {"source": source, "table_name": table})

    return build


def test_sound_marts_pass(bank: Bank, warehouse: Warehouse) -> None:
    warehouse()
    result = check_marts(bank, DAY)
    assert not result.critical_failures
    assert not result.warnings
    assert {check.subject for check in result.checks} == {"marts", *MARTS}
    assert result.data_docs is not None
    assert result.data_docs.is_file()


def test_a_bank_without_employees_or_grids_passes(bank: Bank, warehouse: Warehouse) -> None:
    warehouse("delete from dim_manager", "delete from mart_manager_kpi", "delete from dim_user_scope")
    with ledger.transaction(bank.home) as transaction:
        transaction.execute(ledger.landing_batch.delete().where(ledger.landing_batch.c.table_name == "employee"))
    assert not check_marts(bank, DAY).critical_failures


FAULTS = {
    "marts exists": "drop table dim_grid",
    "dim_tag key_unique": "insert into dim_tag from dim_tag",
    "fct_customer_tag row_count": "delete from fct_customer_tag",
    "mart_metric row_count": "update mart_metric set business_date = date '2026-09-27'",
    "mart_metric share": "update mart_metric set numerator = 12, value = 1.2",
    "mart_manager_kpi share": "update mart_manager_kpi set drawdown_rate_credited_all = -0.1",
    "mart_grid grid_total": "delete from mart_grid where grid_id = 'none'",
    "fct_customer_tag history": "update fct_customer_tag set valid_to = valid_from where customer_id = 'P3'",
    "fct_funnel_event funnel:order": "delete from fct_funnel_event"
    " where customer_id = 'P1' and stage_code = 'approved';"
    " update mart_funnel set customers = 9 where stage_code = 'approved'",
    "fct_funnel_event funnel:count": "update mart_funnel set customers = 3 where stage_code = 'first_draw'",
    "mart_list_waterfall waterfall:steps": "update mart_list_waterfall set removed = 5 where step_code = 'opted_out'",
    "mart_list_waterfall waterfall:list": "update mart_marketing_list set is_holdout = true",
    "mart_marketing_list known_customer": "update mart_marketing_list set customer_id = 'X' where customer_id = 'P1';"
    " insert into intermediate.int_customer__identity values ('X', 'core.customer', 'CP8')",
    "mart_marketing_list suppressed:minor": "update staging.stg_core__customer set id_number_birth_date = '2008-09-29'"
    " where customer_id = 'CP2'",
    "mart_marketing_list suppressed:deceased": "update staging.stg_core__customer set is_deceased = true",
    "mart_marketing_list suppressed:staff": "update staging.stg_core__employee set id_number_key = 'kP3'",
    "mart_marketing_list suppressed:grey_black": "update staging.stg_core__customer set risk_list = 'grey'",
    "mart_marketing_list suppressed:overdue": "insert into staging.stg_credit__loan"
    " values ('CP2', 'overdue', 'normal')",
    "mart_marketing_list suppressed:below_pass": "insert into staging.stg_credit__loan"
    " values ('CP3', 'normal', 'special_mention')",
    "mart_marketing_list suppressed:opted_out": "update staging.stg_marketing__opt_out set customer_id = 'CP2'",
    "mart_marketing_list suppressed:not_authorised": "update staging.stg_marketing__authorisation"
    " set channel = 'sms' where customer_id = 'CP3'",
    "dim_branch raw_identifier": "update dim_branch set branch_name = '电话:13812345678'",
    "mart_customer_360 raw_identifier": "update mart_customer_360 set name_masked = '321281199003078888'",
    "mart_data_quality raw_identifier": """update mart_data_quality set reason = '{"id":"32128119900307888X"}'""",
    "mart_kpi_change key_unique": "insert into mart_kpi_change from mart_kpi_change",
}
"""Check to the fault that it alone must find."""

# A run of the gate takes seconds, so faults that do not touch one another share one.
TOGETHER = [list(FAULTS)[first::3] for first in range(3)]


@pytest.mark.parametrize("faults", TOGETHER, ids=range(3))
def test_each_fault_is_refused(bank: Bank, warehouse: Warehouse, faults: list[str]) -> None:
    warehouse(*(FAULTS[fault] for fault in faults))
    with pytest.raises(DataRefusedError) as error:
        check_marts(bank, DAY)
    refused = {line.removeprefix("- ").split(": expected ")[0] for line in str(error.value).splitlines()[1:-1]}
    assert refused == set(faults)


def test_rows_at_fault_are_found(bank: Bank, warehouse: Warehouse) -> None:
    warehouse("update staging.stg_marketing__opt_out set customer_id = 'CP1'")
    with pytest.raises(DataRefusedError) as error:
        check_marts(bank, DAY)
    file = bank.home.root / "failed_rows" / "2026-09-28" / "marts" / "mart_marketing_list.suppressed.opted_out.csv"
    assert str(file) in str(error.value)
    with file.open() as rows:
        assert list(csv.DictReader(rows)) == [{"list_code": "pool", "customer_id": "P1"}]


def test_no_list_rows_is_only_a_warning(bank: Bank, warehouse: Warehouse) -> None:
    warehouse("delete from mart_marketing_list", "delete from mart_list_waterfall where step_code <> 'start'")
    assert [check.code for check in check_marts(bank, DAY).warnings] == ["row_count"]


def test_an_identifier_as_key_stays_hidden(bank: Bank, warehouse: Warehouse) -> None:
    warehouse("update dim_tag set tag_code = '13812345678'")
    with pytest.raises(DataRefusedError, match="dim_tag raw_identifier"):
        check_marts(bank, DAY)
    for path in bank.home.root.rglob("*"):
        assert not path.is_file() or path == bank.home.warehouse or b"13812345678" not in path.read_bytes(), path


def test_surrogates_codes_and_masks_are_not_identifiers(bank: Bank, warehouse: Warehouse) -> None:
    harmless = ["a13812345678b", "321281001001", "913212811234567890", "138****5678", "20260928"]
    warehouse(f"update dim_branch set branch_name = '{' '.join(harmless)}'")
    assert not check_marts(bank, DAY).critical_failures


def test_a_changed_column_breaks_the_gate_and_says_nothing_of_the_data(bank: Bank, warehouse: Warehouse) -> None:
    warehouse("alter table mart_manager_kpi rename drawdown_rate_credited_all to rate")
    with pytest.raises(ToolBrokenError, match="mart_manager_kpi share"):
        check_marts(bank, DAY)


def test_no_warehouse(bank: Bank) -> None:
    with pytest.raises(DataRefusedError, match="qianmo build --date 2026-09-28"):
        check_marts(bank, DAY)
