{#- Resolved identities (domain section 4). The prefix says what the identity rests on. -#}
{% macro person_id(id_number_key) -%}
    'P' || left({{ id_number_key }}, 16)
{%- endmacro %}

{% macro enterprise_id(credit_code) -%}
    'E' || left(sha256({{ credit_code }}), 16)
{%- endmacro %}

{% macro unlinked_id(record) -%}
    'R' || left(sha256({{ record }}), 16)
{%- endmacro %}
