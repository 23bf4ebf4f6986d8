"""Tags, metrics and marketing lists: reviewed files in `dbt_project/definitions/<kind>/<code>.yml`.

The SQL in them is over the columns of `int_customer__features` (tags, lists) or of the metric's base model; dbt
places it in the generated models, so adding a tag, a metric or a list is adding one file.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from qianmo.errors import ConfigurationError
from qianmo.home import PROJECT_ROOT

DBT_PROJECT = PROJECT_ROOT / "dbt_project"
DEFINITIONS = DBT_PROJECT / "definitions"

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]


class Definition(BaseModel):
    """What every definition has: a code (its file's name), a Chinese name and an owner."""

    model_config = ConfigDict(extra="forbid")

    code: Code
    name: Text
    owner: Text


class Tag(Definition):
    """A customer tag (domain section 5)."""

    family: Literal["space", "time", "industry", "relation", "behaviour", "product", "credit", "account", "suppression"]
    definition: Text
    refresh: Literal["daily"] = "daily"
    sensitivity: Literal["C1", "C2"]
    validity_days: Annotated[int, Field(gt=0)] | None = None
    when: Text
    """SQL boolean over int_customer__features: the customer has the tag."""
    value: Text | None = None
    """SQL text expression: the tag's value, where yes or no is not all."""
    evidence: Annotated[list[Text], Field(min_length=1)]
    """Columns of int_customer__features whose values decided it, kept with each membership."""


class Metric(Definition):
    """A metric (domain section 7): defined once, everything that shows it uses this."""

    definition: Text
    unit: Literal["ratio", "count", "amount"]
    base: Text = "int_metric__base"
    """Model whose columns the SQL is over."""
    numerator: Text
    """SQL aggregate."""
    denominator: Text | None = None
    population: Text | None = None
    """SQL filter of the base rows."""


class MarketingList(Definition):
    """A marketing list (domain section 9)."""

    purpose: Text
    legal_basis: Text
    product_code: Text
    segment: Text
    channel: Literal["sms", "phone", "visit", "wechat"]
    approver: Text
    material_id: Text
    """Approved marketing material; none other may be used (银发〔2019〕316号)."""
    validity_days: Annotated[int, Field(gt=0)]
    capacity_per_manager: Annotated[int, Field(gt=0)]
    holdout_share: Annotated[float, Field(ge=0, lt=1)]
    eligible: Text
    """SQL boolean over int_customer__features."""
    rank_by: Text
    """SQL expression; higher is served first."""
    reason: Text
    """SQL text expression in Chinese: why this customer is on the list."""
    playbook: Text
    """打法: what the recipient should do."""
    recipients: Annotated[list[Literal["branch", "manager"]], Field(min_length=1)]


Kind = TypeVar("Kind", bound=Definition)


def tags(folder: Path = DEFINITIONS) -> list[Tag]:
    """Every tag, in code order."""
    return _load(folder / "tags", Tag)


def metrics(folder: Path = DEFINITIONS) -> list[Metric]:
    """Every metric, in code order."""
    return _load(folder / "metrics", Metric)


def lists(folder: Path = DEFINITIONS) -> list[MarketingList]:
    """Every marketing list, in code order."""
    return _load(folder / "lists", MarketingList)


def value_labels() -> dict[str, dict[str, str]]:
    """Chinese text of codes, by column name: one dictionary for sentences in marts and for charts."""
    labels: dict[str, dict[str, str]] = yaml.safe_load((DEFINITIONS / "value_labels.yml").read_text(encoding="utf-8"))
    return labels


def dbt_variables(folder: Path = DEFINITIONS) -> dict[str, Any]:
    """The definitions as the dbt variables `tags`, `metrics`, `lists` and `value_labels`.

    Raises:
        ConfigurationError: a file does not follow its schema; the message names every file and field at fault.
    """
    loaded: dict[str, list[Definition]] = {
        "tags": [*tags(folder)], "metrics": [*metrics(folder)], "lists": [*lists(folder)]
    }  # fmt: skip
    dumped = {kind: [one.model_dump(exclude_none=True) for one in found] for kind, found in loaded.items()}
    return {**dumped, "value_labels": value_labels()}


def _load(folder: Path, kind: type[Kind]) -> list[Kind]:
    loaded: list[Kind] = []
    faults: list[str] = []
    for path in sorted(folder.glob("*.yml")):
        try:
            definition = kind.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        except yaml.YAMLError as error:
            faults.append(f"{path}: not YAML: {error}")
            continue
        except ValidationError as error:
            for fault in error.errors():
                field = ".".join(str(part) for part in fault["loc"]) or "(file)"
                faults.append(f"{path}: {field}: {fault['msg']}")
            continue
        if definition.code != path.stem:
            faults.append(f"{path}: code: is {definition.code!r}, but the file's name says {path.stem!r}")
        loaded.append(definition)
    if faults:
        raise ConfigurationError("\n".join(faults))
    return loaded
