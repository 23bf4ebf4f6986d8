with

products as (
    select * from {{ ref('stg_master__product') }}
),

definitions (
    list_code,
    list_name,
    purpose,
    product_code,
    channel,
    playbook,
    validity_days,
    capacity_per_manager,
    holdout_share
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
        {{ list.validity_days }},
        {{ list.capacity_per_manager }},
        {{ list.holdout_share }}
    ),
    {%- endfor %}
    (null, null, null, null, null, null, 0, 0, 0.0)
)

select
    '{{ var("legal_entity_code") }}' as legal_entity_code,
    definitions.list_code,
    definitions.list_name,
    definitions.purpose,
    definitions.product_code,
    products.product_name,
    definitions.channel,
    definitions.playbook,
    definitions.validity_days,
    definitions.capacity_per_manager,
    cast(definitions.holdout_share as double) as holdout_share
from definitions
left join products
    on
        products.legal_entity_code = '{{ var("legal_entity_code") }}'
        and definitions.product_code = products.product_code
where definitions.list_code is not null
