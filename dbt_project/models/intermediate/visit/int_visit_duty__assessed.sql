with

features as (
    select * from {{ ref('int_customer__features') }}
),

rule_rows as (
    select * from {{ ref('int_rule__listed') }}
    where rule_code = 'visit_requirement'
),

touches as (
    select * from {{ ref('int_customer_touch__collected') }}
),

matched as (
    {{ rule_matches('visit_requirement', 'features', ['legal_entity_code', 'customer_id', 'manager_id']) }}
),

duties as (
    select
        matched.legal_entity_code,
        matched.customer_id,
        matched.manager_id,
        matched.rule_row,
        rule_rows.method,
        rule_rows.responsible_role in ('team_head', 'branch_head') as is_of_head,
        rule_rows.period,
        unnest([0, 1]) as periods_ago
    from matched
    inner join rule_rows
        on
            matched.legal_entity_code = rule_rows.legal_entity_code
            and matched.rule_row = rule_rows.rule_row
),

dated as (
    select
        *,
        cast(
            date_trunc(period, {{ business_date() }}) - case period
                when 'month' then to_months(cast(periods_ago as integer))
                else to_months(cast(3 * periods_ago as integer))
            end as date
        ) as period_start,
        {{ period_end('period', 'period_start') }} - 1 as period_end
    from duties
),

done as (
    select
        dated.legal_entity_code,
        dated.customer_id,
        dated.rule_row,
        dated.period_start,
        cast(sum(touches.touches) as integer) as done_count,
        max(touches.touched_date) as last_done_date,
        max_by(touches.employee_id, (touches.touched_date, touches.employee_id)) as last_done_by
    from dated
    inner join touches
        on
            dated.legal_entity_code = touches.legal_entity_code
            and dated.customer_id = touches.customer_id
            and dated.method = touches.method
            and dated.is_of_head = touches.is_by_head
            and dated.period_start <= touches.touched_date
            and dated.period_end >= touches.touched_date
    group by dated.legal_entity_code, dated.customer_id, dated.rule_row, dated.period_start
)

select
    dated.legal_entity_code,
    dated.customer_id,
    dated.manager_id,
    dated.rule_row,
    dated.period,
    dated.period_start,
    dated.period_end,
    dated.periods_ago = 0 as is_current,
    coalesce(done.done_count, 0) as done_count,
    done.last_done_date,
    done.last_done_by,
    greatest(cast(dated.period_end - {{ business_date() }} as integer), 0) as days_left,
    case
        when done.done_count > 0 then 'done'
        when dated.period_end < {{ business_date() }} then 'overdue'
        else 'open'
    end as duty_status
from dated
left join done
    on
        dated.legal_entity_code = done.legal_entity_code
        and dated.customer_id = done.customer_id
        and dated.rule_row = done.rule_row
        and dated.period_start = done.period_start
