with

records as (
    select * from {{ ref('int_identity__record') }}
),

decided as (
    select * from {{ ref('int_identity__decided') }}
),

accepted as (
    select * from decided
    where decision = 'accept'
    qualify row_number() over (
        partition by legal_entity_code, source_table, source_key order by decided_date desc, customer_id asc
    ) = 1
),

rejected as (
    select * from decided
    where decision = 'reject'
),

-- The identifier that a record carries says whose it is, unless a reviewer said that it is not.
carried as (
    select
        records.*,
        accepted.customer_id as accepted_id,
        accepted.decided_date,
        rejected.customer_id is not null as is_carried_id_rejected,
        if(rejected.customer_id is null, records.carried_id, null) as certain_id
    from records
    left join accepted
        on
            records.legal_entity_code = accepted.legal_entity_code
            and records.source_table = accepted.source_table
            and records.source_key = accepted.source_key
    left join rejected
        on
            records.legal_entity_code = rejected.legal_entity_code
            and records.source_table = rejected.source_table
            and records.source_key = rejected.source_key
            and records.carried_id = rejected.customer_id
),

known as (
    select * from carried
    where customer_type = 'person' and certain_id is not null
),

open_records as (
    select * from carried
    where customer_type = 'person' and carried_id is null and accepted_id is null and name_key is not null
),

-- Two marks point to a person when nothing speaks against it: a birth date that differs does, unless the number was
-- mistyped just there.
proposed as (
    select
        open_records.legal_entity_code,
        open_records.source_table,
        open_records.source_key,
        known.certain_id as customer_id,
        'phone_name' as method
    from open_records
    inner join known
        on
            open_records.legal_entity_code = known.legal_entity_code
            and open_records.phone_key = known.phone_key
            and open_records.name_key = known.name_key
    where
        coalesce(open_records.birth_date = known.birth_date, true)
        or coalesce(list_contains(open_records.repair_keys, known.id_number_key), false)
    union
    select
        repairs.legal_entity_code,
        repairs.source_table,
        repairs.source_key,
        known.certain_id as customer_id,
        'id_repaired' as method
    from (
        select
            *,
            unnest(repair_keys) as repair_key
        from open_records
    ) as repairs
    inner join known
        on
            repairs.legal_entity_code = known.legal_entity_code
            and repairs.repair_key = known.id_number_key
            and repairs.name_key = known.name_key
),

permitted as (
    select proposed.*
    from proposed
    anti join rejected
        on
            proposed.legal_entity_code = rejected.legal_entity_code
            and proposed.source_table = rejected.source_table
            and proposed.source_key = rejected.source_key
            and proposed.customer_id = rejected.customer_id
),

-- Core numbers without a valid ID number first: what they belong to, the other records may point to.
core_links as (
    select
        legal_entity_code,
        source_table,
        source_key,
        min(customer_id) as customer_id,
        min(method) as method,
        count(distinct method) as methods
    from permitted
    where source_table = 'core.customer'
    group by legal_entity_code, source_table, source_key
    having count(distinct customer_id) = 1
),

core_known as (
    select
        open_records.legal_entity_code,
        open_records.phone_key,
        open_records.name_key,
        open_records.birth_date,
        coalesce(core_links.customer_id, open_records.own_id) as customer_id
    from open_records
    left join core_links
        on
            open_records.legal_entity_code = core_links.legal_entity_code
            and open_records.source_key = core_links.source_key
    where open_records.source_table = 'core.customer'
),

proposed_by_core as (
    select
        open_records.legal_entity_code,
        open_records.source_table,
        open_records.source_key,
        core_known.customer_id,
        'phone_name' as method
    from open_records
    inner join core_known
        on
            open_records.legal_entity_code = core_known.legal_entity_code
            and open_records.phone_key = core_known.phone_key
            and open_records.name_key = core_known.name_key
    anti join rejected
        on
            open_records.legal_entity_code = rejected.legal_entity_code
            and open_records.source_table = rejected.source_table
            and open_records.source_key = rejected.source_key
            and core_known.customer_id = rejected.customer_id
    where
        open_records.source_table <> 'core.customer'
        and coalesce(open_records.birth_date = core_known.birth_date, true)
),

other_links as (
    select
        legal_entity_code,
        source_table,
        source_key,
        min(customer_id) as customer_id,
        min(method) as method,
        count(distinct method) as methods
    from (
        select * from permitted
        where source_table <> 'core.customer'
        union
        select * from proposed_by_core
    ) as proposals
    group by legal_entity_code, source_table, source_key
    having count(distinct customer_id) = 1
),

links as (
    select * from core_links
    union all
    select * from other_links
),

pointed as (
    select
        open_records.*,
        links.customer_id as linked_id,
        links.method,
        links.methods
    from open_records
    left join links
        on
            open_records.legal_entity_code = links.legal_entity_code
            and open_records.source_table = links.source_table
            and open_records.source_key = links.source_key
),

-- Records with one wrong ID number and one name are of one person, such as a whitelist that was cut from the roster,
-- mistakes included. They go where any of them leads, or to the first of them.
same_mistake as (
    select
        legal_entity_code,
        id_number_key,
        name_key,
        coalesce(min(linked_id), arg_min(own_id, (precedence, source_key))) as customer_id
    from pointed
    where has_readable_id
    group by legal_entity_code, id_number_key, name_key
    having count(*) > 1 and count(distinct linked_id) <= 1
),

led as (
    select
        pointed.legal_entity_code,
        pointed.source_table,
        pointed.source_key,
        coalesce(pointed.linked_id, same_mistake.customer_id) as customer_id,
        case when pointed.linked_id is not null then pointed.method else 'doubtful_id_name' end as method,
        coalesce(pointed.methods, 1) as methods
    from pointed
    left join same_mistake
        on
            pointed.legal_entity_code = same_mistake.legal_entity_code
            and pointed.id_number_key = same_mistake.id_number_key
            and pointed.name_key = same_mistake.name_key
            and pointed.own_id <> same_mistake.customer_id
)

select
    carried.legal_entity_code,
    carried.source_table,
    carried.source_key,
    carried.own_id,
    carried.carried_id is null and carried.accepted_id is null and led.customer_id is null
    and carried.customer_type = 'person' and carried.name_key is not null as is_doubtful,
    coalesce(carried.accepted_id, carried.certain_id, led.customer_id) as customer_id,
    case
        when carried.accepted_id is not null then 'reviewed'
        when carried.certain_id is not null and carried.customer_type = 'enterprise' then 'credit_code'
        when carried.certain_id is not null then 'id_number'
        when led.customer_id is not null then led.method
    end as method,
    case
        when carried.accepted_id is not null then '人工复核通过 ' || carried.decided_date
        when carried.certain_id is not null and carried.customer_type = 'enterprise' then '统一社会信用代码相同'
        when carried.certain_id is not null then '身份证号相同'
        when led.customer_id is null then null
        when led.method = 'phone_name' then '姓名相同、手机号相同'
        when led.method = 'doubtful_id_name' then '有误证件号相同、姓名相同'
        when led.methods > 1 then '证件号仅差一处笔误、姓名相同、手机号相同'
        else '证件号仅差一处笔误、姓名相同'
    end as evidence
from carried
left join led
    on
        carried.legal_entity_code = led.legal_entity_code
        and carried.source_table = led.source_table
        and carried.source_key = led.source_key
