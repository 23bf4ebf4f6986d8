{#- First business date whose batch an incremental model has to (re)build: the business date itself, or an earlier
    one when the ledger knows a batch that the model has not taken in, because its date was passed over or the batch
    was landed again. `staging` is a staging relation, of rows or of their versions; the model keeps its business_date
    and batch_id. -#}
{% macro rebuild_from(staging) -%}
    {%- set batches = ref("stg_ledger__landing_batch") -%}
    {%- if not execute or not is_incremental() -%}
        {{ return("date '0001-01-01'") }}
    {%- endif -%}
    {%- set source_and_table = staging.identifier.removeprefix("stg_").removesuffix("_version").split("__") -%}
    {%- set unknown -%}
        select batch_id
        from {{ batches }}
        where
            source = '{{ source_and_table[0] }}'
            and table_name = '{{ source_and_table[1] }}'
            and status = 'landed'
            and rows_landed > 0
            and business_date < {{ business_date() }}
        except
        select batch_id from {{ this }}
    {%- endset -%}
    {%- set unknown_batches = run_query(unknown).columns[0].values() -%}
    {%- if not unknown_batches -%}
        {{ return(business_date()) }}
    {%- endif -%}
    {#- a batch that only repeats earlier rows stays unknown for ever: nothing of it reaches staging -#}
    {%- set earliest -%}
        select coalesce(min(business_date), {{ business_date() }})
        from {{ staging }}
        where batch_id in ('{{ unknown_batches | join("', '") }}')
    {%- endset -%}
    {{ return("date '" ~ run_query(earliest).columns[0].values()[0] ~ "'") }}
{%- endmacro %}

{#- Pre-hook of such a model, in the same transaction as its insert. -#}
{% macro delete_from_rebuild_date(staging) -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where business_date >= {{ rebuild_from(staging) }} and business_date <= {{ business_date() }}
    {%- endif -%}
{%- endmacro %}
