with

landed as (
    select * from {{ source('ledger', 'gate_measure') }}
)

select
    '{{ var("legal_entity_code") }}' as legal_entity_code,
    split_part(subject, '.', 1) as source,
    split_part(subject, '.', 2) as table_name,
    cast(business_date as date) as business_date,
    measure,
    column_name,
    code,
    cast(value as double) as value,
    cast(lower as double) as lower_bound,
    cast(upper as double) as upper_bound
from landed
where gate = 'landing' and cast(business_date as date) <= {{ business_date() }}
