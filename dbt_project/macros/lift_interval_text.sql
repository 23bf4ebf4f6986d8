{#- The interval of a lift in percentage points, as people read it. -#}
{% macro lift_interval_text() -%}
    coalesce(
        printf('%+.1f ~ %+.1f', 100 * lift_low, 100 * lift_high) || if(is_open, '(随时有效)', '(已满窗口)'), '样本太少'
    )
{%- endmacro %}
