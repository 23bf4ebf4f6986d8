-- Nobody is given more rows of a channel, those held out included, than were free; whoever turned an own customer away
-- for want of time has none left.
with

new_rows as (
    select
        legal_entity_code,
        manager_id,
        channel,
        count(*) as new_rows
    from {{ ref('mart_marketing_list') }}
    where business_date = {{ business_date() }} and listing_state = 'new' and manager_id is not null
    group by legal_entity_code, manager_id, channel
),

capacities as (
    select * from {{ ref('int_list__capacity') }}
),

turned_away as (
    select
        candidates.legal_entity_code,
        candidates.own_manager_id as manager_id,
        definitions.channel
    from {{ ref('int_list__dispatched') }} as dispatched
    inner join {{ ref('int_list__candidate') }} as candidates
        on
            dispatched.legal_entity_code = candidates.legal_entity_code
            and dispatched.list_code = candidates.list_code
            and dispatched.customer_id = candidates.customer_id
    inner join {{ ref('int_list__definition') }} as definitions
        on
            dispatched.legal_entity_code = definitions.legal_entity_code
            and dispatched.list_code = definitions.list_code
    where dispatched.limited_by = 'channel' and candidates.own_manager_id is not null
    group by all
)

select
    capacities.legal_entity_code,
    capacities.manager_id,
    capacities.channel,
    capacities.free,
    new_rows.new_rows
from capacities
left join new_rows
    on
        capacities.legal_entity_code = new_rows.legal_entity_code
        and capacities.manager_id = new_rows.manager_id
        and capacities.channel = new_rows.channel
left join turned_away
    on
        capacities.legal_entity_code = turned_away.legal_entity_code
        and capacities.manager_id = turned_away.manager_id
        and capacities.channel = turned_away.channel
where
    coalesce(new_rows.new_rows, 0) > capacities.free
    or (turned_away.manager_id is not null and coalesce(new_rows.new_rows, 0) < capacities.free)
