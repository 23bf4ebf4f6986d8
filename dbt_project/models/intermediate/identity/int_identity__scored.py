"""Doubtful records against known persons, by Splink with the reviewed parameters of definitions/linkage.yml."""

from qianmo.linkage import linkage, scored


def model(dbt, session):  # type: ignore[no-untyped-def]  # noqa: ARG001 (dbt's signature)
    dbt.config(materialized="table")
    doubtful = dbt.ref("int_identity__doubtful").to_arrow_table()
    candidates = dbt.ref("int_identity__candidate").to_arrow_table()
    frequencies = dbt.ref("int_identity__frequency").to_arrow_table()
    return scored(doubtful, candidates, frequencies, linkage())
