"""`qianmo plan lint`: whether the parts of a plan add up (domain section 8).

A plan file states what a plan says, with the place where it says so. Each rule below compares two things that the plan
itself states; what differs is reported with both values, and neither is corrected: the department that wrote the plan
decides. Landed targets go through the same report, from the published mart_target_gap.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations, pairwise
from math import gcd
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from qianmo.errors import ConfigurationError, DataRefusedError

if TYPE_CHECKING:
    from ingestion.bank import Bank

Text = Annotated[str, Field(min_length=1)]
Month = Annotated[int, Field(ge=1, le=12)]
Positive = Annotated[Decimal, Field(gt=0)]


def _weights(value: Any) -> Any:
    return value.split(":") if isinstance(value, str) else value


class _Stated(BaseModel):
    """Something that the plan says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Text
    source: Text
    """Where the plan says so: document and section."""


class Part(BaseModel):
    """A part of a total; `times` where the plan states a figure per head and a number of heads."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Text
    value: Decimal
    times: Positive = Decimal(1)


class Total(_Stated):
    """A total with its parts."""

    stated: Decimal
    unit: Text
    parts: Annotated[list[Part], Field(min_length=1)]


class Figure(_Stated):
    """The value that the plan gives a measure (`name`) of an organisation in a period; may be stated several times."""

    organisation: Text
    period: Text
    value: Decimal
    unit: Text


class Phase(BaseModel):
    """A phase of the year, from the first day of one month to the last day of another."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Text
    first_month: Month
    last_month: Month

    @property
    def months(self) -> int:
        return self.last_month - self.first_month + 1


class Phases(_Stated):
    """The year in phases, with the weights that the plan gives them."""

    weights: Annotated[list[Positive], BeforeValidator(_weights), Field(min_length=2)]
    """As `4:3:3:2` or as a list."""
    weights_divide: Literal["time", "work"]
    """`time`: the plan says that the weights divide the months. `work`: they divide its targets over the phases."""
    phases: Annotated[list[Phase], Field(min_length=2)]


class Term(_Stated):
    """A name that the plan uses for `subject`, and the items that it says the name covers."""

    subject: Text
    items: list[Text] = Field(default_factory=list)


class Stage(BaseModel):
    """A stage of a schedule; without days where the plan states none."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Text
    days: Positive | None = None


class Schedule(_Stated):
    """A project with the duration stated for the whole, and its stages one after the other."""

    days: Positive
    stages: Annotated[list[Stage], Field(min_length=1)]


class Plan(BaseModel):
    """A plan file. Every list may be left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Text
    totals: list[Total] = Field(default_factory=list)
    figures: list[Figure] = Field(default_factory=list)
    phases: list[Phases] = Field(default_factory=list)
    terms: list[Term] = Field(default_factory=list)
    schedules: list[Schedule] = Field(default_factory=list)


@dataclass(frozen=True)
class Contradiction:
    """Two things stated that cannot both hold."""

    rule: str
    subject: str
    values: tuple[str, ...]
    """What is stated, with its source: one text per value, all of them kept."""


def load_plan(path: Path) -> Plan:
    """Read a plan file.

    Raises:
        ConfigurationError: there is no such file, or it does not follow the form; the message names the field.
    """
    try:
        return Plan.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path}: not YAML: {error}") from None
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, one['loc'])) or '(file)'}: {one['msg']}" for one in error.errors()]
        raise ConfigurationError(f"{path}: " + "; ".join(faults)) from None


def contradictions(plan: Plan) -> list[Contradiction]:
    """Everything in which the plan contradicts itself, rule by rule in the order of the file."""
    return [found for rule in _RULES for found in rule(plan)]


def _totals(plan: Plan) -> Iterator[Contradiction]:
    for total in plan.totals:
        parts = sum((part.value * part.times for part in total.parts), Decimal(0))
        if parts != total.stated:
            yield Contradiction(
                "分项之和与合计不符",
                total.name,
                (
                    f"合计写为 {_number(total.stated)} {total.unit}（{total.source}）",
                    f"分项之和为 {_number(parts)} {total.unit} = {' + '.join(_part(part) for part in total.parts)}",
                ),
            )


def _figures(plan: Plan) -> Iterator[Contradiction]:
    stated: dict[tuple[str, str, str, str], list[Figure]] = {}
    for figure in plan.figures:
        stated.setdefault((figure.name, figure.organisation, figure.period, figure.unit), []).append(figure)
    for (name, organisation, period, unit), figures in stated.items():
        if len({figure.value for figure in figures}) > 1:
            yield Contradiction(
                "同一指标同一时期有不同数值",
                f"{organisation} {period} {name}",
                tuple(f"{_number(figure.value)} {unit}（{figure.source}）" for figure in figures),
            )


def _phases(plan: Plan) -> Iterator[Contradiction]:
    for year in plan.phases:
        months = [phase.months for phase in year.phases]
        stated = f"权重为 {':'.join(_number(weight) for weight in year.weights)}（{year.source}）"
        lengths = f"各阶段为 {'、'.join(f'{phase.name}{phase.months}个月' for phase in year.phases)}"
        if len(year.weights) != len(year.phases):
            yield Contradiction("阶段权重与阶段个数不符", year.name, (stated, lengths))
        elif year.weights_divide == "time" and _shares(year.weights) != _shares([Decimal(month) for month in months]):
            yield Contradiction("阶段权重与阶段时长不符", year.name, (stated, lengths))
        for before, after in pairwise(year.phases):
            if after.first_month != before.last_month + 1:
                yield Contradiction(
                    "阶段首尾不衔接",
                    year.name,
                    (f"{before.name}到{before.last_month}月止", f"{after.name}从{after.first_month}月起"),
                )


def _terms(plan: Plan) -> Iterator[Contradiction]:
    for one, other in combinations(plan.terms, 2):
        same_items = bool(one.items) and sorted(one.items) == sorted(other.items)
        if one.name != other.name and (one.subject == other.subject or same_items):
            yield Contradiction("同一事物有两个名称", one.subject, (_term(one), _term(other)))
        elif one.name == other.name and one.items and other.items and not same_items:
            yield Contradiction("同一名称所指不同", one.name, (_term(one), _term(other)))


def _schedules(plan: Plan) -> Iterator[Contradiction]:
    for schedule in plan.schedules:
        known = [stage for stage in schedule.stages if stage.days is not None]
        days = sum((stage.days for stage in known if stage.days is not None), Decimal(0))
        # Stages without days take some of what is left, so only too many days contradict the whole.
        fits = days == schedule.days if len(known) == len(schedule.stages) else days < schedule.days
        if not fits:
            stages = " + ".join(f"{stage.name}{_number(stage.days)}" for stage in known if stage.days is not None)
            yield Contradiction(
                "各阶段天数与总天数不符",
                schedule.name,
                (
                    f"总天数写为 {_number(schedule.days)} 天（{schedule.source}）",
                    f"各阶段共 {_number(days)} 天 = {stages}",
                ),
            )


_RULES: tuple[Callable[[Plan], Iterator[Contradiction]], ...] = (_totals, _figures, _phases, _terms, _schedules)


def _number(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _part(part: Part) -> str:
    return part.name + _number(part.value) + (f"×{_number(part.times)}" if part.times != 1 else "")


def _term(term: Term) -> str:
    items = f"，包括{'、'.join(term.items)}" if term.items else ""
    return f"{term.name}{items}（{term.source}）"


def _shares(weights: list[Decimal]) -> list[Decimal]:
    """The weights in least whole numbers, so that 4:4 and 1:1 are the same."""
    scale = Decimal(10) ** max(0, -min(int(weight.as_tuple().exponent) for weight in weights))
    whole = [int(weight * scale) for weight in weights]
    return [Decimal(weight // gcd(*whole)) for weight in whole]


def target_contradictions(bank: "Bank") -> list[Contradiction]:
    """What does not add up in the landed targets, as of the last published business date."""
    import duckdb

    from serving.publish import current

    with duckdb.connect(str(current(bank)), read_only=True) as connection:
        rows = connection.execute(
            "select gap_name, organisation_name || ' ' || period_name || ' ' || measure_name, stated_name, parts_name"
            " from marts.mart_target_gap"
            " where business_date = (select max(business_date) from marts.mart_target_gap)"
            " order by all"
        ).fetchall()
    return [Contradiction(rule, subject, tuple(text for text in values if text)) for rule, subject, *values in rows]


def report(title: str, found: list[Contradiction]) -> None:
    """Print what was found, in Chinese.

    Raises:
        DataRefusedError: something was found.
    """
    print(title)
    for number, one in enumerate(found, start=1):
        print(f"{number}. {one.rule}：{one.subject}")
        for value in one.values:
            print(f"   - {value}")
    if found:
        raise DataRefusedError(f"{len(found)} 处矛盾。各数值均予保留，请由制定部门裁定后修改")
    print("未发现矛盾")
