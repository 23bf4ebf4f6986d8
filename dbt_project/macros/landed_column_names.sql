{#- (source, table, column, Chinese column) of every contract column, as the staging YAML names them. A vaulted column
    is landed as its key and its mask, and is told by the latter. A unit or remark in brackets at the end is left out. -#}
{% macro landed_column_names() -%}
    {%- set names = [] -%}
    {%- if execute -%}
        {%- for node in graph.nodes.values() | selectattr('resource_type', 'equalto', 'model') | sort(attribute='name') -%}
            {%- if node.name.startswith('stg_') -%}
                {%- set source, table = node.name[4:].split('__', 1) -%}
                {%- for name, column in node.columns.items() -%}
                    {%- set label = column.config.meta.label -%}
                    {%- set label = label.rsplit('(', 1)[0] if label.endswith(')') else label -%}
                    {%- if name.endswith('_masked') -%}
                        {%- do names.append((source, table, name[:-7], label)) -%}
                    {%- else -%}
                        {%- do names.append((source, table, name, label)) -%}
                    {%- endif -%}
                {%- endfor -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(names) }}
{%- endmacro %}
