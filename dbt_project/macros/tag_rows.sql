{#- Who carries which tag now, with its value: one select per definition in definitions/tags. Each reads only the
    columns it names, so the cost of a tag is a scan of those columns. The evidence is left out where most of it would
    be thrown away (see tag_evidence). -#}
{% macro tag_rows(features, with_evidence) -%}
    {%- for tag in var("tags") %}
    select
        legal_entity_code,
        customer_id,
        '{{ tag["code"] }}' as tag_code,
        '{{ tag["name"] }}' as tag_name,
        '{{ tag["family"] }}' as tag_family,
        cast({{ tag.get("value") or "null" }} as varchar) as tag_value,
        {%- if with_evidence %}
        '{{ tag["rule_version"] }}' as rule_version,
        {{ evidence_json(tag, features) }} as evidence,
        {%- endif %}
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
        {%- if with_evidence %}
        cast(null as varchar) as rule_version,
        cast(null as varchar) as evidence,
        {%- endif %}
        branch_code,
        manager_id
    from {{ features }}
    where false
    {%- endfor %}
{%- endmacro %}

{#- The evidence of rows of tag_rows, for the few of them that are new: `tagged` joined with `features`. -#}
{% macro tag_evidence(tagged, features) -%}
    {%- if not var("tags") -%}
    cast(null as varchar)
    {%- else -%}
    case {{ tagged }}.tag_code
        {%- for tag in var("tags") %}
            when '{{ tag["code"] }}' then {{ evidence_json(tag, features) }}
        {%- endfor %}
        end
    {%- endif -%}
{%- endmacro %}

{#- Which rule decided: changes with the file of the tag, not with the features. -#}
{% macro tag_rule_version(tagged) -%}
    {%- if not var("tags") -%}
    cast(null as varchar)
    {%- else -%}
    case {{ tagged }}.tag_code
        {%- for tag in var("tags") %}
            when '{{ tag["code"] }}' then '{{ tag["rule_version"] }}'
        {%- endfor %}
        end
    {%- endif -%}
{%- endmacro %}

{% macro evidence_json(tag, features) -%}
    cast(to_json(struct_pack(
        {%- for column in tag["evidence"] -%}
            {{ column }} := {{ features }}.{{ column }}{{ ", " if not loop.last }}
        {%- endfor -%}
    )) as varchar)
{%- endmacro %}
