{#- The interval of a lift in percentage points, as people read it. -#}
{% macro lift_interval_text(lifts) -%}
    coalesce(
        printf('%+.1f ~ %+.1f', 100 * {{ lifts }}.lift_low, 100 * {{ lifts }}.lift_high)
        || if({{ lifts }}.is_open, '(随时有效)', '(已满窗口)'), '样本太少'
    )
{%- endmacro %}
