{#- The date that everything is as of. Never current_date: a past date is rebuilt as it was. -#}
{% macro business_date() -%}
    date '{{ var("business_date") }}'
{%- endmacro %}

{#- In force on the business date: the end is the first day on which the thing no longer holds. -#}
{% macro in_force(start_date, end_date) -%}
    ({{ start_date }} <= {{ business_date() }} and ({{ end_date }} is null or {{ end_date }} > {{ business_date() }}))
{%- endmacro %}

{#- The legal basis that a batch was received under still holds (domain section 11). -#}
{% macro basis_holds(relation) -%}
    ({{ relation }}.basis_expiry is null or {{ relation }}.basis_expiry > {{ business_date() }})
{%- endmacro %}

{#- The first day after the month, quarter or year that begins on a date. -#}
{% macro period_end(period_type, period_start) -%}
    cast(
        {{ period_start }} + case {{ period_type }}
            when 'month' then interval 1 month when 'quarter' then interval 3 month else interval 1 year
        end as date
    )
{%- endmacro %}

{#- Posting dates of the last n days, the business date included. -#}
{% macro within_days(column, days) -%}
    ({{ column }} > {{ business_date() }} - {{ days }} and {{ column }} <= {{ business_date() }})
{%- endmacro %}
