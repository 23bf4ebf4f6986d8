with

products as (
    select * from {{ ref('stg_master__product') }}
),

intakes as (
    select
        legal_entity_code,
        list_code,
        max(business_date) as last_intake_date
    from {{ list_intakes_before() }}
    group by legal_entity_code, list_code
),

materials (material_id, expires_on) as (
    values
    {%- for material in var('materials') %}
    ({{ sql_text(material.material_id) }}, date '{{ material.expires_on }}'),
    {%- endfor %}
    (null, null)
),

definitions (
    list_code,
    list_name,
    purpose,
    product_code,
    channel,
    playbook,
    material_id,
    expires_on,
    priority,
    schedule,
    validity_days,
    capacity_per_manager,
    holdout_share,
    holdout_unit,
    outcome,
    outcome_window_days,
    expected_lift,
    ends_with_eligibility
) as (
    values
    {%- for list in var('lists') %}
    (
        {{ sql_text(list.code) }},
        {{ sql_text(list.name) }},
        {{ sql_text(list.purpose) }},
        {{ sql_text(list.product_code) }},
        {{ sql_text(list.channel) }},
        {{ sql_text(list.playbook) }},
        {{ sql_text(list.material_id) }},
        date '{{ list.expires_on }}',
        {{ list.priority }},
        {{ sql_text(list.schedule) }},
        {{ list.validity_days }},
        {{ list.capacity_per_manager }},
        {{ list.holdout_share }},
        {{ sql_text(list.holdout_unit) }},
        {{ sql_text(list.outcome) }},
        {{ list.outcome_window_days }},
        {{ list.expected_lift }},
        {{ list.ends_with_eligibility }}
    ),
    {%- endfor %}
    (null, null, null, null, null, null, null, null, 0, null, 0, 0, 0.0, null, null, 0, 0.0, true)
),

judged as (
    select
        '{{ var("legal_entity_code") }}' as legal_entity_code,
        definitions.*,
        -- An approval that was given since covers a past date that is built now.
        coalesce(
            definitions.expires_on > {{ business_date() }} and materials.expires_on > {{ business_date() }}, false
        ) as is_in_force
    from definitions
    left join materials on definitions.material_id = materials.material_id
    where definitions.list_code is not null
)

select
    judged.legal_entity_code,
    judged.list_code,
    judged.list_name,
    judged.purpose,
    judged.product_code,
    products.product_name,
    judged.channel,
    judged.playbook,
    judged.material_id,
    judged.expires_on,
    judged.priority,
    judged.schedule,
    judged.validity_days,
    judged.capacity_per_manager,
    cast(judged.holdout_share as double) as holdout_share,
    judged.holdout_unit,
    judged.outcome,
    judged.outcome_window_days,
    cast(judged.expected_lift as double) as expected_lift,
    judged.ends_with_eligibility,
    judged.is_in_force,
    -- The first build in the period takes customers, whichever day of it that is.
    judged.is_in_force
    and (
        intakes.last_intake_date is null
        or case judged.schedule
            when 'weekly' then intakes.last_intake_date < date_trunc('week', {{ business_date() }})
            when 'monthly' then intakes.last_intake_date < date_trunc('month', {{ business_date() }})
            else true
        end
    ) as is_due
from judged
left join products
    on
        judged.legal_entity_code = products.legal_entity_code
        and judged.product_code = products.product_code
left join intakes
    on
        judged.legal_entity_code = intakes.legal_entity_code
        and judged.list_code = intakes.list_code
