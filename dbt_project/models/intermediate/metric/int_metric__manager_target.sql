with

targets as (
    select
        *,
        case period_type
            when 'month' then period_start + interval 1 month
            when 'quarter' then period_start + interval 3 month
            else period_start + interval 1 year
        end as period_end,
        case period_type when 'month' then 1 when 'quarter' then 2 else 3 end as period_rank
    from {{ ref('stg_master__target') }}
    where organisation_level = 'manager'
)

select
    legal_entity_code,
    organisation_code as manager_id,
    measure_code,
    period_type,
    target_value
from targets
where period_start <= {{ business_date() }} and period_end > {{ business_date() }}
-- The shortest period that holds the day: a month's target goes before the year's.
qualify row_number() over (
    partition by legal_entity_code, organisation_code, measure_code order by period_rank asc, period_start desc
) = 1
