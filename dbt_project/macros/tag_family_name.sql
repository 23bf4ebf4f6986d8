{% macro tag_family_name(tag_family) -%}
    case {{ tag_family }}
        when 'space' then '空间'
        when 'time' then '时间'
        when 'industry' then '行业'
        when 'relation' then '关系'
        when 'behaviour' then '行为'
        when 'product' then '产品与价值'
        when 'credit' then '信贷周期'
        when 'account' then '账户周期'
        when 'suppression' then '营销抑制'
    end
{%- endmacro %}
