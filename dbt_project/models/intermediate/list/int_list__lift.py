"""The lift of every list at every look, with intervals that may be looked at every day."""

from qianmo.list_lift import lift


def model(dbt, session):  # type: ignore[no-untyped-def]  # noqa: ARG001 (dbt's signature)
    dbt.config(materialized="table")
    return lift(dbt.ref("int_list__look").to_arrow_table())
