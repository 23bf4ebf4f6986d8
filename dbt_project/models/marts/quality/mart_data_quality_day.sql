with

deliveries as (
    select
        business_date,
        legal_entity_code,
        count(*) filter (where is_due) as deliveries_due,
        count(*) filter (where is_due and delivery_status in ('on_time', 'late')) as deliveries_arrived,
        count(*) filter (where is_due and delivery_status = 'on_time') as deliveries_on_time,
        coalesce(sum(rows_in), 0) as rows_in,
        coalesce(sum(rows_quarantined), 0) as rows_quarantined
    from {{ ref('mart_data_freshness') }}
    group by business_date, legal_entity_code
),

results as (
    select
        business_date,
        legal_entity_code,
        count(*) as checks,
        count(*) filter (where not is_passed) as checks_failed
    from {{ ref('mart_gate_result') }}
    group by business_date, legal_entity_code
)

select
    deliveries.business_date,
    deliveries.legal_entity_code,
    deliveries.deliveries_due,
    deliveries.deliveries_arrived,
    deliveries.deliveries_on_time,
    case
        when deliveries.deliveries_due > 0 then deliveries.deliveries_arrived / deliveries.deliveries_due
    end as arrival_rate,
    case
        when deliveries.deliveries_due > 0 then deliveries.deliveries_on_time / deliveries.deliveries_due
    end as on_time_rate,
    cast(deliveries.rows_in as bigint) as rows_in,
    cast(deliveries.rows_quarantined as bigint) as rows_quarantined,
    case when deliveries.rows_in > 0 then deliveries.rows_quarantined / deliveries.rows_in end as quarantine_share,
    coalesce(results.checks, 0) as checks,
    coalesce(results.checks_failed, 0) as checks_failed
from deliveries
left join results
    on
        deliveries.business_date = results.business_date
        and deliveries.legal_entity_code = results.legal_entity_code
