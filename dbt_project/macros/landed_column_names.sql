{#- (source, table, column, Chinese column) of every contract column, as the staging YAML names them. A vaulted column
    is landed as its key and its mask, and is told by the latter. Units and remarks in brackets are left out. -#}
{% macro landed_column_names() -%}
    {%- set names = [] -%}
    {%- if execute -%}
        {%- for node in graph.nodes.values() | selectattr('resource_type', 'equalto', 'model') | sort(attribute='name') -%}
            {%- if node.name.startswith('stg_') -%}
                {%- set source, table = node.name[4:].split('__', 1) -%}
                {%- for name, column in node.columns.items() -%}
                    {%- set label = column.config.meta.label.split('(')[0] -%}
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
