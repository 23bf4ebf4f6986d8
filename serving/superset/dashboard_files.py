"""The reviewed dashboard files `dashboards/*.yml`: their form, and whether every chart resolves.

A chart names columns of a mart and how to aggregate them, or a metric of the contract; it cannot hold SQL, so it
cannot compute a ratio of its own. A ratio is a metric of the contract, or stands finished in a column of which the mart
says what is divided by what.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from qianmo.errors import ConfigurationError
from serving.publish import contact_columns, review_name
from serving.superset.manifest import Mart, Unit

FOLDER = Path(__file__).parent / "dashboards"

Role = Literal["head_office", "branch_head", "manager", "risk"]

RATIO = re.compile(r"(^|_)(rate|share|ratio|penetration|completion|coverage|value|conversion)$")
"""Names of columns that hold a finished ratio or metric: their rows must not be added or averaged."""

PIVOT_MEASURES = "指标"
"""What Superset calls the level of measures in a pivot; a column of the same label is lost in it."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _text_or_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


Values = Annotated[list[str | bool | int], BeforeValidator(_text_or_list)]


class Measure(_Model):
    """A figure of a chart: one aggregate over one column.

    `single` shows a finished figure as it stands: the chart must leave one row per group. `metric` is a metric of the
    contract, worked out over the rows that the chart shows; label and unit come from the contract.
    """

    label: str = ""
    unit: Unit = ""
    metric: str | None = None
    sum: str | None = None
    single: str | None = None
    distinct: str | None = None
    count: bool = False

    @model_validator(mode="after")
    def _one_aggregate(self) -> "Measure":
        if sum(bool(part) for part in (self.sum, self.single, self.distinct, self.count, self.metric)) != 1:
            raise ValueError("a measure has exactly one of sum, single, distinct, count, metric")
        if given := {"label", "unit"} & self.model_fields_set if self.metric else set():
            raise ValueError(f"{' and '.join(sorted(given))} of a metric come from the contract: leave them out")
        if not self.metric and not (self.label and "unit" in self.model_fields_set):
            raise ValueError("a measure has a label and a unit")
        if self.unit == "%" and self.single is None:
            raise ValueError(f"{self.label}: a count or sum is no ratio: use metric, or single of a finished column")
        if self.sum is not None and (RATIO.search(self.sum) or self.unit == "%"):
            raise ValueError(f"{self.sum} is a ratio: it may not be added up; use single")
        return self

    @property
    def is_ratio(self) -> bool:
        """Shows a quotient that stands in a column."""
        return self.single is not None and (self.unit == "%" or RATIO.search(self.single) is not None)

    @property
    def column(self) -> str | None:
        return self.sum or self.single or self.distinct


class Order(_Model):
    """Sort by a measure's label, or by the least value of a column."""

    measure: str | None = None
    column: str | None = None
    descending: bool = True


class Chart(_Model):
    """One chart; width in twelfths of the page."""

    title: str
    note: str = ""
    type: Literal["number", "bar", "line", "table", "list", "pivot", "heatmap"]
    dataset: str
    width: int = Field(ge=2, le=12)
    dimensions: list[str] = Field(default_factory=list)
    """bar, line: the axis, then the series. heatmap: across, then down. pivot: the rows. list: the columns shown."""
    across: list[str] = Field(default_factory=list)
    """pivot: the columns."""
    measures: list[Measure] = Field(default_factory=list)
    where: dict[str, Values] = Field(default_factory=dict)
    """Fixed filters: column to the values let through."""
    order: Order | None = None
    widths: dict[str, int] = Field(default_factory=dict)
    """list: pixels of columns that are not to share what is left."""
    limit: int = Field(default=100, ge=1, le=5000)
    horizontal: bool = False
    stacked: bool = False
    ignores: list[str] = Field(default_factory=list)
    """Columns of page filters that do not apply to this chart (a trend ignores the business date)."""

    @model_validator(mode="after")
    def _complete(self) -> "Chart":
        if self.type != "list" and not self.measures:
            raise ValueError(f"{self.title}: a {self.type} needs measures")
        if self.type == "list" and self.measures:
            raise ValueError(f"{self.title}: a list shows columns, not measures")
        if self.type != "number" and not self.dimensions:
            raise ValueError(f"{self.title}: a {self.type} needs dimensions")
        if self.type == "heatmap" and (len(self.dimensions) != 2 or len(self.measures) != 1):
            raise ValueError(f"{self.title}: a heatmap shows one measure over two dimensions")
        if self.across and self.type != "pivot":
            raise ValueError(f"{self.title}: only a pivot has columns across")
        return self

    @property
    def columns(self) -> set[str]:
        """Every column of the dataset that the chart names."""
        measured = {measure.column for measure in self.measures if measure.column}
        ordered = {self.order.column} if self.order and self.order.column else set()
        return {*self.dimensions, *self.across, *self.where, *self.widths, *measured, *ordered}


class Row(_Model):
    height: int = Field(ge=10, le=120)
    """In units of 8 pixels."""
    charts: list[Chart]

    @model_validator(mode="after")
    def _fits(self) -> "Row":
        if sum(chart.width for chart in self.charts) > 12:
            raise ValueError("the charts of a row are wider than 12")
        return self


class PageFilter(_Model):
    """A filter of the whole page; it applies to every chart whose dataset has the column."""

    label: str
    dataset: str
    column: str
    single: bool = False
    first: Literal["latest", "largest"] | None = None
    """What is chosen at opening: the greatest value, or the value with the most of `weight`."""
    weight: str | None = None
    searches: bool = False
    """What is typed is looked for among all values, of which there are more than fit a list."""
    where: dict[str, Values] = Field(default_factory=dict)


class Dashboard(_Model):
    code: str
    title: str
    description: str
    roles: list[Role]
    filters: list[PageFilter]
    tag_filters: str | None = None
    """A mart with `tag_name`: its names are offered as tags to have all of, any of and none of, which holds for the
    charts over marts with tag columns."""
    rows: list[Row]

    @property
    def charts(self) -> list[Chart]:
        return [chart for row in self.rows for chart in row.charts]


def dashboards(folder: Path = FOLDER) -> list[Dashboard]:
    """Every dashboard file, by name.

    Raises:
        ConfigurationError: a file does not have the form above; the message names file and place.
    """
    loaded = []
    for path in sorted(folder.glob("*.yml")):
        try:
            loaded.append(Dashboard.model_validate(yaml.safe_load(path.read_text())))
        except ValidationError as error:
            faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise ConfigurationError(f"{path}: {faults}") from None
    return loaded


def unresolved(dashboard: Dashboard, known: dict[str, Mart]) -> list[str]:
    """What a dashboard names that the manifest does not have, or may not show to its roles; empty when all is well."""
    faults = []
    reviewed = {review_name(name): name for name in known}
    for place, dataset, columns in [
        *((f"chart {chart.title}", chart.dataset, chart.columns) for chart in dashboard.charts),
        *(
            (f"filter {one.label}", one.dataset, {one.column, *one.where, *([one.weight] if one.weight else [])})
            for one in dashboard.filters
        ),
        *([("tag_filters", dashboard.tag_filters, {"tag_name"})] if dashboard.tag_filters else []),
    ]:
        name = reviewed.get(dataset, dataset)
        if name not in known:
            faults.append(f"{dashboard.code}: {place}: no model {name} with config.meta.superset true")
            continue
        mart = known[name]
        hidden = set(contact_columns(list(mart.columns))) if dataset in reviewed else set()
        if missing := sorted(columns - set(mart.columns) | columns & hidden):
            faults.append(f"{dashboard.code}: {place}: {name} has no column {', '.join(missing)}")
        row_filter = "none" if dataset in reviewed else mart.row_filter
        if row_filter == "none" and {"branch_head", "manager"} & set(dashboard.roles):
            faults.append(f"{dashboard.code}: {place}: {name} has no row filter, so a branch head may not see it")
    for chart in dashboard.charts:
        if shown := known.get(reviewed.get(chart.dataset, chart.dataset)):
            wrong = (_outside_the_contract(measure, shown) for measure in chart.measures)
            faults += [f"{dashboard.code}: chart {chart.title}: {fault}" for fault in wrong if fault]
            levels = [shown.columns.get(column) for column in (*chart.dimensions, *chart.across)]
            if chart.type == "pivot" and PIVOT_MEASURES in levels:
                faults.append(
                    f"{dashboard.code}: chart {chart.title}: a pivot adds up the values of a column labelled"
                    f" {PIVOT_MEASURES}: use a table, or a pivot for each value"
                )
    return faults


def _outside_the_contract(measure: Measure, mart: Mart) -> str | None:
    """What is wrong with a measure that shows a metric or a ratio, and what to do; None when nothing is."""
    if measure.metric is not None and measure.metric not in mart.contract:
        return (
            f"{mart.name} cannot show the metric {measure.metric}: it needs config.meta.contract_of, its base's columns"
        )
    if measure.is_ratio and measure.single in mart.columns and measure.single not in mart.finished:
        return (
            f"{measure.single} is a ratio of which {mart.name} does not say what is divided by what: write it with ÷"
            " in the column's description, or name the metric in its config.meta.metric"
        )
    if measure.sum in mart.finished:
        return f"{measure.sum} is a finished quotient: it may not be added up; use single, or a metric"
    return None
