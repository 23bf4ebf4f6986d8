"""Candidates by expected value: the rule's, or the model's where it ranks."""

from qianmo.response_model import predicted, response_model


def model(dbt, session):  # type: ignore[no-untyped-def]
    dbt.config(materialized="table")
    candidates = dbt.ref("int_list__candidate")  # noqa: F841 (read by name in the SQL, like the others)
    known = dbt.ref("int_list__response_input")  # noqa: F841
    assessed = dbt.ref("int_list__assessed").to_arrow_table()
    present = session.sql(
        """
        select candidates.list_code, known.*
        from assessed
        inner join candidates using (legal_entity_code, list_code)
        inner join known using (legal_entity_code, customer_id)
        where assessed.is_model and known.is_present
        """
    ).to_arrow_table()
    learnt = predicted(assessed, present, response_model())  # noqa: F841
    return session.sql(
        """
        select
            candidates.legal_entity_code,
            candidates.list_code,
            candidates.customer_id,
            coalesce(learnt.probability, candidates.response_rule) as response_probability,
            candidates.value_amount,
            response_probability * candidates.value_amount as score,
            if(learnt.customer_id is null, 'rule', 'model') as scored_by,
            learnt.reason as score_reason
        from candidates
        left join learnt using (list_code, customer_id)
        """
    )
