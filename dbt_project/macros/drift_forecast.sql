{#- Forecast by drift, a random walk with drift (Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd
    edition, sections 5.2 and 5.5), from the mean and the sample standard deviation of `days` daily changes. -#}
{% macro drift_forecast(level, mean, days_ahead) -%}
    {{ level }} + {{ mean }} * {{ days_ahead }}
{%- endmacro %}

{#- Half of an interval: `quantile` of the normal distribution (1.2816 for 80 %, 1.96 for 95 %) times the standard
    deviation sqrt(σ²h(1 + h/(T − 1))), where T − 1 is the number of changes. -#}
{% macro drift_margin(deviation, days, days_ahead, quantile) -%}
    {{ quantile }} * {{ deviation }} * sqrt({{ days_ahead }} * (1 + {{ days_ahead }} / cast({{ days }} as double)))
{%- endmacro %}

{#- Mean and standard deviation of daily changes from the sums of `changes` changes and of their squares over `days`
    days; a change over several days has its square divided by them. -#}
{% macro drift_mean(total, days) -%}
    {{ total }} / nullif({{ days }}, 0)
{%- endmacro %}

{% macro drift_deviation(total, squares, days, changes) -%}
    sqrt(greatest({{ squares }} - {{ total }} * {{ total }} / nullif({{ days }}, 0), 0) / nullif({{ changes }} - 1, 0))
{%- endmacro %}
