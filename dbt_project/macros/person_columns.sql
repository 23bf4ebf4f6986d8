{#- What linkage compares of a person, of a staging relation whose columns of the person begin with `person`. -#}
{% macro compared_columns(person="") -%}
    {{ person }}name_key as name_key,
        {{ person }}name_sound_key as sound_key,
        {{ person }}name_shape_key as shape_key,
        {{ person }}name_letters_key as letters_key,
        {{ person }}name_masked as name_masked,
        {{ person }}id_number_key as id_number_key,
        {{ person }}id_number_masked as id_number_masked,
        coalesce({{ person }}id_number_is_valid, false) as has_valid_id,
        {{ person }}id_number_birth_date is not null as has_readable_id,
        {{ person }}id_number_repair_keys as repair_keys,
        {{ person }}id_number_birth_date as birth_date
{%- endmacro %}

{#- What a record says of the person, of a staging relation whose columns of the person begin with `person`. -#}
{% macro described_person(person="") -%}
    {{ person }}name_key as name_key,
        {{ person }}name_masked as name_masked,
        {{ person }}id_number_key as id_number_key,
        {{ person }}id_number_masked as id_number_masked,
        {{ person }}id_number_is_valid as id_number_is_valid,
        {{ person }}id_number_gender as id_number_gender,
        {{ person }}id_number_birth_date as id_number_birth_date
{%- endmacro %}
