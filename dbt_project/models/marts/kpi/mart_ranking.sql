{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ delete_business_date() }}") }}

with

scored as (
    select * from {{ ref('int_kpi__score') }}
),

ranked as (
    select
        *,
        count(*) over peers as peers,
        rank() over (peers order by score desc) as rank_in_bank,
        case
            when organisation_level = 'manager'
                then
                    rank() over (
                        partition by
                            legal_entity_code, organisation_level, period_type, is_new_joiner, branch_code
                        order by score desc
                    )
        end as rank_in_branch
    from scored
    window peers as (partition by legal_entity_code, organisation_level, period_type, is_new_joiner)
),

previous as (
    {%- if is_incremental() %}
    select
        legal_entity_code,
        organisation_level,
        organisation_code,
        period_type,
        is_new_joiner,
        rank_in_bank
    from {{ this }}
    where business_date = (select max(business_date) from {{ this }} where business_date < {{ business_date() }})
    {%- else %}
    select
        legal_entity_code,
        organisation_level,
        organisation_code,
        period_type,
        is_new_joiner,
        cast(null as bigint) as rank_in_bank
    from scored
    where false
    {%- endif %}
)

select
    {{ business_date() }} as business_date,
    ranked.legal_entity_code,
    ranked.organisation_level,
    ranked.organisation_code,
    ranked.organisation_name,
    ranked.branch_code,
    ranked.branch_name,
    ranked.manager_id,
    ranked.period_type,
    ranked.is_new_joiner,
    ranked.peers,
    ranked.rank_in_bank,
    ranked.rank_in_branch,
    previous.rank_in_bank as previous_rank,
    previous.rank_in_bank - ranked.rank_in_bank as rank_change,
    ranked.score,
    ranked.kpi_score,
    ranked.kci_score,
    ranked.score_reason
from ranked
left join previous
    on
        ranked.legal_entity_code = previous.legal_entity_code
        and ranked.organisation_level = previous.organisation_level
        and ranked.organisation_code = previous.organisation_code
        and ranked.period_type = previous.period_type
        and ranked.is_new_joiner = previous.is_new_joiner
