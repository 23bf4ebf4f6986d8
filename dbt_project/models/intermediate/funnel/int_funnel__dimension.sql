with

organisation as (
    select * from {{ ref('int_metric__dimension') }}
    where dimension in ('bank', 'branch', 'market_type', 'segment', 'grid', 'manager')
),

lists as (
    select * from {{ ref('int_list__definition') }}
),

products as (
    select * from {{ ref('stg_master__product') }}
),

channels (channel, channel_name) as (
    values
    ('online', '线上'),
    ('offline', '线下')
)

select
    legal_entity_code,
    dimension,
    dimension_value,
    dimension_name,
    branch_code,
    manager_id
from organisation
union all
select
    legal_entity_code,
    'list' as dimension,
    list_code as dimension_value,
    list_name as dimension_name,
    cast(null as varchar) as branch_code,
    cast(null as varchar) as manager_id
from lists
union all
select
    legal_entity_code,
    'product' as dimension,
    product_code as dimension_value,
    product_name as dimension_name,
    cast(null as varchar) as branch_code,
    cast(null as varchar) as manager_id
from products
union all
select
    '{{ var("legal_entity_code") }}' as legal_entity_code,
    'channel' as dimension,
    channel as dimension_value,
    channel_name as dimension_name,
    cast(null as varchar) as branch_code,
    cast(null as varchar) as manager_id
from channels
