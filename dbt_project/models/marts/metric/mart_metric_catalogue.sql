with

definitions as (
    select * from {{ ref('int_metric__definition') }}
),

metric_values as (
    select * from {{ ref('int_metric__value') }}
    where dimension = 'bank'
)

select
    coalesce(metric_values.legal_entity_code, '{{ var("legal_entity_code") }}') as legal_entity_code,
    {{ business_date() }} as business_date,
    definitions.metric_code,
    definitions.metric_name,
    definitions.definition,
    definitions.numerator as numerator_rule,
    definitions.denominator as denominator_rule,
    definitions.grain,
    definitions.unit,
    definitions.is_additive,
    definitions.owner,
    definitions.base,
    definitions.detail_mart,
    metric_values.numerator,
    metric_values.denominator,
    metric_values.value,
    case
        when metric_values.value is null then '—'
        when definitions.unit = 'ratio' then format('{:.2f}%', metric_values.value * 100)
        when definitions.unit = 'amount' then format('{:,.2f}元', metric_values.value)
        when definitions.denominator is not null then format('{:,.2f}', metric_values.value)
        else format('{:,}', cast(metric_values.value as bigint))
    end as value_shown
from definitions
left join metric_values on definitions.metric_code = metric_values.metric_code
