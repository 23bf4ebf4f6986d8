-- A rule with a fault takes nobody: it is shown in mart_grid_rule, and the night goes on.
{{ config(severity='warn') }}
select
    rule_id,
    grid_id,
    rule_fault
from {{ ref('mart_grid_rule') }}
where rule_fault <> 'none'
