{#- Candidates of each record, best first, with what becomes of them. The first one is linked when it is probable enough
    and far enough ahead of the second; else all are for review, and none of those behind a link. -#}
{% macro ranked_candidates(pairs) -%}
    select
        *,
        case
            when candidate_rank = 1 and is_linked then 'link'
            when not bool_or(candidate_rank = 1 and is_linked) over (record) then 'review'
            else 'passed'
        end as outcome
    from (
        select
            *,
            row_number() over (candidates) as candidate_rank,
            carries = 'link' and match_probability >= {{ var("linkage")["accept"] }}
            and match_weight - coalesce(lead(match_weight) over (candidates), -1000)
            >= {{ var("linkage")["margin"] }} as is_linked
        from (
            select
                legal_entity_code,
                source_table,
                source_key,
                customer_id,
                max(match_weight) as match_weight,
                max(match_probability) as match_probability,
                arg_max(carries, (match_weight, carries)) as carries,
                arg_max(evidence, (match_weight, evidence)) as evidence
            from {{ pairs }}
            group by legal_entity_code, source_table, source_key, customer_id
        ) as candidates_of_records
        window candidates as (
            partition by legal_entity_code, source_table, source_key order by match_weight desc, customer_id asc
        )
    ) as ranked_by_weight
    window record as (partition by legal_entity_code, source_table, source_key)
{%- endmacro %}
