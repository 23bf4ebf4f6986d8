"""How performance is judged: `dbt_project/definitions/performance.yml`, one reviewed file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from qianmo.errors import ConfigurationError
from qianmo.home import PROJECT_ROOT

PERFORMANCE = PROJECT_ROOT / "dbt_project" / "definitions" / "performance.yml"

Text = Annotated[str, Field(min_length=1)]
Month = Annotated[int, Field(ge=1, le=12)]
Positive = Annotated[float, Field(gt=0)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RankedMeasure(_Model):
    """A measure of the score: a result (KPI) or a behaviour (KCI), and how much it weighs."""

    measure: Text
    part: Literal["KPI", "KCI"]
    weight: Positive


class Ranking(_Model):
    """Score of the PK: weighted completion, each completion at most `cap`."""

    cap: Positive
    measures: Annotated[list[RankedMeasure], Field(min_length=1)]


class Camp(_Model):
    """集训营: below the quantile of the managers both in the stock and in the quarter's work, added up."""

    stock: Text
    work: Annotated[list[Text], Field(min_length=1)]
    quantile: Annotated[float, Field(gt=0, lt=1)]


class Goal(_Model):
    """A goal of scale for the bank, and what is stated for each manager; `managers` counts those employed."""

    measure: Text
    name: Text
    unit: Text
    goal: Positive
    per_manager: Positive | None = None


class PortfolioGoal(_Model):
    """Customers that a manager is to have, by class."""

    measure: Text
    goal: Positive


class WeightedPhase(_Model):
    """A phase of the year, from the first day of one month to the last day of another, and its weight."""

    first_month: Month
    last_month: Month
    weight: Positive


class Performance(_Model):
    """The whole file."""

    ranking: Ranking
    camp: Camp
    goals: list[Goal]
    portfolio: list[PortfolioGoal]
    phases: list[WeightedPhase]

    @model_validator(mode="after")
    def _whole_year(self) -> "Performance":
        months = [month for phase in self.phases for month in range(phase.first_month, phase.last_month + 1)]
        if months and months != list(range(1, 13)):
            raise ValueError("phases: must follow one another from month 1 to month 12")
        return self

    @property
    def measures(self) -> Iterator[str]:
        """Every measure that is named."""
        yield from (one.measure for one in self.ranking.measures)
        yield self.camp.stock
        yield from self.camp.work
        yield from (one.measure for one in self.goals if one.measure != "managers")
        yield from (one.measure for one in self.portfolio)


def performance(path: Path = PERFORMANCE) -> Performance:
    """The reviewed file.

    Raises:
        ConfigurationError: the file does not follow its form, or names a measure that no metric defines.
    """
    try:
        found = Performance.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ValidationError) as error:
        raise ConfigurationError(f"{path}: {error}") from None
    from qianmo.definitions import flows, metrics

    codes = {metric.code for metric in metrics()} | {flow["code"] for flow in flows()}
    if unknown := sorted(set(found.measures) - codes):
        raise ConfigurationError(f"{path}: {', '.join(unknown)}: no metric has this code, see definitions/metrics")
    return found
