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
    (landing sees to it), so only earlier batches are looked at. A filter on business_date from outside reaches the
    rows but not the earlier batches, so a day costs one pass over the keys of the history. -#}
{% macro first_row_per_key(landed, key) -%}
    select {{ landed }}.*
    from {{ landed }}
    where not exists (
        select 1
        from {{ landed }} as earlier
        where
            earlier.business_date < {{ business_date() }}
            and earlier.business_date < {{ landed }}.business_date
            {%- for column in key %}
            and earlier.{{ column }} = {{ landed }}.{{ column }}
            {%- endfor %}
    )
{%- endmacro %}
