with

memberships as (
    select * from {{ ref('fct_customer_tag') }}
    where {{ in_force('valid_from', 'valid_to') }}
),

defined as (
    {%- for tag in var('tags') %}
    select
        '{{ tag["code"] }}' as tag_code,
        '{{ tag["name"] }}' as tag_name,
        '{{ tag["family"] }}' as tag_family,
        '{{ tag["definition"] | replace("'", "''") }}' as definition,
        '{{ tag["owner"] }}' as owner,
        '{{ tag["refresh"] }}' as refresh,
        '{{ tag["sensitivity"] }}' as sensitivity,
        cast({{ tag.get("validity_days") or "null" }} as integer) as validity_days
    {{- "\n    union all" if not loop.last }}
    {%- else %}
    select
        cast(null as varchar) as tag_code,
        cast(null as varchar) as tag_name,
        cast(null as varchar) as tag_family,
        cast(null as varchar) as definition,
        cast(null as varchar) as owner,
        cast(null as varchar) as refresh,
        cast(null as varchar) as sensitivity,
        cast(null as integer) as validity_days
    where false
    {%- endfor %}
),

counted as (
    select
        tag_code,
        count(distinct customer_id) as customers
    from memberships
    group by tag_code
)

select
    '{{ var("legal_entity_code") }}' as legal_entity_code,
    defined.tag_code,
    defined.tag_name,
    defined.tag_family,
    case defined.tag_family
        when 'space' then '空间'
        when 'time' then '时间'
        when 'industry' then '行业'
        when 'relation' then '关系'
        when 'behaviour' then '行为'
        when 'product' then '产品与价值'
        when 'credit' then '信贷周期'
        when 'account' then '账户周期'
        when 'suppression' then '营销抑制'
    end as family_name,
    defined.definition,
    defined.owner,
    defined.refresh,
    defined.sensitivity,
    defined.validity_days,
    coalesce(counted.customers, 0) as customers
from defined
left join counted on defined.tag_code = counted.tag_code
