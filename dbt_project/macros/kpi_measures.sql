{#- Metrics that the KPI marts of managers and branches show, each a column of the metric's code. Additive ones are 0
    where nothing counts. -#}
{% macro kpi_measures() -%}
    {{ return([
        "managed_customers", "managed_customers_offline_credit", "managed_customers_online_credit",
        "managed_customers_non_credit", "deposits", "settlement_deposits", "pure_deposits", "margin_deposits",
        "savings_deposits", "outstanding", "aum", "credited", "drawn", "merchants", "merchant_deposits",
        "merchant_amount", "payroll_customers", "basic_account_customers", "new_customers_month", "new_credited_month",
        "new_drawn_month", "disbursed_amount_month", "visits_month", "contacts_month", "applications_month",
    ]) }}
{%- endmacro %}

{% macro kpi_rates() -%}
    {{ return([
        "drawdown_rate_credited_all", "overdue_rate", "settlement_deposit_share", "bill_discount_coverage",
        "international_settlement_coverage", "cash_management_coverage", "credit_card_coverage",
        "three_small_one_card_coverage",
    ]) }}
{%- endmacro %}

{#- One column per metric from rows of int_metric__value, so that no view can differ from the metric contract. -#}
{% macro kpi_columns(relation) -%}
    {%- for code in kpi_measures() %}
    coalesce(max({{ relation }}.value) filter (where {{ relation }}.metric_code = '{{ code }}'), 0) as {{ code }},
    {%- endfor %}
    {%- for code in kpi_rates() %}
    max({{ relation }}.value) filter (where {{ relation }}.metric_code = '{{ code }}') as {{ code }}
        {{- "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}
