{#- Marketing channels that a row of opt_out or authorisation speaks of: all stands for every one. -#}
{% macro expanded_channels(channel) -%}
    if({{ channel }} = 'all', ['phone', 'sms', 'visit', 'wechat'], [{{ channel }}])
{%- endmacro %}
