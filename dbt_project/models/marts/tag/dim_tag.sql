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
        {{ sql_text(tag["definition"]) }} as definition,
        {{ sql_text(tag["when"]) }} as rule_sql,
        {{ sql_text(tag.get("value")) }} as value_sql,
        {{ sql_text(tag.get("parameters")) }} as thresholds,
        '{{ tag["rule_version"] }}' as rule_version,
        {{ sql_text(tag["evidence"] | join('、')) }} as evidence_columns,
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
        cast(null as varchar) as rule_sql,
        cast(null as varchar) as value_sql,
        cast(null as varchar) as thresholds,
        cast(null as varchar) as rule_version,
        cast(null as varchar) as evidence_columns,
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
    {{ tag_family_name('defined.tag_family') }} as family_name,
    defined.definition,
    defined.rule_sql,
    defined.value_sql,
    defined.thresholds,
    defined.rule_version,
    defined.evidence_columns,
    defined.owner,
    defined.refresh,
    defined.sensitivity,
    case defined.sensitivity when 'C2' then '敏感(C2)' else '一般(C1)' end as sensitivity_name,
    defined.validity_days,
    coalesce(counted.customers, 0) as customers
from defined
left join counted on defined.tag_code = counted.tag_code
