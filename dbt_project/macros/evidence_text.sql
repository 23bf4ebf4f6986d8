{#- Chinese text of a code, from definitions/value_labels.yml. -#}
{% macro value_label(expression, column) -%}
    case {{ expression }}
        {%- for code, text in var("value_labels").get(column, {}).items() %}
        when {{ sql_text(code) }} then {{ sql_text(text) }}
        {%- endfor %}
        else {{ expression }}
    end
{%- endmacro %}

{#- Chinese label, unit (元 or 公里, in brackets at the end of the label) and type of a column, from a model's YAML. -#}
{% macro labelled_column(column) -%}
    {%- set label = column.config.meta.label -%}
    {%- set unit = label.rsplit("(", 1)[1][:-1] if label.endswith(("(元)", "(公里)")) else none -%}
    {{ return({
        "label": label.rsplit("(", 1)[0] if unit else label, "unit": unit, "data_type": column.data_type
    }) }}
{%- endmacro %}

{% macro model_columns(model_name) -%}
    {%- set columns = {} -%}
    {%- if execute -%}
        {%- for node in graph.nodes.values() if node.resource_type == "model" and node.name == model_name -%}
            {%- for name, column in node.columns.items() -%}
                {%- do columns.update({name: labelled_column(column)}) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(columns) }}
{%- endmacro %}

{#- A column's value as text: amounts with their unit, yes or no, codes in Chinese. -#}
{% macro attribute_text(value, name, column) -%}
    {%- if column["data_type"] == "boolean" -%}
        if({{ value }}, '是', '否')
    {%- elif column["unit"] -%}
        format('{:,.2f}', cast({{ value }} as double)) || '{{ column["unit"] }}'
    {%- elif name in var("value_labels") -%}
        {{ value_label(value, name) }}
    {%- else -%}
        cast({{ value }} as varchar)
    {%- endif -%}
{%- endmacro %}

{#- Every column that evidence may name, as the customer features, else an intermediate model, else staging label it.
    Surrogates are never evidence. -#}
{% macro evidence_columns() -%}
    {%- set found = model_columns("int_customer__features") -%}
    {%- if execute -%}
        {%- set models = graph.nodes.values() | selectattr("resource_type", "equalto", "model") | sort(attribute="name") -%}
        {%- for node in models if node.name.startswith(("int_", "stg_")) -%}
            {%- for name, column in node.columns.items() if name not in found and not name.endswith("_key") -%}
                {%- do found.update({name: labelled_column(column)}) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(found) }}
{%- endmacro %}

{#- One relation `labels` with one row, from dim_evidence: column name to its label, unit and texts of codes. -#}
{% macro evidence_labels(dim_evidence) -%}
    select
        map(
            array_agg(column_name),
            array_agg(struct_pack(label := column_label, unit := unit, texts := value_texts))
        ) as labels
    from {{ dim_evidence }}
{%- endmacro %}

{#- Evidence (a JSON object) as a Chinese phrase: label and value of each key. Worked out for the rows that are read,
    for at county scale the sentences of all customers would be several gigabytes. -#}
{% macro evidence_text(evidence, labels) -%}
    list_aggregate(
        list_transform(
            json_keys({{ evidence }}),
            lambda name: coalesce({{ labels }}[name].label, name) || ' ' || case json_type({{ evidence }}, '$.' || name)
                when 'NULL' then '无'
                when 'BOOLEAN' then if(json_extract_string({{ evidence }}, '$.' || name) = 'true', '是', '否')
                when 'ARRAY'
                    then coalesce(list_aggregate(
                        list_transform(
                            from_json(json_extract({{ evidence }}, '$.' || name), '["varchar"]'),
                            lambda code: coalesce(json_extract_string({{ labels }}[name].texts, '$.' || code), code)
                        ),
                        'string_agg', '/'
                    ), '无')
                else coalesce(
                    format('{:,.2f}', try_cast(
                        if({{ labels }}[name].unit is null, null, json_extract_string({{ evidence }}, '$.' || name))
                        as double
                    )) || {{ labels }}[name].unit,
                    json_extract_string(
                        {{ labels }}[name].texts, '$."' || json_extract_string({{ evidence }}, '$.' || name) || '"'
                    ),
                    json_extract_string({{ evidence }}, '$.' || name)
                )
            end
        ),
        'string_agg', '、'
    )
{%- endmacro %}
