{#- Rows of a relation once for the whole bank and once for each dimension, with `dimension` and `dimension_value`. Who
    has no value of a dimension is its value '', so every dimension adds up to the bank. -#}
{% macro by_dimension(relation, dimensions) -%}
    select
        {{ relation }}.*,
        'bank' as dimension,
        {{ relation }}.legal_entity_code as dimension_value
    from {{ relation }}
    {%- for dimension, column in dimensions.items() %}
    union all
    select
        {{ relation }}.*,
        '{{ dimension }}' as dimension,
        coalesce({{ relation }}.{{ column }}, '') as dimension_value
    from {{ relation }}
    {%- endfor %}
{%- endmacro %}

{#- Dimensions of the funnel of customers, and the column of int_funnel__progress that holds each. -#}
{% macro funnel_dimensions() -%}
    {{ return({
        "branch": "branch_code",
        "manager": "manager_code",
        "market_type": "market_type",
        "segment": "segment_code",
        "grid": "grid_id",
        "list": "list_code",
        "product": "product_code",
        "channel": "channel",
    }) }}
{%- endmacro %}
