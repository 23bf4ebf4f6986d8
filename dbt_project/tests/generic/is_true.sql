{#- A SQL condition holds for every row. -#}
{% test is_true(model, condition) %}
select * from {{ model }}
where not ({{ condition }}) or ({{ condition }}) is null
{% endtest %}
