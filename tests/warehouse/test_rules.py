"""The whole project on a landing without a single row: a bank may lack any source; then the dbt unit tests."""

from datetime import date

from tests.warehouse.conftest import Warehouse

DAY = date(2026, 9, 30)


def test_empty_sources_build_and_every_rule_holds(warehouse: Warehouse) -> None:
    """dbt runs its unit tests before the models they speak of, so a second build finds every input in place."""
    warehouse.build(DAY, "--exclude-resource-type", "unit_test")
    warehouse.build(DAY, command=("test", "--select", "test_type:unit"))
    assert warehouse.rows("select count(*) from marts.mart_customer_360") == [(0,)]
