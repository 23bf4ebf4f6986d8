"""How performance is judged: `dbt_project/definitions/performance.yml`, one reviewed file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from qianmo.definitions import DEFINITIONS, Text, flows, metrics
from qianmo.errors import ConfigurationError
from qianmo.reviewed_file import Reviewed, read_reviewed

PERFORMANCE = DEFINITIONS / "performance.yml"

Month = Annotated[int, Field(ge=1, le=12)]
Positive = Annotated[float, Field(gt=0)]


class RankedMeasure(Reviewed):
    """A measure of the score: a result (KPI) or a behaviour (KCI), and how much it weighs."""

    measure: Text
    part: Literal["KPI", "KCI"]
    weight: Positive


class Ranking(Reviewed):
    """Score of the PK: weighted completion, each completion at most `cap`."""

    cap: Positive
    measures: Annotated[list[RankedMeasure], Field(min_length=1)]


class Camp(Reviewed):
    """集训营: below the quantile of the managers both in the stock and in the quarter's work, added up."""

    stock: Text
    work: Annotated[list[Text], Field(min_length=1)]
    quantile: Annotated[float, Field(gt=0, lt=1)]


class Goal(Reviewed):
    """A goal of scale for the bank, and what is stated for each manager; `managers` counts those employed."""

    measure: Text
    name: Text
    unit: Text
    goal: Positive
    per_manager: Positive | None = None


class PortfolioGoal(Reviewed):
    """Customers that a manager is to have, by class."""

    measure: Text
    goal: Positive


class WeightedPhase(Reviewed):
    """A phase of the year, from the first day of one month to the last day of another, and its weight."""

    first_month: Month
    last_month: Month
    weight: Positive


class Performance(Reviewed):
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
    found = read_reviewed(path, Performance)
    codes = {metric.code for metric in metrics()} | {flow["code"] for flow in flows()}
    if unknown := sorted(set(found.measures) - codes):
        raise ConfigurationError(f"{path}: {', '.join(unknown)}: no metric has this code, see definitions/metrics")
    return found
