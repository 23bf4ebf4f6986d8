{#- upsert: the latest delivered row of each key. -#}
{% macro latest_row_per_key(landed, key) -%}
    select *
    from {{ landed }}
    qualify row_number() over (
        partition by {{ key | join(", ") }} order by business_date desc, source_row desc
    ) = 1
{%- endmacro %}

{#- snapshot: the latest delivery replaces the table. -#}
{% macro latest_delivery(landed) -%}
    select {{ landed }}.*
    from {{ landed }}
    where (legal_entity_code, business_date) in (
        select
            legal_entity_code,
            max(business_date)
        from {{ landed }}
        group by legal_entity_code
    )
{%- endmacro %}

{#- append: a row delivered again in a later batch counts once, as first delivered. Keys are unique within a batch
    (landing sees to it), so only earlier batches are looked at. In two parts, because a day's build asks for its own
    batch only: DuckDB then drops the second part, and in the first it hashes the day's keys, not the history's. -#}
{% macro first_row_per_key(landed, key) -%}
    select today.*
    from {{ landed }} as today
    anti join (
        select earlier.*
        from {{ landed }} as earlier
        semi join (
            select *
            from {{ landed }}
            where
                business_date = {{ business_date() }}
                and business_date > (select min(first_batch.business_date) from {{ landed }} as first_batch)
        ) as delivered
            on {{ same_key("earlier", "delivered", key) }}
        where earlier.business_date < {{ business_date() }}
    ) as known
        on {{ same_key("today", "known", key) }}
    where today.business_date = {{ business_date() }}
    union all
    select past.*
    from {{ landed }} as past
    anti join {{ landed }} as earlier
        on {{ same_key("past", "earlier", key) }} and earlier.business_date < past.business_date
    where past.business_date < {{ business_date() }}
{%- endmacro %}

{% macro same_key(one, other, key) -%}
    {%- for column in key -%}
        {{ one }}.{{ column }} = {{ other }}.{{ column }}{{ " and " if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
