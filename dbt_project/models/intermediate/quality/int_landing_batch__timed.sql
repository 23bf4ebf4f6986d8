with

due as (
    select * from {{ ref('stg_ledger__landing_due') }}
),

batches as (
    select * from {{ ref('stg_ledger__landing_batch') }}
),

arrivals as (
    select * from {{ ref('stg_ledger__gate_measure') }}
    where measure = 'late'
),

versions as (
    select
        source,
        table_name,
        business_date,
        max(version) as version
    from {{ ref('stg_ledger__landing_version') }}
    group by source, table_name, business_date
),

tables as (
    select * from {{ ref('int_landed_table__named') }}
),

known as (
    select
        coalesce(batches.business_date, due.business_date) as business_date,
        coalesce(batches.legal_entity_code, due.legal_entity_code) as legal_entity_code,
        coalesce(batches.source, due.source) as source,
        coalesce(batches.table_name, due.table_name) as table_name,
        due.source is not null as is_due,
        due.deadline_hours,
        batches.status,
        batches.message,
        batches.rows_in,
        batches.rows_quarantined
    from due
    full join batches
        on
            due.source = batches.source
            and due.table_name = batches.table_name
            and due.business_date = batches.business_date
)

select
    known.business_date,
    known.legal_entity_code,
    known.source,
    coalesce(tables.source_name, known.source) as source_name,
    known.table_name,
    coalesce(tables.table_label, known.table_name) as table_label,
    coalesce(tables.table_title, known.source || ' ' || known.table_name) as table_title,
    known.is_due,
    coalesce(known.deadline_hours, arrivals.upper_bound) as deadline_hours,
    arrivals.value as hours_after_close,
    case
        -- Landing words a delivery that was due and not there so (ingestion/inbox.py).
        when known.status is null then 'missing'
        when known.status = 'refused' and known.message like '%: expected a file for %, found none%' then 'missing'
        when known.status = 'refused' then 'refused'
        when arrivals.value > arrivals.upper_bound then 'late'
        else 'on_time'
    end as delivery_status,
    versions.version,
    known.rows_in,
    known.rows_quarantined
from known
left join versions
    on
        known.source = versions.source
        and known.table_name = versions.table_name
        and known.business_date = versions.business_date
left join arrivals
    on
        known.source = arrivals.source
        and known.table_name = arrivals.table_name
        and known.business_date = arrivals.business_date
        and known.status = 'landed'
left join tables
    on
        known.source = tables.source
        and known.table_name = tables.table_name
