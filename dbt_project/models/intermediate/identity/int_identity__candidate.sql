with

doubtful as (
    select * from {{ ref('int_identity__doubtful') }}
),

known as (
    select * from {{ ref('int_identity__known') }}
),

shared_phones as (
    select value as phone_key from {{ ref('int_identity__frequency') }}
    where column_name = 'phone_key' and customers > {{ var("linkage")["phone_shared_at_most"] }}
),

marks as (
    select
        * exclude (phone_key, id_keys),
        if(phone_key in (select shared_phones.phone_key from shared_phones), null, phone_key) as phone_key,
        unnest(if(len(id_keys) = 0, [cast(null as varchar)], id_keys)) as id_keys
    from doubtful
),

profiles as (
    select distinct
        * exclude (source_table, source_key, phone_key),
        if(phone_key in (select shared_phones.phone_key from shared_phones), null, phone_key) as phone_key
    from known
),

-- A person is compared in every guise in which some record shows it.
blocked as (
    {% for columns in var("linkage")["blocking"] -%}
    select profiles.*
    from profiles
    semi join marks
        on
            profiles.legal_entity_code = marks.legal_entity_code
            {% for column in columns -%}
            and profiles.{{ column ~ ("[1]" if column == "id_keys") }} = marks.{{ column }}
            {% endfor -%}
    {{ "\n    union\n    " if not loop.last }}
    {%- endfor %}
),

sources as (
    select
        legal_entity_code,
        customer_id,
        list_sort(list(distinct source_table)) as source_tables
    from known
    where customer_id in (select blocked.customer_id from blocked)
    group by legal_entity_code, customer_id
)

select
    blocked.legal_entity_code,
    concat_ws('|', blocked.customer_id, blocked.name_key, blocked.phone_key, blocked.birth_date, blocked.village_code)
        as unique_id,
    cast(null as varchar) as source_table,
    cast(null as varchar) as source_key,
    blocked.customer_id,
    blocked.name_key,
    blocked.sound_key,
    blocked.shape_key,
    blocked.letters_key,
    blocked.phone_key,
    blocked.id_keys,
    blocked.birth_date,
    blocked.village_code,
    sources.source_tables
from blocked
inner join sources
    on
        blocked.legal_entity_code = sources.legal_entity_code
        and blocked.customer_id = sources.customer_id
