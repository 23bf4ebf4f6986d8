with

held as (
    select
        legal_entity_code,
        'external' as source,
        'association_member' as table_name,
        basis_source,
        legal_basis,
        basis_purpose,
        basis_expiry
    from {{ ref('stg_external__association_member') }}
    union all
    select
        legal_entity_code,
        'external' as source,
        'business_registry' as table_name,
        basis_source,
        legal_basis,
        basis_purpose,
        basis_expiry
    from {{ ref('stg_external__business_registry') }}
    union all
    select
        legal_entity_code,
        'external' as source,
        'employer_list' as table_name,
        basis_source,
        legal_basis,
        basis_purpose,
        basis_expiry
    from {{ ref('stg_external__employer_list') }}
    union all
    select
        legal_entity_code,
        'external' as source,
        'housing_fund' as table_name,
        basis_source,
        legal_basis,
        basis_purpose,
        basis_expiry
    from {{ ref('stg_external__housing_fund') }}
    union all
    select
        legal_entity_code,
        'marketing' as source,
        'authorisation' as table_name,
        basis_source,
        legal_basis,
        basis_purpose,
        basis_expiry
    from {{ ref('stg_marketing__authorisation') }}
    union all
    select
        legal_entity_code,
        'marketing' as source,
        'contact_outcome' as table_name,
        basis_source,
        legal_basis,
        basis_purpose,
        basis_expiry
    from {{ ref('stg_marketing__contact_outcome') }}
    union all
    select
        legal_entity_code,
        'marketing' as source,
        'opt_out' as table_name,
        basis_source,
        legal_basis,
        basis_purpose,
        basis_expiry
    from {{ ref('stg_marketing__opt_out') }}
    union all
    select
        legal_entity_code,
        'marketing' as source,
        'pushed_row' as table_name,
        basis_source,
        legal_basis,
        basis_purpose,
        basis_expiry
    from {{ ref('stg_marketing__pushed_row') }}
    union all
    select
        legal_entity_code,
        'marketing' as source,
        'visit' as table_name,
        basis_source,
        legal_basis,
        basis_purpose,
        basis_expiry
    from {{ ref('stg_marketing__visit') }}
)

select
    *,
    count(*) as rows_held
from held
where basis_expiry is not null
group by all
