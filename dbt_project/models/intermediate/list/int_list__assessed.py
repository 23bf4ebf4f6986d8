"""What was learnt from past rows, and whether it ranks a list instead of its rule: qianmo/response_model.py."""

from qianmo.response_model import assessed, response_model


def model(dbt, session):  # type: ignore[no-untyped-def]
    dbt.config(materialized="table")
    definitions = dbt.ref("int_list__definition")  # noqa: F841 (read by name in the SQL, like the others)
    candidates = dbt.ref("int_list__candidate")  # noqa: F841
    known = dbt.ref("int_list__response_input")  # noqa: F841
    past = dbt.ref("int_list__past_row").to_arrow_table()
    lists = session.sql("select legal_entity_code, list_code, outcome from definitions order by all").to_arrow_table()
    present = session.sql(
        """
        select candidates.list_code, known.*
        from candidates inner join known using (legal_entity_code, customer_id)
        where known.is_present
        """
    ).to_arrow_table()
    found = assessed(lists, past, present, response_model())  # noqa: F841
    return session.sql("select lists.legal_entity_code, found.* from found inner join lists using (list_code)")
