{#- Columns by which the figures of the funnel are grouped one at a time, and the name of each dimension. -#}
{% macro funnel_dimensions() -%}
    {{ return({
        "branch": "branch_code",
        "manager": "manager_id",
        "market_type": "market_type",
        "segment": "segment_code",
        "grid": "grid_id",
        "list": "list_code",
        "product": "product_code",
        "channel": "channel",
    }) }}
{%- endmacro %}

{#- The columns `dimension` and `dimension_value` of a query grouped by dimension_sets: the whole bank, then each
    dimension. Who has no value of a dimension is its value '', so every dimension adds up to the bank. -#}
{% macro dimension_columns(dimensions) -%}
    case
        {%- for dimension, column in dimensions.items() %}
        when grouping({{ column }}) = 0 then '{{ dimension }}'
        {%- endfor %}
        else 'bank'
    end as dimension,
    case
        {%- for column in dimensions.values() %}
        when grouping({{ column }}) = 0 then coalesce({{ column }}, '')
        {%- endfor %}
        else legal_entity_code
    end as dimension_value
{%- endmacro %}

{% macro dimension_sets(keys, dimensions) -%}
    grouping sets (
        ({{ keys | join(", ") }}),
        {%- for column in dimensions.values() %}
        ({{ keys | join(", ") }}, {{ column }}){{ "," if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}
