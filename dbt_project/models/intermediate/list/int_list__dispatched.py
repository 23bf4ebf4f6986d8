"""Permitted candidates to managers, by the minimum-cost flow of qianmo/dispatch.py."""

from qianmo.contact_policy import contact_policy
from qianmo.dispatch import dispatched


def model(dbt, session):  # type: ignore[no-untyped-def]
    dbt.config(materialized="table")
    permitted = dbt.ref("int_list__permitted")  # noqa: F841 (read by name in the SQL, like the others)
    candidates = dbt.ref("int_list__candidate")  # noqa: F841
    scored = dbt.ref("int_list__scored")  # noqa: F841
    definitions = dbt.ref("int_list__definition")  # noqa: F841
    standing = dbt.ref("int_list__standing")  # noqa: F841
    capacities = dbt.ref("int_list__capacity").to_arrow_table()
    needing = [name for name, channel in contact_policy().channels.items() if channel.needs_manager]
    asked = session.sql(
        """
        select
            candidates.legal_entity_code,
            candidates.list_code,
            candidates.customer_id,
            candidates.branch_code,
            candidates.own_manager_id,
            candidates.grid_manager_id,
            candidates.portfolio_class,
            definitions.channel,
            list_contains($needing, definitions.channel) as needs_manager,
            definitions.priority,
            definitions.capacity_per_manager,
            scored.score
        from permitted
        inner join definitions using (legal_entity_code, list_code)
        inner join candidates using (legal_entity_code, list_code, customer_id)
        inner join scored using (legal_entity_code, list_code, customer_id)
        where permitted.suppressed_by is null and not permitted.is_standing and definitions.is_due
        """,
        params={"needing": needing},
    ).to_arrow_table()
    held = session.sql(
        """
        select manager_id, list_code, cast(count(*) as integer) as held from standing
        where close_reason is null and manager_id is not null group by all
        """
    ).to_arrow_table()
    found = dispatched(asked, capacities, held)  # noqa: F841
    return session.sql(
        """
        select asked.legal_entity_code, found.*
        from found
        inner join asked using (list_code, customer_id)
        """
    )
