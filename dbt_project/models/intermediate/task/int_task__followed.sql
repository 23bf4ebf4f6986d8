with

tasks as (
    select * from {{ ref('int_task__generated') }}
    where created_date <= {{ business_date() }}
),

touches as (
    select * from {{ ref('int_customer_touch__collected') }}
),

-- A call is done by a visit as well; what a head is asked for is done by a head.
done as (
    select
        tasks.legal_entity_code,
        tasks.task_id,
        min(touches.touched_date) as done_date,
        min_by(touches.employee_id, (touches.touched_date, touches.employee_id)) as done_by
    from tasks
    inner join touches
        on
            tasks.legal_entity_code = touches.legal_entity_code
            and tasks.customer_id = touches.customer_id
            and tasks.created_date < touches.touched_date
            and tasks.due_date >= touches.touched_date
            and (coalesce(tasks.method, 'phone') = 'phone' or touches.method = 'visit')
            and (tasks.responsible_role = 'manager' or touches.is_by_head)
    group by tasks.legal_entity_code, tasks.task_id
)

select
    tasks.*,
    done.done_date,
    done.done_by,
    case
        when done.done_date is not null then 'done'
        when tasks.due_date < {{ business_date() }} then 'overdue'
        else 'open'
    end as task_status
from tasks
left join done
    on
        tasks.legal_entity_code = done.legal_entity_code
        and tasks.task_id = done.task_id
