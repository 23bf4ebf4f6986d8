with

businesses as (
    select * from {{ ref('int_customer_business__linked') }}
),

employers as (
    select * from {{ ref('int_customer_employer__linked') }}
),

roster as (
    select * from {{ ref('int_customer_roster__evaluated') }}
    where entity_type is not null
),

industries as (
    select * from {{ ref('stg_master__industry') }}
),

special_industries as (
    select * from {{ ref('stg_master__special_industry') }}
),

associations as (
    select * from {{ ref('stg_master__association') }}
),

segments as (
    select * from {{ ref('stg_master__segment') }}
),

everyone as (
    select
        legal_entity_code,
        customer_id
    from businesses
    union
    select
        legal_entity_code,
        customer_id
    from employers
    union
    select
        legal_entity_code,
        customer_id
    from roster
),

classified as (
    select
        everyone.legal_entity_code,
        everyone.customer_id,
        coalesce(businesses.industry_code, special_industries.industry_code) as industry_code,
        industries.industry_name,
        industries.section_code as industry_section_code,
        coalesce(
            industries.business_class,
            if(roster.entity_type = 'large_grower', 'agriculture', null)
        ) as business_class,
        businesses.special_industry_code,
        special_industries.special_industry_name,
        businesses.association_code,
        associations.association_name,
        coalesce(special_industries.segment_code, industries.segment_code) as trade_segment_code,
        -- S0's segments that no trade code tells: by employer, by membership, by the roster
        case
            when employers.employer_category in ('civil_service', 'public_institution') then '机关单位'
            when roster.entity_type = 'large_grower' then '农林牧渔业'
            when businesses.association_code is not null then '商会协会'
        end as other_segment_name
    from everyone
    left join businesses
        on
            everyone.legal_entity_code = businesses.legal_entity_code
            and everyone.customer_id = businesses.customer_id
    left join employers
        on
            everyone.legal_entity_code = employers.legal_entity_code
            and everyone.customer_id = employers.customer_id
    left join roster
        on
            everyone.legal_entity_code = roster.legal_entity_code
            and everyone.customer_id = roster.customer_id
    left join special_industries
        on
            businesses.legal_entity_code = special_industries.legal_entity_code
            and businesses.special_industry_code = special_industries.special_industry_code
    left join industries
        on
            businesses.legal_entity_code = industries.legal_entity_code
            and coalesce(businesses.industry_code, special_industries.industry_code) = industries.industry_code
    left join associations
        on
            businesses.legal_entity_code = associations.legal_entity_code
            and businesses.association_code = associations.association_code
)

select
    classified.legal_entity_code,
    classified.customer_id,
    coalesce(by_trade.segment_code, by_name.segment_code) as segment_code,
    coalesce(by_trade.segment_name, by_name.segment_name) as segment_name,
    classified.industry_code,
    classified.industry_name,
    classified.industry_section_code,
    classified.business_class,
    classified.special_industry_code,
    classified.special_industry_name,
    classified.association_code,
    classified.association_name
from classified
left join segments as by_trade
    on
        classified.legal_entity_code = by_trade.legal_entity_code
        and classified.trade_segment_code = by_trade.segment_code
left join segments as by_name
    on
        classified.legal_entity_code = by_name.legal_entity_code
        and classified.other_segment_name = by_name.segment_name
