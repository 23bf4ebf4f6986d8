{#- The bases whose rows are shown and followed from day to day: the column that tells their rows apart, the mart that
    shows them, whether they have a grid. -#}
{% macro metric_bases() -%}
    {{ return({
        'int_metric__base': {'key': 'customer_id', 'detail_mart': 'mart_customer_kpi', 'grid': 'primary_grid_id'},
        'int_metric__merchant': {'key': 'merchant_id', 'detail_mart': 'mart_kpi_event', 'grid': 'null'},
        'int_metric__loan': {'key': 'loan_id', 'detail_mart': 'mart_kpi_event', 'grid': 'null'},
        'int_metric__contact': {'key': 'outcome_id', 'detail_mart': 'mart_kpi_event', 'grid': 'null'},
        'int_metric__pipeline': {'key': 'application_id', 'detail_mart': 'mart_kpi_event', 'grid': 'null'},
        'int_metric__visit': {'key': 'visit_id', 'detail_mart': 'mart_kpi_event', 'grid': 'null'},
        'int_metric__settlement': {'key': 'customer_id', 'detail_mart': 'mart_settlement_compliance', 'grid': 'null'},
    }) }}
{%- endmacro %}

{#- The metrics that may be summed, of which every row is followed. -#}
{% macro additive_metrics() -%}
    {%- set found = var('metrics') | selectattr('additive') | list -%}
    {%- for metric in found if metric.base not in metric_bases() -%}
        {{ exceptions.raise_compiler_error(
            "metric " ~ metric.code ~ " is additive, but nobody can see its rows: add its base " ~ metric.base
            ~ " to macros/metric_bases.sql with its key and the mart that shows its rows"
        ) }}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}
