{#- (source, table, Chinese source, Chinese table) of every contract table, as the staging YAML names them. -#}
{% macro landed_table_names() -%}
    {%- set names = [] -%}
    {%- if execute -%}
        {%- set source_labels = {} -%}
        {%- for table in graph.sources.values() -%}
            {%- do source_labels.update({table.source_name: table.source_description.split(':')[0]}) -%}
        {%- endfor -%}
        {%- for node in graph.nodes.values() | selectattr('resource_type', 'equalto', 'model') | sort(attribute='name') -%}
            {%- if node.name.startswith('stg_') and not node.name.endswith('_version') -%}
                {%- set source, table = node.name[4:].split('__', 1) -%}
                {%- do names.append((source, table, source_labels.get(source), node.config.meta.label)) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(names) }}
{%- endmacro %}
