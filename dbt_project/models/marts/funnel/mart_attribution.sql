with

attributed as (
    select * from {{ ref('int_funnel__attributed') }}
),

stages as (
    select * from {{ ref('int_funnel__stage') }}
),

features as (
    select * from {{ ref('int_customer__features') }}
),

branches as (
    select * from {{ ref('dim_branch') }}
),

managers as (
    select * from {{ ref('dim_manager') }}
),

grids as (
    select * from {{ ref('dim_grid') }}
),

members as (
    select * from {{ ref('int_funnel__dimension') }}
),

touch_kinds (touch_kind, touch_kind_name) as (
    values
    ('contact', '名单触达'),
    ('visit', '客户经理走访'),
    ('application', '申请来源名单'),
    ('referral', '客户转介'),
    ('organic', '自然到店')
)

select
    {{ business_date() }} as business_date,
    attributed.legal_entity_code,
    attributed.customer_id,
    attributed.stage_code,
    stages.stage_name,
    stages.stage_order,
    attributed.attribution_model,
    attributed.event_date,
    strftime(attributed.event_date, '%Y-%m') as event_month,
    attributed.channel,
    attributed.amount,
    attributed.touch_kind,
    touch_kinds.touch_kind_name,
    attributed.touch_date,
    attributed.days_from_touch,
    attributed.list_code,
    attributed.list_batch_id,
    coalesce(lists.dimension_name, attributed.list_code, touch_kinds.touch_kind_name) as source_name,
    attributed.touch_manager_id,
    case
        when attributed.touch_kind = 'organic' then touch_kinds.touch_kind_name
        else coalesce(touch_managers.manager_name, attributed.touch_manager_id, '未登记')
    end as touch_manager_name,
    case
        when attributed.touch_kind = 'organic' then touch_kinds.touch_kind_name
        else coalesce(grids.scene_names, '无场景')
    end as scene_name,
    products.dimension_name as product_name,
    features.primary_grid_id as grid_id,
    features.branch_code,
    branches.branch_name,
    features.manager_id
from attributed
inner join stages on attributed.stage_code = stages.stage_code
inner join touch_kinds on attributed.touch_kind = touch_kinds.touch_kind
inner join features
    on
        attributed.legal_entity_code = features.legal_entity_code
        and attributed.customer_id = features.customer_id
left join branches
    on
        features.legal_entity_code = branches.legal_entity_code
        and features.branch_code = branches.branch_code
left join managers as touch_managers
    on
        attributed.legal_entity_code = touch_managers.legal_entity_code
        and attributed.touch_manager_id = touch_managers.manager_id
left join grids
    on
        features.legal_entity_code = grids.legal_entity_code
        and features.primary_grid_id = grids.grid_id
left join members as lists
    on
        attributed.legal_entity_code = lists.legal_entity_code
        and attributed.list_code = lists.dimension_value
        and lists.dimension = 'list'
left join members as products
    on
        attributed.legal_entity_code = products.legal_entity_code
        and attributed.product_code = products.dimension_value
        and products.dimension = 'product'
