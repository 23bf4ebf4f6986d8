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

{#- append: a row delivered again in a later batch counts once, as first delivered. Keys are unique within a
    batch (landing sees to it), so only earlier batches are looked at; a filter on business_date from outside
    reaches the left side and a day's cost is one pass over the keys of the history. -#}
{% macro first_row_per_key(landed, key) -%}
    select {{ landed }}.*
    from {{ landed }}
    anti join (
        select
            {{ key | join(", ") }},
            business_date
        from {{ landed }}
        where business_date < (select max(last_batch.business_date) from {{ landed }} as last_batch)
    ) as earlier
        on {% for column in key %}
            {{- landed }}.{{ column }} = earlier.{{ column }}
            and {% endfor -%}
            earlier.business_date < {{ landed }}.business_date
{%- endmacro %}
