"""Writes what follows from a reviewed file, so that adding a source table or a list is that one file.

- models/staging/<source>/ from the contracts: sources, one model and its YAML per contract table, a second
  one where the contract says `versions`;
- models/intermediate/quality/int_legal_basis__collected.sql from the contracts that ask for a legal basis;
- models/list_exposures.yml from the list definitions: one exposure with its owner per list; docs/lists/, a page in
  Chinese of each list for who reviews it;
- models/semantic_models.yml from the metric definitions: a semantic model per base, a dbt metric per metric.

Run `make generate` after a contract, a list or a metric changed; `tests/warehouse/test_generated.py` fails until then.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from ingestion.contract import LEGAL_BASIS_COLUMNS, TECHNICAL_COLUMNS, Column, Contract, contracts
from qianmo.definitions import Aggregate, MarketingList, Metric, lists, metrics
from qianmo.home import PROJECT_ROOT
from qianmo.list_page import list_pages

MODELS = Path(__file__).parent / "models"
LIST_PAGES = PROJECT_ROOT / "docs" / "lists"

SOURCE_LABELS = {
    "core": "核心",
    "acquiring": "收单",
    "social_security": "社保",
    "credit": "信贷",
    "external": "外部",
    "marketing": "营销",
    "master": "主数据",
}

ADDED_LABELS = {
    "legal_entity_code": "法人机构代码",
    "business_date": "数据日期",
    "batch_id": "批次号",
    "source_row": "源文件行号",
    "is_deleted": "源系统已删除",
    "basis_source": "数据来源",
    "legal_basis": "合法依据",
    "basis_purpose": "使用目的",
    "basis_expiry": "依据到期日",
}

_PART_LABELS = {
    "key": "代理键",
    "masked": "(脱敏)",
    "is_valid": "有效",
    "birth_date": "推算出生日期",
    "gender": "推算性别",
    "repair_keys": "可能正确号码代理键",
    "sound_key": "同音代理键",
    "shape_key": "形近代理键",
    "letters_key": "同字代理键",
}
"""What landing puts in place of a vaulted value (`Column.vaulted_parts`)."""

_LINE = 120
"""Characters that sqlfluff allows."""

LOADS = {
    "upsert": ("latest_row_per_key", "the latest delivered row of each key"),
    "snapshot": ("latest_delivery", "the latest delivery"),
    "append": ("first_row_per_key", "every row once, as first delivered"),
}


def _landed_key(contract: Contract) -> list[str]:
    return ["legal_entity_code", *contract.landed_key()]


def _columns(contract: Contract) -> list[str]:
    """Landed columns, but for the mark of deleted rows, which staging leaves out."""
    added = [*(LEGAL_BASIS_COLUMNS if contract.legal_basis else {}), *TECHNICAL_COLUMNS]
    own = [name for name in contract.landed_columns() if name not in added]
    added = [name for name in added if name not in ("legal_entity_code", "is_deleted")]
    return ["legal_entity_code", *own, *added]


def _sql(contract: Contract) -> str:
    macro, _ = LOADS[contract.load]
    key = "" if contract.load == "snapshot" else f", {_landed_key(contract)!r}"
    selected = ",\n".join(f"    {name}" for name in _columns(contract))
    # Materialised, it would copy the whole history before any filter from outside.
    hint = " not materialized" if contract.load == "append" else ""
    live = "\nwhere is_deleted is not true" if contract.load == "upsert" else ""
    standing = f"    {{{{ {macro}('landed'{key}) }}}}"
    if len(standing) > _LINE:
        standing = f"    {{{{ {macro}(\n        'landed'{key}\n    ) }}}}"
    return f"""with

landed as{hint} (
    select * from {{{{ source('{contract.source}', '{contract.table}') }}}}
    where business_date <= {{{{ business_date() }}}}
),

standing as (
{standing}
)

select
{selected}
from standing{live}
"""


def _version_sql(contract: Contract) -> str:
    selected = ",\n".join(f"    {name}" for name in _columns(contract))
    return f"""with

landed as (
    select * from {{{{ source('{contract.source}', '{contract.table}') }}}}
    where business_date <= {{{{ business_date() }}}}
)

select
{selected},
    coalesce(is_deleted, false) as is_deleted
from landed
"""


def _landed_labels(column: Column) -> Iterator[tuple[str, str]]:
    if column.vault is None:
        yield column.name, column.label
        return
    for part in column.vaulted_parts:
        yield f"{column.name}_{part}", f"{column.label}{_PART_LABELS[part]}"


def _column_yaml(name: str, data_type: str, label: str, class_: str, level: int) -> str:
    return f"""      - name: {name}
        data_type: {data_type}
        description: "{label}"
        config:
          meta: {{label: "{label}", class: {class_}, level: {level}}}
"""


def _model_yaml(contract: Contract) -> str:
    key = _landed_key(contract)
    # A batch of an append table cannot break the key of an earlier one, so only the day's batch is tested.
    test = _key_test(key, contract.load == "append")
    return f"""version: 2

models:
  - name: stg_{contract.source}__{contract.table}
    description: >-
      Grain: {contract.grain}. Key: {", ".join(key)}. {contract.label}, {LOADS[contract.load][1]}
      up to the business date.
    config:
      meta:
        label: {contract.label}
{test}    columns:
{"".join(_columns_yaml(contract, _columns(contract)))}"""


def _version_yaml(contract: Contract) -> str:
    key = [*_landed_key(contract), "business_date"]
    return f"""version: 2

models:
  - name: stg_{contract.source}__{contract.table}_version
    description: >-
      Grain: {contract.grain} and batch that delivered it. Key: {", ".join(key)}. {contract.label}, every version
      up to the business date, for models that take in what changed. Nuance: a deleted row has its key alone.
    config:
      meta:
        label: {contract.label}版本
{_key_test(key, True)}    columns:
{"".join(_columns_yaml(contract, [*_columns(contract), "is_deleted"]))}"""


def _key_test(key: list[str], day_only: bool) -> str:
    where = (
        "\n          config:\n            where: \"business_date = date '{{ var('business_date') }}'\""
        if day_only
        else ""
    )
    return f"""    data_tests:
      - primary_key:
          arguments: {{columns: [{", ".join(key)}]}}{where}
"""


def _columns_yaml(contract: Contract, names: list[str]) -> Iterator[str]:
    types = contract.landed_columns()
    for column in contract.columns:
        for name, label in _landed_labels(column):
            yield _column_yaml(name, types[name], label, column.class_, column.level)
    for name, label in ADDED_LABELS.items():
        if name in names:
            yield _column_yaml(name, types[name], label, "C1", 1)


def _sources_yaml(source: str, tables: list[Contract]) -> str:
    listed = "".join(
        f'      - name: {contract.table}\n        description: "{contract.label}: {contract.grain}, as landed."\n'
        for contract in tables
    )
    # by name: files landed under an earlier version of the contract lack the columns added since
    return f"""version: 2

sources:
  - name: {source}
    description: "{SOURCE_LABELS.get(source, source)}: landing, one Parquet file per table and business date."
    config:
      meta:
        external_location: >-
          read_parquet('{{{{ var("landing_root") }}}}/{source}/{{name}}/*.parquet', union_by_name=true)
    tables:
{listed}"""


def _bases_sql(tables: list[Contract]) -> str:
    selects = [
        f"""    select
        legal_entity_code,
        '{contract.source}' as source,
        '{contract.table}' as table_name,
        basis_source,
        legal_basis,
        basis_purpose,
        basis_expiry
    from {{{{ ref('stg_{contract.source}__{contract.table}') }}}}
"""
        for contract in tables
    ]
    united = "    union all\n".join(selects)
    return f"""with

held as (
{united})

select
    *,
    count(*) as rows_held
from held
where basis_expiry is not null
group by all
"""


def _list_exposure(definition: MarketingList) -> str:
    return f"""
  - name: list_{definition.code}
    label: "{definition.name}"
    type: application
    maturity: high
    description: "名单 {definition.name}: {definition.purpose}"
    owner:
      name: {definition.owner}
    depends_on:
      - ref('mart_marketing_list')
    config:
      meta: {{label: "{definition.name}"}}
"""


SEMANTIC_ENTITIES = {
    "branch": "branch_code",
    "manager": "manager_code",
    "town": "town_code",
    "segment": "segment_code",
}
"""What every base can be grouped by, and its column there."""


def _semantic_model(base: str, counted: list[Metric]) -> dict[str, Any]:
    name = base.removeprefix("int_metric__")
    return {
        "name": name,
        "description": f"Rows of {base}: {counted[0].grain}.",
        "model": f"ref('{base}')",
        "primary_entity": name,
        "defaults": {"agg_time_dimension": "business_date"},
        "entities": [
            {"name": entity, "type": "foreign", "expr": column} for entity, column in SEMANTIC_ENTITIES.items()
        ],
        "dimensions": [
            {"name": "business_date", "type": "time", "type_params": {"time_granularity": "day"}},
            {"name": "market_type", "type": "categorical"},
        ],
        "measures": [
            {"name": measure, "label": label, "agg": aggregate.function, "expr": aggregate.row_sql}
            for metric in counted
            for measure, label, aggregate in _parts(metric)
        ],
    }


def _parts(metric: Metric) -> list[tuple[str, str, Aggregate]]:
    """Measures of a metric: name, label and what it adds up."""
    numerator, denominator = metric.measures()
    if denominator is None:
        return [(metric.code, metric.name, numerator)]
    return [
        (f"{metric.code}_numerator", f"{metric.name}(分子)", numerator),
        (f"{metric.code}_denominator", f"{metric.name}(分母)", denominator),
    ]


def _semantic_metrics(metric: Metric) -> Iterator[dict[str, Any]]:
    """The metric; before a quotient its parts, of which dbt wants it made."""
    parts = _parts(metric)
    contract = metric.model_dump(include={"owner", "grain", "unit", "base"}) | {"additive": metric.is_additive}
    contract |= {part: aggregate.sql for part, (_, _, aggregate) in zip(_PARTS, parts, strict=False)}
    described = {"name": metric.code, "label": metric.name, "description": metric.definition}
    if len(parts) == 1:
        yield described | {
            "type": "simple", "type_params": {"measure": metric.code}, "config": {"meta": contract}
        }  # fmt: skip
        return
    for name, label, _ in parts:
        yield {"name": name, "label": label, "type": "simple", "type_params": {"measure": name}}
    names = {part: name for part, (name, _, _) in zip(_PARTS, parts, strict=True)}
    yield described | {"type": "ratio", "type_params": names, "config": {"meta": contract}}


_PARTS = ("numerator", "denominator")


def _semantic_yaml(found: list[Metric]) -> str:
    bases: dict[str, list[Metric]] = {}
    for metric in found:
        bases.setdefault(metric.base, []).append(metric)
    content = {
        "version": 2,
        "semantic_models": [_semantic_model(base, bases[base]) for base in sorted(bases)],
        "metrics": [one for metric in found for one in _semantic_metrics(metric)],
    }
    return yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=_LINE)


def generated_files() -> dict[Path, str]:
    """Path below models/, or absolute, to content, for every contract, list and metric."""
    files: dict[Path, str] = {}
    by_source: dict[str, list[Contract]] = {}
    for contract in contracts().values():
        by_source.setdefault(contract.source, []).append(contract)
        stem = Path("staging") / contract.source / f"stg_{contract.source}__{contract.table}"
        files[stem.with_suffix(".sql")] = _sql(contract)
        files[stem.with_suffix(".yml")] = _model_yaml(contract)
        if contract.versions:
            versions = stem.with_name(f"{stem.name}_version")
            files[versions.with_suffix(".sql")] = _version_sql(contract)
            files[versions.with_suffix(".yml")] = _version_yaml(contract)
    for source, tables in by_source.items():
        files[Path("staging") / source / f"{source}__sources.yml"] = _sources_yaml(source, tables)
    based = [contract for contract in contracts().values() if contract.legal_basis]
    files[Path("intermediate") / "quality" / "int_legal_basis__collected.sql"] = _bases_sql(based)
    found = lists()
    exposures = (_list_exposure(definition) for definition in found)
    files[Path("list_exposures.yml")] = "version: 2\n\nexposures:" + "".join(exposures)
    files[Path("semantic_models.yml")] = _semantic_yaml(metrics())
    return files | list_pages(LIST_PAGES, found)


def main() -> None:
    for path, content in generated_files().items():
        target = MODELS / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
