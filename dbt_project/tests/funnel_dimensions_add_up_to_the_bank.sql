-- Every dimension of cohorts and of applications holds each customer or application once, and what became of the
-- applications of a stage is all of them.
with

cohorts as (
    select
        dimension,
        period || cohort_start || from_stage_code || to_stage_code || horizon_name as cell_code,
        sum(customers) as counted,
        sum(earlier_customers) as other_rows,
        sum(converted) as reached
    from {{ ref('mart_funnel_cohort') }}
    group by dimension, cell_code
),

applications as (
    select
        dimension,
        stage_code as cell_code,
        sum(applications) as counted,
        sum(standing) as other_rows,
        sum(passed + rejected + standing) as reached
    from {{ ref('mart_application_funnel') }}
    group by dimension, cell_code
),

figures as (
    select * from cohorts
    union all
    select * from applications
),

bank as (
    select * from figures
    where dimension = 'bank'
)

select figures.*
from figures
left join bank on figures.cell_code = bank.cell_code
where
    figures.counted is distinct from bank.counted
    or figures.other_rows is distinct from bank.other_rows
    or figures.reached is distinct from bank.reached
union all
select applications.*
from applications
where reached <> counted
