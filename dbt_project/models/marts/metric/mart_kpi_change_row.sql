{%- set metrics = additive_metrics() -%}
{%- set of_customers = metrics | selectattr('base', 'equalto', 'int_metric__base') | list -%}
{%- set customer_codes = of_customers | map(attribute='code') | list -%}
{%- set organisation = ['branch_code', 'manager_code', 'town_code', 'primary_grid_id'] -%}
with

row_days as (
    select * from {{ ref('int_metric__row_day') }}
),

moved_identities as (
    select * from {{ ref('fct_customer_moved') }}
),

customers as (
    select * from {{ ref('int_metric__base') }}
),

definitions as (
    select * from {{ ref('int_metric__definition') }}
),

members as (
    select * from {{ ref('int_metric__dimension') }}
),

previous as (
    select max(business_date) as previous_date
    from row_days
    where business_date < {{ business_date() }}
),

-- As it was stored that day: nothing about yesterday is worked out again. On the first day there is none.
yesterday as not materialized (
    select row_days.*
    from row_days
    inner join previous on row_days.business_date = previous.previous_date
),

today as not materialized (
    select row_days.*
    from row_days
    inner join previous on row_days.business_date > previous.previous_date
    where row_days.business_date = {{ business_date() }}
),

former as (
    select
        yesterday.*,
        moved_identities.customer_id as standing_row_id
    from yesterday
    inner join moved_identities
        on
            yesterday.legal_entity_code = moved_identities.legal_entity_code
            and yesterday.row_id = moved_identities.former_customer_id
            and yesterday.base = 'int_metric__base'
),

merged as (
    select * from former
    union all by name
    select
        yesterday.*,
        yesterday.row_id as standing_row_id
    from yesterday
    semi join former
        on
            yesterday.legal_entity_code = former.legal_entity_code
            and yesterday.base = former.base
            and yesterday.row_id = former.standing_row_id
),

-- Yesterday as if customers who are one today had been one then: amounts add up, what was counted once stays once.
united as (
    select
        legal_entity_code,
        base,
        standing_row_id as row_id,
        {%- for column in organisation %}
        arg_max({{ column }}, (row_id = standing_row_id, row_id)) as {{ column }},
        {%- endfor %}
        {%- for metric in of_customers %}
        {{ 'sum' if metric.function == 'sum' else 'max' }}({{ metric.code }}) as {{ metric.code }},
        {%- endfor %}
        standing_row_id as customer_id
    from merged
    group by legal_entity_code, base, standing_row_id
),

-- Most rows are as they were: they leave by a digest, before anything wide is joined.
unchanged as (
    select
        both_days.legal_entity_code,
        both_days.base,
        both_days.row_id
    from (
        select * from yesterday
        union all by name
        select * from today
    ) as both_days
    anti join merged
        on
            both_days.legal_entity_code = merged.legal_entity_code
            and both_days.base = merged.base
            and both_days.row_id in (merged.row_id, merged.standing_row_id)
    group by
        both_days.legal_entity_code,
        both_days.base,
        both_days.row_id,
        hash(both_days.{{ (organisation + metrics | map(attribute='code') | list) | join(', both_days.') }})
    having count(*) = 2
),

rows_now as (
    select today.*
    from today
    anti join unchanged
        on
            today.legal_entity_code = unchanged.legal_entity_code
            and today.base = unchanged.base
            and today.row_id = unchanged.row_id
),

rows_before as (
    select yesterday.*
    from yesterday
    anti join unchanged
        on
            yesterday.legal_entity_code = unchanged.legal_entity_code
            and yesterday.base = unchanged.base
            and yesterday.row_id = unchanged.row_id
    anti join merged
        on
            yesterday.legal_entity_code = merged.legal_entity_code
            and yesterday.base = merged.base
            and yesterday.row_id = merged.row_id
    union all by name
    select * from united
),

paired as (
    select
        coalesce(rows_now.legal_entity_code, rows_before.legal_entity_code) as legal_entity_code,
        coalesce(rows_now.row_id, rows_before.row_id) as row_id,
        coalesce(rows_now.customer_id, rows_before.customer_id) as customer_id,
        {%- for column in organisation %}
        rows_before.{{ column }} as {{ column }}_before,
        rows_now.{{ column }},
        coalesce(rows_now.{{ column }}, '') <> coalesce(rows_before.{{ column }}, '') as moves_{{ column }},
        {%- endfor %}
        {%- for metric in metrics %}
        coalesce(rows_before.{{ metric.code }}, 0) as {{ metric.code }}_before,
        coalesce(rows_now.{{ metric.code }}, 0) as {{ metric.code }}_now,
        {%- endfor %}
        rows_before.row_id is not null as was_there,
        rows_now.row_id is not null as is_there,
        rows_before.row_id is not null and rows_now.row_id is not null
        and (moves_{{ organisation | join(' or moves_') }}) as is_moved
    from rows_now
    full join rows_before
        on
            rows_now.legal_entity_code = rows_before.legal_entity_code
            and rows_now.base = rows_before.base
            and rows_now.row_id = rows_before.row_id
),

measured as (
    select
        legal_entity_code,
        row_id,
        customer_id,
        {%- for column in organisation %}
        {{ column }}_before,
        {{ column }},
        moves_{{ column }},
        {%- endfor %}
        was_there,
        is_there,
        is_moved,
        -- A customer whose grid or place changed with its manager was zoned anew, not handed over.
        case
            when moves_primary_grid_id or moves_town_code then 'rezoned'
            when moves_branch_code then 'branch'
            else 'manager'
        end as moved_by,
        unnest(
            list_filter(
                [
                    {%- for metric in metrics %}
                    {
                        'metric_code': '{{ metric.code }}',
                        'value_before': {{ metric.code }}_before,
                        'value_now': {{ metric.code }}_now
                    }{{ "," if not loop.last }}
                    {%- endfor %}
                ],
                lambda one: struct_extract(one, 'value_now') <> struct_extract(one, 'value_before')
                or (is_moved and struct_extract(one, 'value_before') <> 0)
            ),
            recursive := true
        )
    from paired
),

steps as (
    select
        *,
        false as is_move,
        case when not was_there then 'new' when value_now > value_before then 'grown' else 'shrunk' end as contribution,
        value_now - value_before as amount
    from measured
    where is_there
    union all
    select
        *,
        true as is_move,
        moved_by || '_in' as contribution,
        value_before as amount
    from measured
    where is_moved
    union all
    select
        * replace (
            {%- for column in organisation %}
            {{ column }}_before as {{ column }}{{ "," if not loop.last }}
            {%- endfor %}
        ),
        is_there as is_move,
        case when is_there then moved_by || '_out' else 'lost' end as contribution,
        -value_before as amount
    from measured
    where is_moved or not is_there
),

-- Two customers leave and the one that they are enters.
merger_values as (
    select
        *,
        unnest({{ customer_codes }}) as metric_code,
        unnest([{{ customer_codes | join(', ') }}]) as value
    from (
        select
            *,
            true as is_gone
        from merged
        union all by name
        select
            *,
            row_id as standing_row_id,
            false as is_gone
        from united
    ) as both_sides
),

contributions as (
    select
        legal_entity_code,
        row_id,
        customer_id,
        metric_code,
        contribution,
        {{ organisation | join(',
        ') }},
        not is_move as is_of_bank,
        not is_move or moves_branch_code as is_of_branch,
        not is_move or moves_manager_code as is_of_manager,
        not is_move or moves_town_code as is_of_town,
        not is_move or moves_primary_grid_id as is_of_grid,
        value_before,
        value_now,
        amount
    from steps
    union all
    select
        legal_entity_code,
        row_id,
        standing_row_id as customer_id,
        metric_code,
        'merged' as contribution,
        {{ organisation | join(',
        ') }},
        true as is_of_bank,
        true as is_of_branch,
        true as is_of_manager,
        true as is_of_town,
        true as is_of_grid,
        if(is_gone, value, 0) as value_before,
        if(is_gone, 0, value) as value_now,
        if(is_gone, -value, value) as amount
    from merger_values
)

select
    contributions.legal_entity_code,
    {{ business_date() }} as business_date,
    previous.previous_date,
    contributions.metric_code,
    definitions.metric_name,
    contributions.contribution,
    contributions.row_id,
    contributions.customer_id,
    customers.core_customer_id,
    customers.name_masked,
    contributions.branch_code,
    branches.dimension_name as branch_name,
    managers.manager_id,
    contributions.manager_code,
    managers.dimension_name as manager_name,
    contributions.town_code,
    contributions.primary_grid_id,
    contributions.is_of_bank,
    contributions.is_of_branch,
    contributions.is_of_manager,
    contributions.is_of_town,
    contributions.is_of_grid,
    contributions.value_before,
    contributions.value_now,
    contributions.amount
from contributions
cross join previous
inner join definitions on contributions.metric_code = definitions.metric_code
left join customers
    on
        contributions.legal_entity_code = customers.legal_entity_code
        and contributions.customer_id = customers.customer_id
left join members as branches
    on
        contributions.legal_entity_code = branches.legal_entity_code
        and branches.dimension = 'branch'
        and contributions.branch_code = branches.dimension_value
left join members as managers
    on
        contributions.legal_entity_code = managers.legal_entity_code
        and managers.dimension = 'manager'
        and contributions.manager_code = managers.dimension_value
where contributions.amount <> 0
