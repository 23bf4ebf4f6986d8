with

waterfall as (
    select * from {{ ref('int_list__waterfall') }}
),

permitted as (
    select * from {{ ref('int_list__permitted') }}
    where suppressed_by is null
),

definitions as (
    select * from {{ ref('int_list__definition') }}
),

customers as (
    select * from {{ ref('int_customer__features') }}
    where customer_type = 'person'
),

considered as (
    select
        permitted.legal_entity_code,
        permitted.list_code,
        definitions.list_name,
        permitted.customer_id,
        waterfall.step_code in ('delivered', 'holdout', 'on_this_list') as is_served,
        waterfall.score,
        case
            when customers.age >= 65 then '65岁及以上'
            when customers.age >= 55 then '55-64岁'
            when customers.age >= 45 then '45-54岁'
            when customers.age >= 35 then '35-44岁'
            when customers.age >= 25 then '25-34岁'
            when customers.age >= 18 then '18-24岁'
        end as age_band,
        {{ value_label('customers.gender', 'gender') }} as gender,
        {{ value_label('customers.market_type', 'market_type') }} as market_type
    from permitted
    inner join customers
        on
            permitted.legal_entity_code = customers.legal_entity_code
            and permitted.customer_id = customers.customer_id
    inner join waterfall
        on
            permitted.legal_entity_code = waterfall.legal_entity_code
            and permitted.list_code = waterfall.list_code
            and permitted.customer_id = waterfall.customer_id
    inner join definitions
        on
            permitted.legal_entity_code = definitions.legal_entity_code
            and permitted.list_code = definitions.list_code
),

-- a customer of several lists counts once over all of them, served by whichever
counted as (
    select * from considered
    union all
    select
        legal_entity_code,
        'all' as list_code,
        '全部名单' as list_name,
        customer_id,
        bool_or(is_served) as is_served,
        avg(score) as score,
        any_value(age_band) as age_band,
        any_value(gender) as gender,
        any_value(market_type) as market_type
    from considered
    group by legal_entity_code, customer_id
),

grouped as (
    {%- for group_kind in ['age_band', 'gender', 'market_type'] %}
    select
        legal_entity_code,
        list_code,
        list_name,
        '{{ group_kind }}' as group_kind,
        {{ group_kind }} as group_name,
        count(*) as customers,
        count(*) filter (where is_served) as served,
        avg(score) as mean_score
    from counted
    where {{ group_kind }} is not null
    group by legal_entity_code, list_code, list_name, {{ group_kind }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

compared as (
    select
        *,
        customers < {{ var('fairness_least_customers') }} as is_small,
        max(if(customers < {{ var('fairness_least_customers') }}, null, served / customers)) over (
            partition by legal_entity_code, list_code, group_kind
        ) as highest_share
    from grouped
)

-- a small group would show single customers
select
    {{ business_date() }} as business_date,
    legal_entity_code,
    list_code,
    list_name,
    group_kind,
    group_name,
    if(is_small, null, cast(customers as integer)) as customers,
    if(is_small, null, cast(served as integer)) as served,
    round(if(is_small, null, served / customers), 4) as served_share,
    round(if(is_small, null, mean_score), 2) as mean_score,
    round(if(is_small, null, served / customers / nullif(highest_share, 0)), 4) as ratio_to_highest,
    case
        when is_small then 'small_group'
        when served / customers < {{ var('fairness_ratio_least') }} * highest_share then 'watch'
        else 'even'
    end as fairness_status
from compared
