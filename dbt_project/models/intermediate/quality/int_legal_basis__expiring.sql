{#- Bases and authorisations that run out within so many days, or have run out. Expiry dates are exclusive. -#}
with

bases as (
    select * from {{ ref('int_legal_basis__collected') }}
    where basis_expiry <= {{ business_date() }} + {{ var("expiring_days") }}
),

authorisations as (
    select * from {{ ref('stg_marketing__authorisation') }} as authorisations
    where
        {{ basis_holds('authorisations') }}
        and {{ in_force('authorisations.granted_date', 'authorisations.expiry_date') }}
        and (authorisations.revoked_date is null or authorisations.revoked_date > {{ business_date() }})
        and authorisations.expiry_date <= {{ business_date() }} + {{ var("expiring_days") }}
),

found as (
    select
        legal_entity_code,
        'batch' as right_kind,
        source,
        table_name,
        basis_source,
        legal_basis,
        basis_purpose as purpose,
        cast(null as varchar) as channel,
        basis_expiry as expiry_date,
        rows_held
    from bases
    union all
    select
        legal_entity_code,
        'authorisation' as right_kind,
        'marketing' as source,
        'authorisation' as table_name,
        cast(null as varchar) as basis_source,
        cast(null as varchar) as legal_basis,
        purpose,
        channel,
        expiry_date,
        count(*) as rows_held
    from authorisations
    group by all
),

tables as (
    select * from {{ ref('int_landed_table__named') }}
)

select
    {{ business_date() }} as business_date,
    found.legal_entity_code,
    found.right_kind,
    found.source,
    coalesce(tables.source_name, found.source) as source_name,
    found.table_name,
    coalesce(tables.table_label, found.table_name) as table_label,
    coalesce(tables.table_title, found.source || ' ' || found.table_name) as table_title,
    found.basis_source,
    found.legal_basis,
    found.purpose,
    found.channel,
    found.expiry_date,
    found.expiry_date - {{ business_date() }} as days_left,
    found.rows_held
from found
left join tables
    on
        found.source = tables.source
        and found.table_name = tables.table_name
