with

changes as (
    select * from {{ ref('stg_master__grid_change') }}
    where
        effective_date <= {{ business_date() }}
        and effective_date > {{ business_date() }} - {{ var('grid_days_kept') }}
),

pools as (
    select * from {{ ref('int_grid_day__pooled') }}
    where business_date <= {{ business_date() }}
),

rules as (
    select * from {{ ref('int_grid_rule__parsed') }}
    where rule_fault is null
),

matched as (
    select * from {{ ref('int_customer_grid__matched') }}
    where rule_type not in ('village_code', 'group_name')
),

grids as (
    select * from {{ ref('stg_master__grid') }}
),

sides as (
    select distinct
        legal_entity_code,
        change_id,
        kind,
        effective_date,
        'old' as borders,
        old_grid_id as grid_id
    from changes
    union all
    select distinct
        legal_entity_code,
        change_id,
        kind,
        effective_date,
        'new' as borders,
        new_grid_id as grid_id
    from changes
),

-- what was published on the day: the old grids before the change, the new ones from it on
published as (
    select
        sides.change_id,
        sides.kind,
        sides.effective_date,
        sides.borders,
        if(sides.borders = 'old', 'new', 'old') as other_borders,
        pools.*
    from pools
    inner join sides
        on
            pools.legal_entity_code = sides.legal_entity_code
            and pools.grid_id = sides.grid_id
            and (sides.borders = 'old') = (pools.business_date < sides.effective_date)
),

-- Under the other borders everybody is in the only grid of that side ...
only_grid as (
    select
        legal_entity_code,
        change_id,
        borders,
        min(grid_id) as grid_id
    from sides
    group by legal_entity_code, change_id, borders
    having count(*) = 1
),

-- ... or in the one that its rules find, as they stood on the day of the change: new ones from that day on, old ones
-- up to the day before. Village and group are those of the figures' own day, other facts those known now.
side_rules as (
    select
        sides.legal_entity_code,
        sides.change_id,
        sides.borders,
        sides.grid_id,
        rules.rule_id,
        rules.rule_type,
        rules.rule_value,
        rules.priority
    from sides
    inner join rules
        on
            sides.legal_entity_code = rules.legal_entity_code
            and sides.grid_id = rules.grid_id
    where
        if(
            sides.borders = 'new',
            coalesce(rules.valid_from <= sides.effective_date, true)
            and coalesce(rules.valid_to > sides.effective_date, true),
            coalesce(rules.valid_from < sides.effective_date, true)
            and coalesce(rules.valid_to >= sides.effective_date, true)
        )
),

people as (
    select distinct
        legal_entity_code,
        change_id,
        other_borders,
        pool_key,
        village_code,
        group_name,
        customer_id
    from published
),

found as (
    select
        people.legal_entity_code,
        people.change_id,
        people.other_borders,
        people.pool_key,
        min_by(side_rules.grid_id, (side_rules.priority, side_rules.grid_id)) as grid_id
    from people
    inner join side_rules
        on
            people.legal_entity_code = side_rules.legal_entity_code
            and people.change_id = side_rules.change_id
            and people.other_borders = side_rules.borders
    left join matched
        on
            people.legal_entity_code = matched.legal_entity_code
            and people.customer_id = matched.customer_id
            and side_rules.rule_id = matched.rule_id
    where
        matched.rule_id is not null
        or (side_rules.rule_type = 'village_code' and side_rules.rule_value = people.village_code)
        or (
            side_rules.rule_type = 'group_name'
            and side_rules.rule_value = people.village_code || '|' || people.group_name
        )
    group by people.legal_entity_code, people.change_id, people.other_borders, people.pool_key
),

restated as (
    select
        published.legal_entity_code,
        published.change_id,
        published.kind,
        published.effective_date,
        published.business_date,
        published.other_borders as borders,
        published.{{ grid_figures() | join(',\n        published.') }},
        coalesce(only_grid.grid_id, found.grid_id, 'unplaced-' || published.change_id) as grid_id
    from published
    left join only_grid
        on
            published.legal_entity_code = only_grid.legal_entity_code
            and published.change_id = only_grid.change_id
            and published.other_borders = only_grid.borders
    left join found
        on
            published.legal_entity_code = found.legal_entity_code
            and published.change_id = found.change_id
            and published.other_borders = found.other_borders
            and published.pool_key = found.pool_key
),

both_borders as (
    select * from published
    union all by name
    select * from restated
),

-- every grid of a change on every day, also where nobody is in it
days as (
    select distinct
        legal_entity_code,
        change_id,
        business_date
    from published
),

listed as (
    select
        sides.legal_entity_code,
        sides.change_id,
        sides.kind,
        sides.effective_date,
        days.business_date,
        sides.borders,
        sides.grid_id
    from sides
    inner join days
        on
            sides.legal_entity_code = days.legal_entity_code
            and sides.change_id = days.change_id
    union
    select
        legal_entity_code,
        change_id,
        kind,
        effective_date,
        business_date,
        borders,
        grid_id
    from restated
),

-- whoever the rules of the other side do not find stays with a branch of the change
branches as (
    select
        sides.legal_entity_code,
        sides.change_id,
        min(grids.branch_code) as branch_code
    from sides
    inner join grids
        on
            sides.legal_entity_code = grids.legal_entity_code
            and sides.grid_id = grids.grid_id
    group by sides.legal_entity_code, sides.change_id
)

select
    listed.legal_entity_code,
    listed.change_id,
    listed.kind,
    listed.effective_date,
    listed.business_date,
    listed.borders,
    listed.grid_id,
    coalesce(grids.grid_name, '未归入') as grid_name,
    coalesce(grids.branch_code, branches.branch_code) as branch_code,
    (listed.borders = 'old') = (listed.business_date < listed.effective_date) as is_as_published,
    {{ summed_grid_figures("both_borders") }}
from listed
left join grids
    on
        listed.legal_entity_code = grids.legal_entity_code
        and listed.grid_id = grids.grid_id
left join branches
    on
        listed.legal_entity_code = branches.legal_entity_code
        and listed.change_id = branches.change_id
left join both_borders
    on
        listed.legal_entity_code = both_borders.legal_entity_code
        and listed.change_id = both_borders.change_id
        and listed.business_date = both_borders.business_date
        and listed.borders = both_borders.borders
        and listed.grid_id = both_borders.grid_id
group by all
