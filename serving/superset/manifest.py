"""What the dbt manifest says about the marts: labels, descriptions, which are shown, how rows are filtered."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from qianmo.errors import ConfigurationError

RowFilter = Literal["branch", "manager", "metric", "none"]
"""Which rows a branch head and a manager see of a model:

branch: rows of their `branch_code`; manager: a branch head by `branch_code`, a manager by `manager_id`;
metric: rows of `dimension` branch and an own `dimension_value`; none: not shown to them at all.
"""
NEEDED_COLUMNS: dict[RowFilter, tuple[str, ...]] = {
    "branch": ("branch_code",),
    "manager": ("branch_code", "manager_id"),
    "metric": ("dimension", "dimension_value"),
    "none": (),
}

FINISHED_SUMS = "finished sums"
"""`config.meta.contract_of` of a mart with rows of metric_code, numerator and denominator."""
Unit = Literal[
    "户", "人", "元", "万元", "亿元", "%", "次", "天", "行", "名", "个", "笔", "小时", "倍", "户/日", "个/日", "分", ""
]  # fmt: skip
"""Empty for a word instead of a figure."""
COUNTED: dict[str, Unit] = {"客户": "户", "商户": "户", "走访": "次", "触达回执": "次", "村(社区)": "个"}
"""Unit of a count, by what one counted row is; 笔 for others."""


@dataclass(frozen=True)
class ContractMetric:
    """A metric of definitions/metrics as the dbt manifest has it."""

    code: str
    label: str
    definition: str
    unit: Unit
    base: str
    numerator: str
    """SQL aggregate over the columns of the base."""
    denominator: str | None

    @property
    def expression(self) -> str:
        """Over rows of the base: right for whatever slice of them, as the quotient is taken last."""
        return _quotient(self.numerator, self.denominator)

    @property
    def of_finished_sums(self) -> str | None:
        """Over rows with metric_code, numerator and denominator; None where these do not add up."""
        if "distinct" in self.numerator + (self.denominator or ""):
            return None
        own = f"filter (where metric_code = '{self.code}')"
        return _quotient(f"sum(numerator) {own}", f"sum(denominator) {own}" if self.denominator else None)


def _quotient(numerator: str, denominator: str | None) -> str:
    return f"cast({numerator} as double) / nullif({denominator}, 0)" if denominator else numerator


@dataclass(frozen=True)
class Mart:
    """A published model that Superset shows. Key columns (`…_key`) are left out."""

    name: str
    label: str
    description: str
    row_filter: RowFilter
    columns: dict[str, str]
    """Column to Chinese label, in the order of the model's YAML."""
    descriptions: dict[str, str]
    finished: frozenset[str] = frozenset()
    """Columns that hold a finished quotient and say which: by the name of the contract's metric, its code in
    `config.meta.metric`, or `÷` in the description."""
    contract: dict[str, tuple[ContractMetric, str]] = field(default_factory=dict)
    """Metrics of the contract that its columns suffice for, by code, with their SQL over them."""
    has_tag_columns: bool = False
    """Besides, one boolean column `tag_<code>` per row of dim_tag: which ones, the published file says."""


def marts(manifest: Path) -> dict[str, Mart]:
    """The models of schema marts with `config.meta.superset: true`, by name.

    Raises:
        ConfigurationError: no manifest; a label, a row filter or a column that a filter needs is missing.
    """
    if not manifest.exists():
        raise ConfigurationError(f"no dbt manifest at {manifest}: run `qianmo build` or `dbt parse` first")
    content = json.loads(manifest.read_text())
    nodes = content["nodes"].values()
    shown = [node for node in nodes if node["resource_type"] == "model" and node["config"]["meta"].get("superset")]
    contract = _contract(content["metrics"])
    return {mart.name: mart for mart in sorted((_mart(node, contract) for node in shown), key=lambda mart: mart.name)}


def _contract(metrics: dict[str, Any]) -> dict[str, ContractMetric]:
    """The metrics of definitions/metrics; the parts of which dbt makes a ratio are not among them."""
    found = {}
    for metric in metrics.values():
        meta = metric["config"]["meta"]
        if "numerator" not in meta:
            continue
        units: dict[str, Unit] = {"ratio": "%", "amount": "万元", "count": COUNTED.get(meta["grain"], "笔")}
        found[metric["name"]] = ContractMetric(
            code=metric["name"],
            label=metric["label"],
            definition=metric["description"],
            unit=units[meta["unit"]],
            base=meta["base"],
            numerator=meta["numerator"],
            denominator=meta.get("denominator"),
        )
    return found


def _sufficing(contract_of: str | None, contract: dict[str, ContractMetric]) -> dict[str, tuple[ContractMetric, str]]:
    """Metrics that a mart can show: of the base whose columns it has, or of any base where it has finished sums."""
    if contract_of == FINISHED_SUMS:
        return {code: (one, sql) for code, one in contract.items() if (sql := one.of_finished_sums)}
    return {code: (one, one.expression) for code, one in contract.items() if one.base == contract_of}


def _mart(node: dict[str, Any], contract: dict[str, ContractMetric]) -> Mart:
    meta = node["config"]["meta"]
    name = node["name"]
    where = node.get("patch_path") or node["original_file_path"]
    faults = []
    if not meta.get("label"):
        faults.append("config.meta.label (the Chinese name) is missing")
    if meta.get("row_filter") not in get_args(RowFilter):
        faults.append(f"config.meta.row_filter is {meta.get('row_filter')!r}, expected one of {get_args(RowFilter)}")
    labels: dict[str, str] = {}
    finished = set()
    for column, described in node["columns"].items():
        label = (described.get("config") or {}).get("meta", {}).get("label") or described.get("meta", {}).get("label")
        if not label:
            faults.append(f"column {column} has no config.meta.label")
        labels[column] = label or column
        metric = (described.get("config") or {}).get("meta", {}).get("metric")
        if metric is not None and metric not in contract:
            faults.append(f"column {column}: config.meta.metric is {metric!r}, which definitions/metrics does not have")
        named = contract.get(column)
        if metric or (named and named.denominator) or "÷" in described.get("description", ""):
            finished.add(column)
    contract_of = meta.get("contract_of")
    if contract_of not in {None, FINISHED_SUMS, *(metric.base for metric in contract.values())}:
        faults.append(
            f"config.meta.contract_of is {contract_of!r}, expected a base of the metrics or {FINISHED_SUMS!r}"
        )
    if not faults:
        needed = NEEDED_COLUMNS[meta["row_filter"]]
        if missing := [column for column in needed if column not in labels]:
            faults.append(f"row_filter {meta['row_filter']} needs the columns {missing}")
        if "customer_id" in labels and meta["row_filter"] in ("branch", "metric"):
            faults.append("a model with customer_id must have row_filter manager: a manager sees own customers only")
    if faults:
        raise ConfigurationError(f"{where}: model {name}: " + "; ".join(faults))
    shown = {column: label for column, label in labels.items() if not column.endswith("_key")}
    return Mart(
        name=name,
        label=meta["label"],
        description=node.get("description", ""),
        row_filter=meta["row_filter"],
        columns=shown,
        descriptions={column: node["columns"][column].get("description", "") for column in shown},
        finished=frozenset(finished),
        contract=_sufficing(contract_of, contract),
        has_tag_columns=bool(meta.get("tag_columns")),
    )
