with

past as (
    select * from {{ list_outcomes_before() }}
),

known as (
    select * from {{ ref('int_list__response_input') }}
),

list_rows as (
    select * from {{ list_rows_before() }}
),

joined as (
    select
        past.list_code,
        past.batch_id,
        past.outcome,
        past.known_date,
        past.is_success,
        known.*
    from past
    inner join known
        on
            past.legal_entity_code = known.legal_entity_code
            and past.customer_id = known.customer_id
            and past.listed_date = known.listed_date
),

-- What a list's rule says of the facts of that day; of what has no dates it knows nothing.
then_known as (
    select
        *,
        {%- for column, data_type in var('undated_features').items() %}
        cast(null as {{ data_type }}) as {{ column }},
        {%- endfor %}
        listed_date as business_date
    from joined
),

ruled as (
    {%- for list in var('lists') %}
    select
        legal_entity_code,
        batch_id,
        customer_id,
        cast({{ list.response }} as double) as response_rule
    from then_known
    where list_code = {{ sql_text(list.code) }}
    union all
    {%- endfor %}
    select
        legal_entity_code,
        batch_id,
        customer_id,
        cast(null as double) as response_rule
    from then_known
    where false
)

select
    joined.*,
    -- as it was said then, where this warehouse made the list
    coalesce(if(list_rows.scored_by = 'rule', list_rows.response_probability, null), ruled.response_rule)
        as response_rule,
    list_rows.value_amount
from joined
left join ruled
    on
        joined.legal_entity_code = ruled.legal_entity_code
        and joined.batch_id = ruled.batch_id
        and joined.customer_id = ruled.customer_id
left join list_rows
    on
        joined.legal_entity_code = list_rows.legal_entity_code
        and joined.batch_id = list_rows.batch_id
        and joined.customer_id = list_rows.customer_id
