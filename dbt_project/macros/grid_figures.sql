{#- The additive figures of a grid: every customer counts in one entity grid, so these sum to the bank at any level. -#}
{% macro grid_figures() -%}
    {{ return([
        "households", "people", "filed", "evaluated", "whitelisted", "credited", "drawn", "merchants", "customers",
        "person_customers", "deposits", "outstanding",
    ]) }}
{%- endmacro %}

{#- The figures of a set of rows of int_customer__features, of which `is_counted_household` says where a household
    counts. -#}
{% macro measured_grid_figures() -%}
    count(*) filter (where is_counted_household) as households,
        count(*) filter (where customer_type = 'person') as people,
        count(*) filter (where is_filed) as filed,
        count(*) filter (where is_evaluated) as evaluated,
        count(*) filter (where is_whitelisted) as whitelisted,
        count(*) filter (where is_credited) as credited,
        count(*) filter (where is_drawn) as drawn,
        count(*) filter (where merchant_id is not null) as merchants,
        count(*) filter (where is_bank_customer) as customers,
        count(*) filter (where is_bank_customer and customer_type = 'person') as person_customers,
        cast(sum(deposit_balance) as decimal(18, 2)) as deposits,
        cast(sum(outstanding) as decimal(18, 2)) as outstanding
{%- endmacro %}

{#- The figures of several grids, or parts of grids, together; 0 where there is nobody. -#}
{% macro summed_grid_figures(relation) -%}
    {%- for figure in grid_figures() %}
        {%- set type = "decimal(18, 2)" if figure in ("deposits", "outstanding") else "bigint" %}
    cast(coalesce(sum({{ relation }}.{{ figure }}), 0) as {{ type }}) as {{ figure }}{{ "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#- The rates that follow from the figures of a grid, at any level. -#}
{% macro grid_rates(relation) -%}
    {{ relation }}.person_customers / nullif({{ relation }}.people, 0) as penetration,
    {{ relation }}.filed / nullif({{ relation }}.people, 0) as filed_share,
    {{ relation }}.evaluated / nullif({{ relation }}.people, 0) as evaluated_share,
    {{ relation }}.credited / nullif({{ relation }}.customers, 0) as credited_share
{%- endmacro %}
