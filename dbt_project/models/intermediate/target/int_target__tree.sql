with

periods as (
    select * from {{ ref('int_target__period') }}
),

shares as (
    select * from {{ ref('int_target__share') }}
),

targets as (
    select * from {{ ref('int_target__stated') }}
    where organisation_level in ('bank', 'branch', 'manager') and measure_kind is not null
),

-- what an organisation has of its own: as stated, else from its shortest longer period that is stated
own as (
    select
        stated.legal_entity_code,
        stated.organisation_level,
        stated.organisation_code,
        stated.measure_code,
        stated.measure_kind,
        periods.period_type,
        stated_periods.period_type = periods.period_type as is_stated,
        case when stated_periods.period_type = periods.period_type then 'stated' else 'time' end as target_basis,
        case
            when stated_periods.period_type = periods.period_type then stated.target_value
            when stated.measure_kind = 'flow'
                then stated.target_value * periods.flow_weight / stated_periods.flow_weight
            else
                coalesce(previous.target_value, stated.target_value)
                + (stated.target_value - coalesce(previous.target_value, stated.target_value))
                * (periods.period_end - stated_periods.period_start)
                / (stated_periods.period_end - stated_periods.period_start)
        end as target_value,
        previous.target_value as previous_target_value
    from targets as stated
    inner join periods as stated_periods
        on
            stated.period_type = stated_periods.period_type
            and stated.period_start = stated_periods.period_start
    inner join periods on stated_periods.period_rank >= periods.period_rank
    left join targets as previous
        on
            stated.legal_entity_code = previous.legal_entity_code
            and stated.organisation_level = previous.organisation_level
            and stated.organisation_code = previous.organisation_code
            and stated.measure_code = previous.measure_code
            and stated.period_type = previous.period_type
            and stated.period_start = previous.period_end
    qualify row_number() over (
        partition by
            stated.legal_entity_code,
            stated.organisation_level,
            stated.organisation_code,
            stated.measure_code,
            periods.period_type
        order by stated_periods.period_rank
    ) = 1
),

{%- for level, above, parent in [('branch', 'bank', 'own'), ('manager', 'branch', 'with_branch')] %}

-- What the {{ above }} has left beside the members with targets of their own goes to the others by their shares.
{{ level }}_members as (
    select
        parents.legal_entity_code,
        shares.organisation_code,
        parents.measure_code,
        parents.measure_kind,
        parents.period_type,
        own.target_value is not null as has_own,
        case
            when parents.measure_kind = 'ratio' then parents.target_value
            else
                greatest(parents.target_value - coalesce(sum(own.target_value) over siblings, 0), 0)
                * shares.parent_share
                / nullif(sum(shares.parent_share) filter (where own.target_value is null) over siblings, 0)
        end as target_value,
        parents.previous_target_value * shares.parent_share as previous_target_value
    from {{ parent }} as parents
    inner join shares
        on
            parents.legal_entity_code = shares.legal_entity_code
            and parents.organisation_code = shares.parent_code
            and parents.measure_code = shares.measure_code
    left join own
        on
            shares.legal_entity_code = own.legal_entity_code
            and shares.organisation_level = own.organisation_level
            and shares.organisation_code = own.organisation_code
            and shares.measure_code = own.measure_code
            and parents.period_type = own.period_type
    where
        parents.organisation_level = '{{ above }}'
        and shares.organisation_level = '{{ level }}'
    window siblings as (
        partition by
            parents.legal_entity_code, parents.organisation_code, parents.measure_code, parents.period_type
    )
),

with_{{ level }} as (
    select * from {{ parent }}
    union all
    select
        legal_entity_code,
        '{{ level }}' as organisation_level,
        organisation_code,
        measure_code,
        measure_kind,
        period_type,
        false as is_stated,
        'organisation' as target_basis,
        target_value,
        previous_target_value
    from {{ level }}_members
    where not has_own and target_value is not null
),
{%- endfor %}

final as (
    select * from with_manager
)

select
    final.legal_entity_code,
    final.organisation_level,
    final.organisation_code,
    final.measure_code,
    final.measure_kind,
    final.period_type,
    periods.period_start,
    periods.period_end,
    periods.pace_share,
    final.is_stated,
    final.target_basis,
    cast(final.target_value as double) as target_value,
    cast(final.previous_target_value as double) as previous_target_value
from final
inner join periods on final.period_type = periods.period_type
