{#- One select per definition in definitions/tags: who carries the tag now, with its value and the evidence. Each
    reads only the columns it names, so the cost of a tag is a scan of those columns. -#}
{% macro tag_rows(features) -%}
    {%- for tag in var("tags") %}
    select
        legal_entity_code,
        customer_id,
        '{{ tag["code"] }}' as tag_code,
        '{{ tag["name"] }}' as tag_name,
        '{{ tag["family"] }}' as tag_family,
        cast({{ tag.get("value") or "null" }} as varchar) as tag_value,
        cast(to_json(struct_pack(
            {%- for column in tag["evidence"] %}{{ column }} := {{ column }}{{ ", " if not loop.last }}{% endfor -%}
        )) as varchar) as evidence,
        branch_code,
        manager_id
    from {{ features }}
    where {{ tag["when"] }}
    {{- "\n    union all" if not loop.last }}
    {%- else %}
    select
        legal_entity_code,
        customer_id,
        cast(null as varchar) as tag_code,
        cast(null as varchar) as tag_name,
        cast(null as varchar) as tag_family,
        cast(null as varchar) as tag_value,
        cast(null as varchar) as evidence,
        branch_code,
        manager_id
    from {{ features }}
    where false
    {%- endfor %}
{%- endmacro %}
