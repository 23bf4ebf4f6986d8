{#- Places in the organisation tree of KPIs: bank, branch, manager. What has no branch, or a branch without a manager,
    is a member of its own, so that the bank is the sum of its branches and a branch the sum of its managers. -#}
{% macro kpi_branch_code(branch_code) -%}
    coalesce({{ branch_code }}, 'unassigned')
{%- endmacro %}

{% macro kpi_manager_code(manager_id, branch_code) -%}
    coalesce({{ manager_id }}, concat_ws('_', 'unassigned', {{ branch_code }}))
{%- endmacro %}

{#- What every base of metrics can be cut by besides: of the customer it is about. -#}
{% macro kpi_dimensions(relation) -%}
    {{ relation }}.market_type,
    {{ relation }}.town_code,
    {{ relation }}.town_name,
    {{ relation }}.segment_code,
    {{ relation }}.segment_name
{%- endmacro %}
