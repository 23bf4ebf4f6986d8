with

branches as (
    select * from {{ ref('stg_core__branch') }}
),

employees as (
    select * from {{ ref('stg_core__employee') }}
),

villages as (
    select * from {{ ref('stg_master__village') }}
),

segments as (
    select * from {{ ref('stg_master__segment') }}
),

-- all of them: what left a grid that has ended is told by its name
grids as (
    select * from {{ ref('stg_master__grid') }}
),

market_types (market_type, market_type_name) as (
    values
    ('urban', '城区'),
    ('suburban', '城郊'),
    ('rural', '农村')
)

select
    '{{ var("legal_entity_code") }}' as legal_entity_code,
    'bank' as dimension,
    '{{ var("legal_entity_code") }}' as dimension_value,
    {{ sql_text(var("legal_entity_name")) }} as dimension_name,
    cast(null as varchar) as branch_code,
    cast(null as varchar) as manager_id
union all
select
    legal_entity_code,
    'branch' as dimension,
    branch_code as dimension_value,
    branch_name as dimension_name,
    branch_code,
    cast(null as varchar) as manager_id
from branches
union all
select
    '{{ var("legal_entity_code") }}' as legal_entity_code,
    'market_type' as dimension,
    market_type as dimension_value,
    market_type_name as dimension_name,
    cast(null as varchar) as branch_code,
    cast(null as varchar) as manager_id
from market_types
union all
select distinct
    legal_entity_code,
    'town' as dimension,
    town_code as dimension_value,
    town_name as dimension_name,
    cast(null as varchar) as branch_code,
    cast(null as varchar) as manager_id
from villages
union all
select
    legal_entity_code,
    'segment' as dimension,
    segment_code as dimension_value,
    segment_name as dimension_name,
    cast(null as varchar) as branch_code,
    cast(null as varchar) as manager_id
from segments
union all
select
    legal_entity_code,
    'grid' as dimension,
    grid_id as dimension_value,
    grid_name as dimension_name,
    branch_code,
    cast(null as varchar) as manager_id
from grids
union all
select
    legal_entity_code,
    'manager' as dimension,
    employee_id as dimension_value,
    employee_name as dimension_name,
    {{ kpi_branch_code('branch_code') }} as branch_code,
    employee_id as manager_id
from employees
union all
select
    legal_entity_code,
    'manager' as dimension,
    {{ kpi_manager_code('null', 'branch_code') }} as dimension_value,
    '未分配客户经理' as dimension_name,
    branch_code,
    cast(null as varchar) as manager_id
from branches
union all
select
    '{{ var("legal_entity_code") }}' as legal_entity_code,
    unnest(['branch', 'manager']) as dimension,
    {{ kpi_branch_code('null') }} as dimension_value,
    unnest(['未归属机构', '未分配客户经理']) as dimension_name,
    {{ kpi_branch_code('null') }} as branch_code,
    cast(null as varchar) as manager_id
