{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ delete_business_date() }}") }}
{%- set measures = [
    'managed_customers',
    'offline_credit',
    'online_credit',
    'non_credit',
    'deposits',
    'outstanding',
    'visits_month',
    'new_customers_month',
] -%}

with

portfolios as (
    select * from {{ ref('int_metric__manager_portfolio') }}
),

targets as (
    select
        {%- for measure in measures %}
        max(target_value) filter (where measure_code = '{{ measure }}') as {{ measure }}_target,
        {%- endfor %}
        legal_entity_code,
        manager_id
    from {{ ref('int_metric__manager_target') }}
    group by legal_entity_code, manager_id
),

compared as (
    select
        {%- for measure in measures %}
        targets.{{ measure }}_target,
        portfolios.{{ measure }} / nullif(targets.{{ measure }}_target, 0) as {{ measure }}_completion,
        {%- endfor %}
        portfolios.*
    from portfolios
    left join targets
        on
            portfolios.legal_entity_code = targets.legal_entity_code
            and portfolios.manager_id = targets.manager_id
),

completed as (
    select
        *,
        list_avg([
            {%- for measure in measures %}
            {{ measure }}_completion{{ "," if not loop.last }}
            {%- endfor %}
        ]) as completion
    from compared
)

select
    {{ business_date() }} as business_date,
    legal_entity_code,
    manager_id,
    manager_name,
    branch_code,
    branch_name,
    managed_customers,
    offline_credit,
    online_credit,
    non_credit,
    deposits,
    outstanding,
    credited,
    drawn,
    drawn / nullif(credited, 0) as drawdown_rate,
    visits_month,
    new_customers_month,
    {%- for measure in measures %}
    {{ measure }}_target,
    {{ measure }}_completion,
    {%- endfor %}
    completion,
    rank() over (
        partition by legal_entity_code, branch_code
        order by completion desc nulls last, managed_customers desc
    ) as rank_in_branch,
    rank() over (
        partition by legal_entity_code
        order by completion desc nulls last, managed_customers desc
    ) as rank_in_bank
from completed
