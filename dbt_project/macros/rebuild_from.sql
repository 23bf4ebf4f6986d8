{#- First business date whose batch an incremental model has to (re)build: the business date itself, or an earlier
    one when a batch was landed, re-landed or withdrawn since the model last saw it. `landed` is a relation with
    business_date and batch_id; the model keeps both columns. -#}
{% macro rebuild_from(landed) -%}
    {%- if not execute or not is_incremental() -%}
        {{ return("date '0001-01-01'") }}
    {%- endif -%}
    {%- set changed -%}
        with landed as (
            select distinct business_date, batch_id from {{ landed }} where business_date <= {{ business_date() }}
        ),
        built as (
            select distinct business_date, batch_id from {{ this }} where business_date <= {{ business_date() }}
        ),
        differing as (
            (select * from landed except select * from built)
            union all
            (select * from built except select * from landed)
        )
        select least({{ business_date() }}, coalesce(min(business_date), {{ business_date() }})) from differing
    {%- endset -%}
    {{ return("date '" ~ run_query(changed).columns[0].values()[0] ~ "'") }}
{%- endmacro %}

{#- Pre-hook of such a model, in the same transaction as its insert. -#}
{% macro delete_from_rebuild_date(landed) -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where business_date >= {{ rebuild_from(landed) }} and business_date <= {{ business_date() }}
    {%- endif -%}
{%- endmacro %}
