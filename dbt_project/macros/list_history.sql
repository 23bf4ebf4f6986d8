{#- Rows of fct_list_row as they stood at the end of the day before the business date: none before the first build.
    Read from the relation and not by ref, since the rows of a day follow from those of the day before. -#}
{% macro list_rows_before() -%}
    {%- set rows = adapter.get_relation(target.database, 'marts', 'fct_list_row') -%}
    (
        {%- if rows %}
        select
            * replace (
                if(closed_date >= {{ business_date() }}, null, closed_date) as closed_date,
                if(closed_date >= {{ business_date() }}, null, close_reason) as close_reason
            )
        from {{ rows }}
        where listed_date < {{ business_date() }}
        {%- else %}
        select
            cast(null as varchar) as legal_entity_code,
            cast(null as varchar) as list_code,
            cast(null as varchar) as batch_id,
            cast(null as varchar) as row_id,
            cast(null as varchar) as customer_id,
            cast(null as varchar) as branch_code,
            cast(null as varchar) as manager_id,
            cast(null as varchar) as channel,
            cast(null as varchar) as product_code,
            cast(null as varchar) as holdout_unit,
            cast(null as varchar) as holdout_cluster,
            cast(null as boolean) as is_holdout,
            cast(null as double) as response_probability,
            cast(null as double) as value_amount,
            cast(null as varchar) as scored_by,
            cast(null as date) as listed_date,
            cast(null as date) as valid_until,
            cast(null as date) as closed_date,
            cast(null as varchar) as close_reason
        where false
        {%- endif %}
    )
{%- endmacro %}

{#- Dates before the business date on which a list took customers, if there were any. -#}
{% macro list_intakes_before() -%}
    {%- set waterfall = adapter.get_relation(target.database, 'marts', 'mart_list_waterfall') -%}
    (
        {%- if waterfall %}
        select distinct
            legal_entity_code,
            list_code,
            business_date
        from {{ waterfall }}
        where is_due and business_date < {{ business_date() }}
        {%- else %}
        select
            cast(null as varchar) as legal_entity_code,
            cast(null as varchar) as list_code,
            cast(null as date) as business_date
        where false
        {%- endif %}
    )
{%- endmacro %}

{#- Pre-hook of fct_list_row: puts the rows back to how they stood before the business date, in the same transaction
    as the rebuild. -#}
{% macro rewind_list_rows() -%}
    {%- if is_incremental() -%}
        delete from {{ this }} where listed_date >= {{ business_date() }};
        update {{ this }} set closed_date = null, close_reason = null where closed_date >= {{ business_date() }}
    {%- endif -%}
{%- endmacro %}

{#- The first suppression that applies to a customer on a channel, as branches of a `case`: what the customer said, the
    law, then the bank's own rules. One text for those who would be listed and those who are; it reads a CTE `phones`
    (see phones_known). -#}
{% macro list_suppressions(customer, channel) -%}
    when list_contains({{ customer }}.opted_out_channels, {{ channel }}) then 'opted_out'
            when not list_contains({{ customer }}.authorised_channels, {{ channel }}) then 'not_authorised'
            when {{ customer }}.is_minor then 'minor'
            when {{ customer }}.is_deceased then 'deceased'
            when {{ customer }}.is_staff then 'staff'
            when {{ customer }}.is_overdue or {{ customer }}.worst_five_class <> 'normal' then 'overdue_or_below_pass'
            when {{ customer }}.risk_list <> 'none' then 'grey_black'
            when
                {{ channel }} in ('phone', 'sms')
                and {{ customer }}.phone_masked is null
                and (select phones.are_known from phones)
                then 'no_contact'
{%- endmacro %}

{#- Whether the bank delivers phone numbers: one whose sources have none at all keeps them where the managers work. -#}
{% macro phones_known(features) -%}
    select count(phone_masked) > 0 as are_known
    from {{ features }}
{%- endmacro %}

{#- Whether a unit (a customer, or a grid) is in the control group of a list: the first 32 bits of the hash of list and
    unit, as hexadecimal text, against the share. The same on every day and wherever it is worked out. -#}
{% macro is_held_out(list_code, unit, share) -%}
    left(md5({{ list_code }} || '|' || {{ unit }}), 8) < printf('%08x', cast({{ share }} * 4294967296 as bigint))
{%- endmacro %}
