"""What the dbt manifest says about the marts: labels, descriptions, which are shown, how rows are filtered."""

import json
from dataclasses import dataclass
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
    metrics: tuple[dict[str, str], ...]
    """From `config.meta.metrics`: name, label, expression, format."""
    has_tag_columns: bool = False
    """Besides, one boolean column `tag_<code>` per row of dim_tag: which ones, the published file says."""


def marts(manifest: Path) -> dict[str, Mart]:
    """The models of schema marts with `config.meta.superset: true`, by name.

    Raises:
        ConfigurationError: no manifest; a label, a row filter or a column that a filter needs is missing.
    """
    if not manifest.exists():
        raise ConfigurationError(f"no dbt manifest at {manifest}: run `qianmo build` or `dbt parse` first")
    nodes = json.loads(manifest.read_text())["nodes"].values()
    shown = [node for node in nodes if node["resource_type"] == "model" and node["config"]["meta"].get("superset")]
    return {mart.name: mart for mart in sorted((_mart(node) for node in shown), key=lambda mart: mart.name)}


def _mart(node: dict[str, Any]) -> Mart:
    meta = node["config"]["meta"]
    name = node["name"]
    where = node.get("patch_path") or node["original_file_path"]
    faults = []
    if not meta.get("label"):
        faults.append("config.meta.label (the Chinese name) is missing")
    if meta.get("row_filter") not in get_args(RowFilter):
        faults.append(f"config.meta.row_filter is {meta.get('row_filter')!r}, expected one of {get_args(RowFilter)}")
    labels: dict[str, str] = {}
    for column, described in node["columns"].items():
        label = (described.get("config") or {}).get("meta", {}).get("label") or described.get("meta", {}).get("label")
        if not label:
            faults.append(f"column {column} has no config.meta.label")
        labels[column] = label or column
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
        metrics=tuple(meta.get("metrics", ())),
        has_tag_columns=bool(meta.get("tag_columns")),
    )
