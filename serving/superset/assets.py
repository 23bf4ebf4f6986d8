"""Superset's import files, made from the dbt manifest, the published file and the reviewed dashboard files.

The directory has the form of `superset import-directory`: `databases/`, `datasets/`, `charts/`, `dashboards/`, and
beside it `provision.json` with roles, row filters, grants and users, which Superset cannot import natively.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import duckdb
import yaml

from ingestion.bank import Bank
from qianmo.definitions import value_labels
from qianmo.errors import ConfigurationError
from serving.publish import MARTS, REVIEW, current, pointer_file, review_name
from serving.superset.dashboard_files import Chart, Dashboard, Measure, PageFilter, Role, unresolved
from serving.superset.manifest import Mart, RowFilter

VERSION = "1.0.0"
ROLE_NAMES: dict[Role, str] = {
    "head_office": "总行营销",
    "branch_head": "支行行长",
    "manager": "客户经理",
    "risk": "风险合规",
}
ROLE_OF_POST: dict[str, Role | None] = {
    "head_office": "head_office",
    "risk": "risk",
    "branch_head": "branch_head",
    "team_head": "branch_head",
    "manager": "manager",
    "grid_keeper": None,
    "marketing_assistant": None,
    "maintenance_assistant": None,
}
"""Posts 岗位 of dim_user_scope; those without a role work from delivered lists and have no login here."""
OWN_SCOPE = (
    "select {column} from marts.dim_user_scope"
    " where login = '{{{{ (current_username() or '') | replace(\"'\", \"''\") }}}}'"
)
"""The signed-in user's rows of the published scope table; a login without rows there sees nothing."""
ROW_FILTERS: dict[RowFilter, str] = {
    "branch": f"branch_code in ({OWN_SCOPE.format(column='branch_code')})",
    "manager": (
        f"branch_code in ({OWN_SCOPE.format(column='branch_code')} and manager_id is null)"
        f" or manager_id in ({OWN_SCOPE.format(column='manager_id')} and manager_id is not null)"
    ),
    "metric": f"dimension = 'branch' and dimension_value in ({OWN_SCOPE.format(column='branch_code')})",
    "none": "1 = 0",
}
"""What a user outside head office and risk sees of a mart: deny by default, whichever role was granted the dataset."""
PALETTE: list[str] = yaml.safe_load((Path(__file__).parent / "palette.yml").read_text(encoding="utf-8"))
SNAPSHOTS = " 逐个业务日期的快照：求和前先选定一个业务日期。"
FORMATS = {
    "%": ".2%",
    "倍": ",.1f",
    "小时": ",.1f",
    "亿元": ",.2f",
    "万元": ",.0f",
    "元": ",.0f",
    "天": ",.1f",
    "户/日": ",.2f",
    "个/日": ",.2f",
    "分": ",.1f",
}
DIVISORS = {"万元": 10_000, "亿元": 100_000_000}
PAGE_CSS = ".search-select-container { display: none; }"
"""A paged table offers a search by column that names columns in English; the page filters stand in for it."""
TEXT = "_text"
"""A column `x` of codes, names or yes/no comes with a calculated column `x_text`, Chinese and never empty."""
VALUE_LABELS = value_labels()


TAG_CHOICES: dict[str, tuple[str, str]] = {
    "with_all_tags": ("全部具备", "true{% for name in asked %} and {{ columns[name] }}{% endfor %}"),
    "with_any_tag": ("至少具备一项", "false{% for name in asked %} or {{ columns[name] }}{% endfor %}"),
    "without_tags": ("均不具备", "true{% for name in asked %} and not {{ columns[name] }}{% endfor %}"),
}
"""Filter column to its label and to the condition on a customer, given the names asked for."""
TAG_CHOICE = (
    "{{% set columns = {columns} %}}"
    "{{% set asked = filter_values('{choice}') | select('in', columns) | list %}}"
    "case when {condition} then '{{{{ asked | first | replace(\"'\", \"''\") }}}}' end"
)
"""A filter says `column in (names asked for)`, so this column holds one of them for each customer who fulfils the
condition. Only names of the dictionary reach the SQL."""


@dataclass(frozen=True)
class PublishedTag:
    """A row of the published dim_tag, whose column in the wide row is `tag_<code>`."""

    code: str
    name: str
    definition: str

    @property
    def column(self) -> str:
        return f"tag_{self.code}"


@dataclass(frozen=True)
class Table:
    """A table or view of the published file, as Superset shows it."""

    schema: str
    mart: Mart
    types: dict[str, str]
    """DuckDB types by column: those of the mart that the table has."""

    @property
    def name(self) -> str:
        """As dashboard files write it."""
        return self.mart.name if self.schema == MARTS else review_name(self.mart.name)


def write(bank: Bank, known: dict[str, Mart], pages: list[Dashboard], folder: Path) -> None:
    """Write every import file for a bank's published marts into `folder`, replacing what was there.

    Raises:
        ConfigurationError: a chart or filter does not resolve, or a model of the manifest is not published.
    """
    if faults := [fault for page in pages for fault in unresolved(page, known)]:
        raise ConfigurationError("dashboards do not resolve:\n  " + "\n  ".join(faults))
    published_tags = tags_of(current(bank))
    tables = published_tables(current(bank), known, published_tags)
    offering = {page.tag_filters for page in pages}
    files: dict[str, Any] = {
        "metadata.yaml": {"version": VERSION, "type": "assets", "timestamp": "2026-01-01T00:00:00+00:00"},
        "databases/marts.yaml": _database(bank),
    }
    for table in tables.values():
        dataset = _dataset(bank, table, pages)
        if table.mart.has_tag_columns:
            dataset["columns"] += [_choice(choice, _carried(choice, published_tags)) for choice in TAG_CHOICES]
        elif table.name in offering:
            dataset["columns"] += [_choice(choice, "tag_name") for choice in TAG_CHOICES]
        files[f"datasets/marts/{table.name}.yaml"] = dataset
    for page in pages:
        for index, chart in enumerate(page.charts):
            files[f"charts/{page.code}_{index:02}.yaml"] = _chart(bank, page, chart, tables[chart.dataset])
        files[f"dashboards/{page.code}.yaml"] = _dashboard(bank, page, tables)
    assets = folder / "assets"
    wanted = {
        assets / name: yaml.safe_dump(content, allow_unicode=True, sort_keys=False) for name, content in files.items()
    }
    for old in assets.rglob("*.yaml"):
        if old not in wanted:
            old.unlink()
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    provision = json.dumps(_provision(bank, pages, tables), ensure_ascii=False, indent=1)
    (folder / "provision.json").write_text(provision, encoding="utf-8")


def tags_of(file: Path) -> list[PublishedTag]:
    """The tags of a published file, by code."""
    with duckdb.connect(str(file), read_only=True) as connection:
        rows = connection.execute(
            f"select tag_code, tag_name, definition from {MARTS}.dim_tag order by tag_code"
        ).fetchall()
    return [PublishedTag(*row) for row in rows]


def published_tables(file: Path, known: dict[str, Mart], published_tags: list[PublishedTag]) -> dict[str, Table]:
    """The tables and review views of a published file that the manifest shows, by name.

    Raises:
        ConfigurationError: a model with `superset: true` is not in the file, or lacks a described column.
    """
    with duckdb.connect(str(file), read_only=True) as connection:
        rows = connection.execute(
            "select schema_name, table_name, column_name, data_type from duckdb_columns()"
            " where database_name = current_database() and schema_name in (?, ?) order by 1, 2, column_index",
            [MARTS, REVIEW],
        ).fetchall()
    published: dict[tuple[str, str], dict[str, str]] = {}
    for schema, name, column, data_type in rows:
        published.setdefault((schema, name), {})[column] = data_type
    tables = []
    for mart in known.values():
        types = published.get((MARTS, mart.name))
        if types is None:
            raise ConfigurationError(f"{file.name} has no table {mart.name}: build and publish again")
        mart = _with_tags(mart, published_tags)
        if missing := sorted(set(mart.columns) - set(types)):
            raise ConfigurationError(f"{file.name}: {mart.name} lacks the described columns {', '.join(missing)}")
        shown = {column: types[column] for column in mart.columns}
        tables.append(Table(MARTS, mart, shown))
        if (reviewed := published.get((REVIEW, review_name(mart.name)))) is not None:
            tables.append(Table(REVIEW, mart, {column: kind for column, kind in shown.items() if column in reviewed}))
    return {table.name: table for table in tables}


def _with_tags(mart: Mart, published_tags: list[PublishedTag]) -> Mart:
    """The mart with a described column per tag, where it has them."""
    if not mart.has_tag_columns:
        return mart
    names = {tag.column: tag.name for tag in published_tags}
    definitions = {tag.column: tag.definition for tag in published_tags}
    return replace(mart, columns=mart.columns | names, descriptions=mart.descriptions | definitions)


def _uuid(bank: Bank, *parts: str) -> str:
    return str(uuid5(NAMESPACE_URL, "/".join(("qianmo", bank.name, *parts))))


def _database(bank: Bank) -> dict[str, Any]:
    """The URI names the pointer; superset_config.py resolves it to the published file for each query."""
    return {
        "database_name": f"{bank.legal_entity_name}数据集市",
        "sqlalchemy_uri": f"duckdb:///{pointer_file(bank.home)}",
        "cache_timeout": None,
        "expose_in_sqllab": False,
        "allow_run_async": False,
        "allow_ctas": False,
        "allow_cvas": False,
        "allow_dml": False,
        "allow_csv_upload": False,
        "extra": {
            "engine_params": {
                "connect_args": {
                    "read_only": True,
                    "config": {"enable_external_access": False, "lock_configuration": True},
                }
            },
            "allows_virtual_table_explore": False,
            "schemas_allowed_for_csv_upload": [],
        },
        "uuid": _uuid(bank, "database"),
        "version": VERSION,
    }


def _dataset(bank: Bank, table: Table, pages: list[Dashboard]) -> dict[str, Any]:
    mart = table.mart
    columns = []
    for name, kind in table.types.items():
        described: dict[str, Any] = {
            "column_name": name,
            "verbose_name": mart.columns[name],
            "description": mart.descriptions[name] or None,
            "type": kind,
            "is_dttm": kind.startswith(("DATE", "TIMESTAMP")),
            "is_active": True,
            "groupby": True,
            "filterable": True,
        }
        columns.append(described)
        if expression := _text_expression(name, kind):
            text = {"column_name": name + TEXT, "type": "VARCHAR", "is_dttm": False, "expression": expression}
            columns.append({**described, **text})
    metrics: list[dict[str, Any]] = [
        {"metric_name": "rows", "verbose_name": "行数", "expression": "count(*)", "d3format": ",d"}
    ]
    metrics += [
        {
            "metric_name": code,
            "verbose_name": metric.label,
            "description": metric.definition,
            "expression": expression,
            "d3format": FORMATS["%"] if metric.unit == "%" else ",.0f",
        }
        for code, (metric, expression) in mart.contract.items()
    ]
    # The page filter "largest" sorts its values by this one.
    weights = {one.weight for page in pages for one in page.filters if one.weight and one.dataset == table.name}
    metrics += [
        {"metric_name": f"sum_{name}", "verbose_name": mart.columns[name], "expression": f'sum("{name}")'}
        for name in sorted(weights)
    ]
    return {
        "table_name": table.name,
        "schema": table.schema,
        "main_dttm_col": "business_date" if "business_date" in table.types else None,
        "description": f"{mart.label}：{mart.description}".strip("：") + SNAPSHOTS * ("business_date" in table.types),
        "filter_select_enabled": True,
        "uuid": _uuid(bank, "dataset", table.name),
        "database_uuid": _uuid(bank, "database"),
        "columns": columns,
        "metrics": metrics,
        "version": VERSION,
    }


def _choice(choice: str, expression: str) -> dict[str, Any]:
    """A calculated column that a tag filter of a page acts on."""
    return {
        "column_name": choice,
        "verbose_name": f"标签{TAG_CHOICES[choice][0]}",
        "description": None,
        "type": "VARCHAR",
        "is_dttm": False,
        "is_active": True,
        "groupby": False,
        "filterable": True,
        "expression": expression,
    }


def _carried(choice: str, published_tags: list[PublishedTag]) -> str:
    """SQL with Superset's templates, over the wide row."""
    columns = json.dumps({tag.name: tag.column for tag in published_tags}, ensure_ascii=False)
    return TAG_CHOICE.format(columns=columns, choice=choice, condition=TAG_CHOICES[choice][1])


class _ContractMeasure(Measure):
    """A measure that names a metric, with what the contract says of it. Dashboard files cannot hold SQL."""

    expression: str


def _contracted(measure: Measure, table: Table) -> Measure:
    if measure.metric is None:
        return measure
    metric, expression = table.mart.contract[measure.metric]
    return _ContractMeasure.model_construct(
        metric=metric.code, label=metric.label, unit=metric.unit, expression=expression
    )


def _label(measure: Measure) -> str:
    return measure.label if measure.unit in ("%", "") else f"{measure.label}({measure.unit})"


def _metric(measure: Measure) -> dict[str, Any]:
    """An ad-hoc metric: one aggregate over one column, at most divided into 万元 or 亿元."""
    if isinstance(measure, _ContractMeasure):
        expression = measure.expression
    elif measure.count:
        expression = "count(*)"
    elif measure.distinct:
        expression = f'count(distinct "{measure.distinct}")'
    elif measure.single:
        expression = f'max("{measure.single}")'
    else:
        expression = f'sum("{measure.sum}")'
    if divisor := DIVISORS.get(measure.unit):
        expression += f" / {divisor}.0"
    return _sql_metric(expression, _label(measure))


def _sql_metric(expression: str, label: str) -> dict[str, Any]:
    return {
        "expressionType": "SQL",
        "sqlExpression": expression,
        "label": label,
        "hasCustomLabel": True,
        "optionName": "metric_" + uuid5(NAMESPACE_URL, expression + label).hex[:12],
    }


def _where(values: dict[str, Any]) -> list[dict[str, Any]]:
    filters = []
    for column, wanted in values.items():
        one = len(wanted) == 1
        filters.append(
            {
                "clause": "WHERE",
                "expressionType": "SIMPLE",
                "subject": column,
                "operator": "==" if one else "IN",
                "operatorId": "EQUALS" if one else "IN",
                "comparator": wanted[0] if one else wanted,
                "filterOptionName": "filter_" + uuid5(NAMESPACE_URL, f"{column}{wanted}").hex[:12],
            }
        )
    return filters


def _format(measure: Measure) -> str:
    return FORMATS.get(measure.unit, ",d")


def _text_expression(name: str, kind: str) -> str | None:
    """SQL of the calculated text column of a column, or None when the column reads well as it is."""
    if kind == "BOOLEAN":
        return f"case when \"{name}\" then '是' else '否' end"
    if kind == "DATE":
        return f"strftime(\"{name}\", '%Y-%m-%d')"
    if kind == "VARCHAR" and name in VALUE_LABELS:
        cases = " ".join(f"when '{code}' then '{text}'" for code, text in VALUE_LABELS[name].items())
        return f'case "{name}" {cases} else coalesce("{name}", \'未划分\') end'
    if kind == "VARCHAR" and name.endswith("_name"):
        return f"coalesce(\"{name}\", '未划分')"
    return None


def _text_columns(names: list[str], table: Table) -> list[str]:
    return [name + TEXT if _text_expression(name, table.types[name]) else name for name in names]


def _labelled(name: str, table: Table) -> dict[str, Any]:
    """A column under its Chinese label."""
    return {
        "expressionType": "SQL",
        "sqlExpression": _text_expression(name, table.types[name]) or f'"{name}"',
        "label": table.mart.columns[name],
    }


def _chart(bank: Bank, page: Dashboard, chart: Chart, table: Table) -> dict[str, Any]:
    params = {
        "adhoc_filters": _where(chart.where),
        "row_limit": chart.limit,
        "time_range": "No filter",
        "color_scheme": "qianmo",
        "extra_form_data": {},
    }
    shown = chart.model_copy(
        update={
            "dimensions": _text_columns(chart.dimensions, table),
            "across": _text_columns(chart.across, table),
            "measures": [_contracted(measure, table) for measure in chart.measures],
        }
    )
    viz_type, special = _FORMS[chart.type](shown)
    if chart.type == "pivot":  # its headers show column names, not labels
        special["groupbyRows"] = [_labelled(name, table) for name in chart.dimensions]
        special["groupbyColumns"] = [_labelled(name, table) for name in chart.across]
    return {
        "slice_name": chart.title,
        "description": chart.note or None,
        "viz_type": viz_type,
        "params": {**params, **special, "viz_type": viz_type},
        "uuid": _uuid(bank, "chart", page.code, chart.title),
        "dataset_uuid": _uuid(bank, "dataset", table.name),
        "version": VERSION,
    }


def _number(chart: Chart) -> tuple[str, dict[str, Any]]:
    measure = chart.measures[0]
    return "big_number_total", {
        "metric": _metric(measure),
        "subheader": measure.label if measure.unit in ("%", "") else f"{measure.label}（{measure.unit}）",
        "header_font_size": 0.6,
        "subheader_font_size": 0.3,
        "y_axis_format": _format(measure),
    }


def _order_metric(chart: Chart) -> dict[str, Any] | None:
    """The metric that a chart is sorted by when it is not one of those it shows."""
    if chart.order and chart.order.column:
        return _sql_metric(f'min("{chart.order.column}")', "排序")
    return None


def _axes(chart: Chart) -> dict[str, Any]:
    shared: dict[str, Any] = {
        "x_axis": chart.dimensions[0],
        "groupby": chart.dimensions[1:2],
        "metrics": [_metric(measure) for measure in chart.measures],
        "show_legend": len(chart.dimensions) > 1 or len(chart.measures) > 1,
        "legendOrientation": "top",
        "legendType": "scroll",
        "rich_tooltip": True,
        "show_value": True,
        "y_axis_format": _format(chart.measures[0]),
        "truncateYAxis": False,
        "y_axis_bounds": [None, None],
        "truncate_metric": True,
        "show_empty_columns": True,
        "order_desc": True,
        "sort_series_type": "sum",
        "sort_series_ascending": False,
    }
    return shared


def _bar(chart: Chart) -> tuple[str, dict[str, Any]]:
    params = _axes(chart)
    params["orientation"] = "horizontal" if chart.horizontal else "vertical"
    params["xAxisForceCategorical"] = True
    params["xAxisLabelInterval"] = "0"  # every name, also of many
    if chart.stacked:
        params["stack"] = "Stack"
        params["show_value"] = False
    if chart.order:
        descending = chart.order.descending
        if sorter := _order_metric(chart):
            params["timeseries_limit_metric"] = sorter
            params["order_desc"] = descending
            params["x_axis_sort"] = sorter["label"]
        else:
            measure = next(one for one in chart.measures if one.label == chart.order.measure)
            params["x_axis_sort"] = _label(measure)
        # A horizontal bar chart draws its first category at the bottom.
        params["x_axis_sort_asc"] = descending if chart.horizontal else not descending
        if len(chart.dimensions) > 1:
            params["x_axis_sort_series"] = "sum"
            params["x_axis_sort_series_ascending"] = params["x_axis_sort_asc"]
    return "echarts_timeseries_bar", params


def _line(chart: Chart) -> tuple[str, dict[str, Any]]:
    return "echarts_timeseries_line", {
        **_axes(chart),
        # several lines would write over one another
        "show_value": [measure.unit for measure in chart.measures] == ["%"],
        "x_axis_sort": chart.dimensions[0],
        "x_axis_sort_asc": True,
        "xAxisForceCategorical": True,
        "markerEnabled": True,
        "markerSize": 6,
        "seriesType": "line",
    }


def _table(chart: Chart) -> tuple[str, dict[str, Any]]:
    sorter = _order_metric(chart)
    if chart.order and chart.order.measure:
        sorter = _metric(next(one for one in chart.measures if one.label == chart.order.measure))
    return "table", {
        "query_mode": "aggregate",
        "groupby": chart.dimensions,
        "metrics": [_metric(measure) for measure in chart.measures],
        "timeseries_limit_metric": sorter,
        "order_desc": chart.order.descending if chart.order else True,
        "column_config": {
            _label(m): {"d3NumberFormat": _format(m), "d3SmallNumberFormat": _format(m)} for m in chart.measures
        },
        "table_timestamp_format": "%Y-%m-%d",
        "show_cell_bars": False,
        "page_length": 20,
        "include_search": False,
        "allow_rearrange_columns": False,
    }


def _list(chart: Chart) -> tuple[str, dict[str, Any]]:
    order = [[chart.order.column, not chart.order.descending]] if chart.order and chart.order.column else []
    return "table", {
        "query_mode": "raw",
        "all_columns": chart.dimensions,
        "order_by_cols": [json.dumps(one) for one in order],
        "table_timestamp_format": "%Y-%m-%d",
        "show_cell_bars": False,
        "include_search": False,
        "server_pagination": True,  # a list of a large bank is never sent whole
        "server_page_length": 20,
        "column_config": {name: {"columnWidth": width} for name, width in chart.widths.items()},
    }


def _pivot(chart: Chart) -> tuple[str, dict[str, Any]]:
    return "pivot_table_v2", {
        "metrics": [_metric(measure) for measure in chart.measures],
        "metricsLayout": "COLUMNS",
        "valueFormat": _format(chart.measures[0]),
        "date_format": "%Y-%m-%d",
        "aggregateFunction": "First" if chart.measures[0].single and not chart.measures[0].unit else "Sum",
        "rowOrder": "key_a_to_z",
        "colOrder": "key_a_to_z",
        "rowTotals": False,
        "colTotals": False,
        "order_desc": True,
        "transposePivot": False,
    }


def _heatmap(chart: Chart) -> tuple[str, dict[str, Any]]:
    [measure] = chart.measures
    return "heatmap_v2", {
        "x_axis": chart.dimensions[0],
        "groupby": [chart.dimensions[1]],
        "metric": _metric(measure),
        "sort_x_axis": "alpha_asc",
        "sort_y_axis": "alpha_asc",
        "normalize_across": "heatmap",
        "linear_color_scheme": "superset_seq_1",
        "legend_type": "continuous",
        "show_legend": False,
        "show_values": True,
        "show_percentage": False,
        "value_bounds": [0, 1] if measure.unit == "%" else [None, None],
        "xscale_interval": 1,
        "yscale_interval": 1,
        "x_axis_label_rotation": 45,
        "left_margin": "auto",
        "bottom_margin": "auto",
        "y_axis_format": _format(measure),
    }


_FORMS = {
    "number": _number,
    "bar": _bar,
    "line": _line,
    "table": _table,
    "list": _list,
    "pivot": _pivot,
    "heatmap": _heatmap,
}


def _dashboard(bank: Bank, page: Dashboard, tables: dict[str, Table]) -> dict[str, Any]:
    colours, shared = _series_colours(current(bank), page, tables)
    position: dict[str, Any] = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
        "GRID_ID": {"type": "GRID", "id": "GRID_ID", "children": [], "parents": ["ROOT_ID"]},
        "HEADER_ID": {"type": "HEADER", "id": "HEADER_ID", "meta": {"text": page.title}},
    }
    number = 0
    for row_number, row in enumerate(page.rows):
        row_id = f"ROW-{row_number}"
        position["GRID_ID"]["children"].append(row_id)
        position[row_id] = {
            "type": "ROW",
            "id": row_id,
            "children": [],
            "parents": ["ROOT_ID", "GRID_ID"],
            "meta": {"background": "BACKGROUND_TRANSPARENT"},
        }
        for chart in row.charts:
            chart_id = f"CHART-{number}"
            position[row_id]["children"].append(chart_id)
            position[chart_id] = {
                "type": "CHART",
                "id": chart_id,
                "children": [],
                "parents": ["ROOT_ID", "GRID_ID", row_id],
                "meta": {
                    "chartId": number + 1,
                    "uuid": _uuid(bank, "chart", page.code, chart.title),
                    "sliceName": chart.title,
                    "width": chart.width,
                    "height": row.height,
                },
            }
            number += 1
    return {
        "dashboard_title": page.title,
        "description": page.description,
        "slug": page.code,
        "css": PAGE_CSS,
        "uuid": _uuid(bank, "dashboard", page.code),
        "position": position,
        "metadata": {
            "native_filter_configuration": [
                *_tag_filters(bank, page, tables),
                *(_page_filter(bank, page, one, tables) for one in page.filters),
            ],
            "chart_configuration": {},
            "global_chart_configuration": {"scope": {"rootPath": ["ROOT_ID"], "excluded": []}, "chartsInScope": []},
            "cross_filters_enabled": False,
            "color_scheme": "qianmo",
            "color_scheme_domain": PALETTE,
            "label_colors": colours,
            "map_label_colors": {},
            "shared_label_colors": shared,
            "refresh_frequency": 0,
            "expanded_slices": {},
            "timed_refresh_immune_slices": [],
            "filter_bar_orientation": "HORIZONTAL",
        },
        "published": True,
        "version": VERSION,
    }


def _series_colours(file: Path, page: Dashboard, tables: dict[str, Table]) -> tuple[dict[str, str], list[str]]:
    """Series name to colour, the same on the whole page, and the names that several charts have.

    A lone series has the first colour. Superset would work both out at each visit and try to store them.
    """
    lone: list[str] = []
    several: list[str] = []
    with duckdb.connect(str(file), read_only=True) as connection:
        for chart in page.charts:
            if chart.type not in ("bar", "line"):
                continue
            if len(chart.dimensions) > 1:
                table, series = tables[chart.dataset], chart.dimensions[1]
                text = _text_expression(series, table.types[series]) or f'"{series}"'
                let_through = [f'"{column}"::varchar in (select unnest(?))' for column in chart.where]
                rows = connection.execute(
                    f'select distinct {text} from {table.schema}."{table.name}"'
                    f" where {' and '.join(let_through) or 'true'} order by 1",
                    [[str(value) for value in values] for values in chart.where.values()],
                ).fetchall()
                several += [row[0] for row in rows]
            elif len(chart.measures) > 1:
                several += [_label(measure) for measure in chart.measures]
            else:
                lone.append(_label(chart.measures[0]))
    colours = {name: PALETTE[index % len(PALETTE)] for index, name in enumerate(dict.fromkeys(several))}
    names = lone + several
    return dict.fromkeys(lone, PALETTE[0]) | colours, sorted({name for name in names if names.count(name) > 1})


def _page_filter(bank: Bank, page: Dashboard, one: PageFilter, tables: dict[str, Table]) -> dict[str, Any]:
    """A native filter; charts whose dataset lacks the column, or which ignore it, are outside its scope."""
    [target] = _text_columns([one.column], tables[one.dataset])
    excluded = [
        number
        for number, chart in enumerate(page.charts, start=1)
        if one.column not in tables[chart.dataset].types or one.column in chart.ignores
    ]
    native = _native_filter(
        page,
        name=one.label,
        target={"datasetUuid": _uuid(bank, "dataset", one.dataset), "column": {"name": target}},
        excluded=excluded,
    )
    return native | {
        "id": f"NATIVE_FILTER-{page.code}-{one.column}",
        "controlValues": native["controlValues"]
        | {
            "enableEmptyFilter": one.first is not None,
            "defaultToFirstItem": one.first is not None,
            "multiSelect": not one.single,
            "searchAllOptions": one.searches,
            "sortAscending": one.first is None,
        },
        "requiredFirst": one.first is not None,  # charts wait for the first value instead of drawing without it
        "sortMetric": f"sum_{one.weight}" if one.first == "largest" else None,
        "adhoc_filters": _where(one.where),
    }


def _native_filter(page: Dashboard, name: str, target: dict[str, Any], excluded: list[int]) -> dict[str, Any]:
    """A filter of any number of values, none of them chosen, on every chart but the excluded ones."""
    return {
        "id": f"NATIVE_FILTER-{page.code}-{target['column']['name']}",
        "name": name,
        "type": "NATIVE_FILTER",
        "filterType": "filter_select",
        "targets": [target],
        "defaultDataMask": {"extraFormData": {}, "filterState": {}, "ownState": {}},
        "controlValues": {
            "enableEmptyFilter": False,
            "defaultToFirstItem": False,
            "multiSelect": True,
            "searchAllOptions": False,
            "inverseSelection": False,
            "sortAscending": True,
        },
        "requiredFirst": False,
        "sortMetric": None,
        "adhoc_filters": [],
        "time_range": "No filter",
        "cascadeParentIds": [],
        "scope": {"rootPath": ["ROOT_ID"], "excluded": excluded},
        "description": "",
    }


def _tag_filters(bank: Bank, page: Dashboard, tables: dict[str, Table]) -> list[dict[str, Any]]:
    """Three lists of tag names instead of a filter per tag: Superset would ask for the values of each at opening."""
    if page.tag_filters is None:
        return []
    return [
        _native_filter(
            page,
            name=label,
            target={"datasetUuid": _uuid(bank, "dataset", page.tag_filters), "column": {"name": choice}},
            excluded=[
                number
                for number, chart in enumerate(page.charts, start=1)
                if not tables[chart.dataset].mart.has_tag_columns
            ],
        )
        for choice, (label, _) in TAG_CHOICES.items()
    ]


def _provision(bank: Bank, pages: list[Dashboard], tables: dict[str, Table]) -> dict[str, Any]:
    """Roles with the datasets they may read, row filters, who opens which dashboard, and the users."""
    used: dict[Role, set[str]] = {role: set() for role in ROLE_NAMES}
    for page in pages:
        for role in page.roles:
            used[role] |= {chart.dataset for chart in page.charts} | {one.dataset for one in page.filters}
            used[role] |= {page.tag_filters} if page.tag_filters else set()
    used["head_office"] = {name for name, table in tables.items() if table.schema == MARTS} | used["head_office"]
    filters = []
    for kind, clause in ROW_FILTERS.items():
        names = sorted(name for name, table in tables.items() if _effective_filter(table) == kind)
        if names:
            filters.append(
                {
                    "name": f"{bank.name}_{kind}",
                    "clause": clause,
                    "datasets": [_uuid(bank, "dataset", name) for name in names],
                    "exempt_roles": [ROLE_NAMES["head_office"], ROLE_NAMES["risk"], "Admin"],
                }
            )
    return {
        "roles": [
            {
                "name": ROLE_NAMES[role],
                "self_service": role == "head_office",
                "datasets": [_uuid(bank, "dataset", name) for name in sorted(names)],
            }
            for role, names in used.items()
        ],
        "row_filters": filters,
        "dashboards": [
            {"uuid": _uuid(bank, "dashboard", page.code), "roles": [ROLE_NAMES[role] for role in page.roles]}
            for page in pages
        ],
        "users": _users(current(bank)),
    }


def _effective_filter(table: Table) -> RowFilter:
    return table.mart.row_filter if table.schema == MARTS else "none"


def _users(file: Path) -> list[dict[str, str]]:
    """Logins of the published scope table with the role's Chinese name.

    Raises:
        ConfigurationError: the scope table holds a post that is not known here.
    """
    with duckdb.connect(str(file), read_only=True) as connection:
        rows = connection.execute(
            f"select distinct login, role from {MARTS}.dim_user_scope order by login, role"
        ).fetchall()
    if unknown := sorted({post for _, post in rows} - set(ROLE_OF_POST)):
        raise ConfigurationError(f"dim_user_scope has the posts {unknown}; known are {sorted(ROLE_OF_POST)}")
    return [{"login": login, "role": ROLE_NAMES[role]} for login, post in rows if (role := ROLE_OF_POST[post])]
