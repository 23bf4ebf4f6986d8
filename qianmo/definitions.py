"""Tags, metrics, marketing lists and rules: reviewed files in `dbt_project/definitions/<kind>/<code>.yml`.

The SQL in them is over the columns of `int_customer__features` (tags, lists) or of the metric's base model; dbt
places it in the generated models, so adding a tag, a metric or a list is adding one file.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from difflib import get_close_matches
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, get_args

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    StringConstraints,
    field_validator,
    model_validator,
)

from qianmo.errors import ConfigurationError
from qianmo.home import PROJECT_ROOT
from qianmo.reviewed_file import read_reviewed

if TYPE_CHECKING:
    import duckdb

DBT_PROJECT = PROJECT_ROOT / "dbt_project"
DEFINITIONS = DBT_PROJECT / "definitions"
FEATURES = DBT_PROJECT / "models" / "intermediate" / "customer" / "int_customer__features.yml"
GOLDEN_DATE = date(2026, 9, 30)
"""Business date of a golden case that gives none."""

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Channel = Literal["sms", "phone", "visit", "wechat"]
"""How a customer is contacted."""


class Definition(BaseModel):
    """What every definition has: a code (its file's name), a Chinese name and an owner."""

    model_config = ConfigDict(extra="forbid")

    code: Code
    name: Text
    owner: Text

    def variable(self) -> dict[str, Any]:
        """What dbt is told of it; what is not said is not passed on."""
        return self.model_dump(exclude_none=True)


Scalar = bool | int | float | str


class GoldenCase(BaseModel):
    """Feature values, every other one null, and what the tag must say of such a customer."""

    model_config = ConfigDict(extra="forbid")

    given: Annotated[dict[Code, Any], Field(min_length=1)]
    has: bool = True
    value: Text | None = None

    @model_validator(mode="after")
    def _value_of_a_carrier(self) -> "GoldenCase":
        if self.value is not None and not self.has:
            raise ValueError("a customer without the tag has no value of it: leave value out, or say has: true")
        return self


class Tag(Definition):
    """A customer tag (domain section 5)."""

    family: Literal["space", "time", "industry", "relation", "behaviour", "product", "credit", "account", "suppression"]
    definition: Text
    refresh: Literal["daily"] = "daily"
    sensitivity: Literal["C1", "C2"]
    parameters: dict[Code, Scalar | list[Scalar]] = Field(default_factory=dict)
    """Thresholds, written `$name` in `when`, `value` and `definition`; a list stands for the values of an `in`."""
    when: Text
    """SQL boolean over int_customer__features: the customer has the tag."""
    value: Text | None = None
    """SQL text expression: the tag's value, where yes or no is not all."""
    observed_on: Code | None = None
    """Date column of int_customer__features: when what decided was observed."""
    validity_days: Annotated[int, Field(gt=0)] | None = None
    """The tag lapses so many days after `observed_on`."""
    evidence: Annotated[list[Code], Field(min_length=1)]
    """Columns of int_customer__features whose values decided it, kept with each membership."""
    tests: list[GoldenCase]
    """Golden cases, held by tests/warehouse/test_tag_definitions.py."""

    @model_validator(mode="after")
    def _whole(self) -> "Tag":
        if (self.observed_on is None) != (self.validity_days is None):
            raise ValueError("observed_on and validity_days belong together: the second counts from the first")
        if {case.has for case in self.tests} != {True, False}:
            raise ValueError(
                "tests: needs a case of a customer who has the tag and one (has: false) of one who has not"
            )
        used = {name for text in (self.when, self.value or "") for name in PLACEHOLDER.findall(text)}
        told = set(PLACEHOLDER.findall(self.definition)) - {"validity_days"}
        if unknown := sorted((used | told) - set(self.parameters)):
            raise ValueError(f"${unknown[0]} is not among the parameters: name it there with its value")
        if unused := sorted(set(self.parameters) - used):
            raise ValueError(f"parameters: {unused[0]} is not used: write ${unused[0]} in when or value, or drop it")
        return self

    @property
    def when_sql(self) -> str:
        """The whole rule: `when` with its thresholds, and that the observation has not lapsed."""
        rule = _filled(self.when, self.parameters)
        if self.observed_on:
            rule = f"({rule}) and {self.observed_on} > business_date - {self.validity_days}"
        return rule

    @property
    def value_sql(self) -> str | None:
        """`value` with its thresholds."""
        return _filled(self.value, self.parameters) if self.value else None

    @property
    def rule_version(self) -> str:
        """8 hexadecimal digits that change with what decides the tag, and not with its name or owner."""
        decides = [self.when_sql, self.value_sql, self.evidence]
        return sha256(json.dumps(decides, ensure_ascii=False).encode()).hexdigest()[:8]

    def variable(self) -> dict[str, Any]:
        shown = self.model_dump(exclude_none=True, exclude={"tests", "parameters", "observed_on"})
        told = self.parameters | {"validity_days": self.validity_days or 0}
        definition = PLACEHOLDER.sub(lambda found: _shown(told[found[1]]), self.definition)
        rule = {"when": self.when_sql, "rule_version": self.rule_version, "definition": definition}
        if self.value_sql:
            rule["value"] = self.value_sql
        if self.parameters:
            rule["parameters"] = "; ".join(f"{name} = {_shown(value)}" for name, value in self.parameters.items())
        return shown | rule


PLACEHOLDER = re.compile(r"\$([a-z][a-z0-9_]*)")


def _filled(expression: str, parameters: dict[str, Scalar | list[Scalar]]) -> str:
    """An expression with its thresholds as SQL literals, on one line."""
    filled = PLACEHOLDER.sub(lambda found: _literal(parameters[found[1]]), expression)
    return " ".join(filled.split())


def _literal(value: Scalar | list[Scalar]) -> str:
    if isinstance(value, list):
        return f"({', '.join(_literal(one) for one in value)})"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value).lower()


def _shown(value: Scalar | list[Scalar]) -> str:
    """As a business user reads it: a share in per cent, a list with 、 between its values."""
    if isinstance(value, list):
        return "、".join(map(_shown, value))
    return f"{value:.0%}" if isinstance(value, float) and value < 1 else str(value)


@dataclass(frozen=True)
class Aggregate:
    """What a metric adds up over the rows of its base: `count(*)`, `count(distinct x)` or `sum(x)` of those rows that
    fulfil a condition. No other form: one pass over a base and a semantic model must both be able to say it.
    """

    function: Literal["count", "count_distinct", "sum"]
    expression: str | None
    condition: str | None

    @classmethod
    def parsed(cls, text: str) -> "Aggregate":
        """Of SQL such as `sum(balance) filter (where is_open)`.

        Raises:
            ValueError: another form.
        """
        head, filtered, tail = " ".join(text.split()).partition(" filter (where ")
        for function, form in _AGGREGATES.items():
            found = form.fullmatch(head)
            expression = found["x"] if found and function != "count" else None
            if found and _is_one_expression(expression) and (not filtered or tail.endswith(")")):
                return cls(function, expression, tail[:-1] or None)
        raise ValueError(
            f"{text!r}: write count(*), count(distinct x) or sum(x), each with or without filter (where …)"
        )

    def among(self, condition: str | None) -> "Aggregate":
        """The same over fewer rows."""
        conditions = [one for one in (condition, self.condition) if one]
        joined = conditions[0] if len(conditions) == 1 else " and ".join(f"({one})" for one in conditions)
        return replace(self, condition=joined or None)

    @property
    def sql(self) -> str:
        function = {"count": "count(*)", "count_distinct": f"count(distinct {self.expression})"}
        head = function.get(self.function, f"sum({self.expression})")
        return f"{head} filter (where {self.condition})" if self.condition else head

    @property
    def row_sql(self) -> str:
        """What one row of the base adds; a row that is not counted has null, one that adds no amount has 0."""
        value = self.expression or "1"
        nothing = " else 0" if self.function == "sum" else ""
        return f"case when {self.condition} then {value}{nothing} end" if self.condition else value


def _is_one_expression(text: str | None) -> bool:
    """Whether no bracket closes what was opened before: `a) / sum(b` is two."""
    depth = 0
    for character in text or "":
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0:
            return False
    return True


_AGGREGATES: dict[Literal["count", "count_distinct", "sum"], re.Pattern[str]] = {
    "count": re.compile(r"count\(\*\)"),
    "count_distinct": re.compile(r"count\(distinct (?P<x>.+)\)"),
    "sum": re.compile(r"sum\((?P<x>.+)\)"),
}

PERIODS = {"month": "本月", "quarter": "本季", "year": "本年"}


class Metric(Definition):
    """A metric (domain section 7): defined once, everything that shows it uses this."""

    definition: Text
    unit: Literal["ratio", "count", "amount"]
    grain: Text
    """What one counted row is, in Chinese: 客户, 授信合同, 走访 …"""
    additive: bool | None = None
    """May be summed over organisations; not given, a count or sum without a denominator may."""
    base: Text
    """Model whose columns the SQL is over."""
    numerator: Text
    """SQL aggregate (`Aggregate`)."""
    denominator: Text | None = None
    population: Text | None = None
    """SQL filter of the base rows."""
    flow_date: Code | None = None
    """Date column of the base. The file then stands for three metrics, `<code>_month`, `<code>_quarter` and
    `<code>_year`, which count the rows from the period's first day to the business date."""

    @model_validator(mode="after")
    def _sums_what_it_says(self) -> "Metric":
        if self.unit == "ratio" and self.denominator is None:
            raise ValueError("a ratio has a denominator")
        numerator, denominator = self.measures()
        if self.additive and (denominator or numerator.function == "count_distinct"):
            raise ValueError("a quotient or a count of distinct values is not additive: drop additive")
        return self

    @property
    def is_additive(self) -> bool:
        numerator, denominator = self.measures()
        can_be = denominator is None and numerator.function != "count_distinct"
        return can_be if self.additive is None else self.additive

    def measures(self) -> tuple[Aggregate, Aggregate | None]:
        """Numerator and denominator over the whole base: the population is part of their conditions."""
        numerator = Aggregate.parsed(self.numerator).among(self.population)
        return numerator, Aggregate.parsed(self.denominator).among(self.population) if self.denominator else None

    def by_period(self) -> list["Metric"]:
        """The three metrics of a flow; any other metric as it is."""
        if self.flow_date is None:
            return [self]
        return [
            self.model_copy(
                update={
                    "code": f"{self.code}_{period}",
                    "name": f"{text}{self.name}",
                    "definition": self.definition.replace("期内", text, 1),
                    "flow_date": None,
                    "population": " and ".join(
                        [
                            *([f"({self.population})"] if self.population else []),
                            f"{self.flow_date} >= date_trunc('{period}', business_date)",
                            f"{self.flow_date} <= business_date",
                        ]
                    ),
                }
            )
            for period, text in PERIODS.items()
        ]

    def variable(self) -> dict[str, Any]:
        numerator, denominator = self.measures()
        told = self.model_dump(exclude={"population", "flow_date", "numerator", "denominator"})
        told |= {"additive": self.is_additive, "numerator": numerator.sql}
        if denominator:
            return told | {"denominator": denominator.sql}
        return told | {"function": numerator.function, "row_value": numerator.row_sql}


ListSql = Literal["eligible", "response", "value", "reason"]
LIST_SQL: tuple[ListSql, ...] = get_args(ListSql)
"""Fields of a list that hold SQL."""


class MarketingList(Definition):
    """A marketing list (domain section 9). In its SQL `$code` stands for the rule of a tag of that code."""

    purpose: Text
    legal_basis: Text
    product_code: Text
    segment: Text
    channel: Channel
    approver: Text
    expires_on: date
    """First day on which the definition no longer holds; it is reviewed before."""
    material_id: Text
    """Approved marketing material of `materials.yml`; none other may be used (银发〔2019〕316号)."""
    priority: Annotated[int, Field(ge=1, le=5)]
    """1 goes before 5 where two lists want one customer."""
    schedule: Literal["daily", "weekly", "monthly"]
    """The list takes customers on the first business date that is built in each such period."""
    validity_days: Annotated[int, Field(gt=0)]
    capacity_per_manager: Annotated[int, Field(gt=0)]
    """Rows of the list that one manager has open at a time."""
    holdout_share: Annotated[float, Field(ge=0, lt=1)]
    holdout_unit: Literal["customer", "grid"] = "customer"
    """What is drawn into the control group: grid where a campaign goes to whole villages."""
    outcome: Literal[
        "applied",
        "credited",
        "drawn",
        "product_opened",
        "deposit_grown",
        "merchant_reactivated",
        "renewed",
        "activated",
    ]
    """What the list is to bring about, by which its effect is measured."""
    outcome_window_days: Annotated[int, Field(gt=0)]
    expected_lift: Annotated[float, Field(gt=0, lt=1)]
    """Rise of the outcome's rate (absolute) that the list is meant to bring; the required sample follows from it."""
    eligible: Text
    """SQL boolean over int_customer__features."""
    ends_with_eligibility: bool = True
    """False where eligibility is an event of one day: who was taken then stays until the row ends otherwise."""
    response: Text
    """SQL probability (0 to 1) over int_customer__features: the rule for how likely the outcome is."""
    value: Text
    """SQL amount (yuan a year) over int_customer__features: what the outcome is worth; response × value ranks."""
    reason: Text
    """SQL text expression in Chinese: why this customer is on the list."""
    playbook: Text
    """打法: what the recipient should do."""
    talking_points: Annotated[list[Text], Field(min_length=1)]
    """Sentences for the conversation."""
    recipients: Annotated[list[Literal["branch", "manager"]], Field(min_length=1)]
    _tag_rules: dict[str, str] = PrivateAttr(default_factory=dict)

    @field_validator("playbook")
    @classmethod
    def _without_spaces_of_folded_lines(cls, text: str) -> str:
        return re.sub(r" (?=[^\x00-\x7f])", "", text)

    def sql(self, field: ListSql) -> str:
        """An expression with the rules of the tags it names, on one line."""
        return PLACEHOLDER.sub(lambda found: f"({self._tag_rules[found[1]]})", " ".join(getattr(self, field).split()))

    def variable(self) -> dict[str, Any]:
        told = self.model_dump(mode="json", exclude_none=True)
        return told | {field: self.sql(field) for field in LIST_SQL}


class RuleRow(BaseModel):
    """One row of a rule table: whom it applies to, what it asks, of whom and by when, and where that is written."""

    model_config = ConfigDict(extra="forbid")

    code: Code
    name: Text
    when: Text | None = None
    """SQL boolean over the rule's subject; a row without one is a reference that applies to no row by itself."""
    met: Text | None = None
    """SQL boolean over the subject: the requirement is fulfilled."""
    required: Text | None = None
    """SQL number over the subject: what the requirement asks for, to tell the strictest and to show it."""
    requirement: Text
    role: Literal["manager", "team_head", "branch_head"] | None = None
    """Who acts: the customer's manager, at least the team head, the vice head of the branch 分管行长."""
    method: Literal["visit", "phone"] | None = None
    period: Literal["day", "month", "quarter"] | None = None
    """Asked for once in each such period."""
    due_days: Annotated[int, Field(gt=0)] | None = None
    """To be done within so many days, the first included; without it by the end of the period."""
    priority: Annotated[int, Field(ge=1, le=3)] = 2
    """1 goes before 2 goes before 3 where a week is short."""
    action: Text | None = None
    products: list[Text] = Field(default_factory=list)
    source: Text
    """Where the row is written: the table of a seed, or that it is the bank's own choice."""


class RuleCase(BaseModel):
    """Values of a subject's columns, every other one null, and the rows that then apply and are not fulfilled."""

    model_config = ConfigDict(extra="forbid")

    given: Annotated[dict[Code, Any], Field(min_length=1)]
    applies: list[Code]
    unmet: list[Code] = Field(default_factory=list)


class Rule(Definition):
    """A rule table (domain section 8)."""

    definition: Text
    subject: Code | None = None
    """Model whose columns the SQL of the rows is over."""
    scope: Text | None = None
    """SQL boolean over the subject: whom the table is about; every row's `when` is within it."""
    parameters: dict[Code, int | float] = Field(default_factory=dict)
    """Thresholds, written `$name` in the SQL and in the texts."""
    rows: Annotated[list[RuleRow], Field(min_length=1)]
    tests: list[RuleCase] = Field(default_factory=list)
    """Golden cases, held by tests/warehouse/test_rule_definitions.py."""

    @model_validator(mode="after")
    def _whole(self) -> "Rule":
        codes = [row.code for row in self.rows]
        if twice := sorted({code for code in codes if codes.count(code) > 1}):
            raise ValueError(f"rows: {twice[0]} is there twice: give each row a code of its own")
        deciding = [row for row in self.rows if row.when or row.met or row.required]
        if bool(deciding) != bool(self.subject):
            raise ValueError("subject: is the model whose columns the rows' SQL is over: give both or neither")
        if unknown := sorted({code for case in self.tests for code in (*case.applies, *case.unmet)} - set(codes)):
            raise ValueError(f"tests: {unknown[0]} is no row: name one of {', '.join(codes)}")
        applied = {code for case in self.tests for code in case.applies}
        if untested := [row.code for row in self.rows if row.when and row.code not in applied]:
            raise ValueError(f"tests: no case in which {untested[0]} applies: add one")
        if deciding and all(case.applies for case in self.tests):
            raise ValueError("tests: no case in which no row applies: add one")
        texts = [self.definition, self.scope, *(text for row in self.rows for text in _texts(row))]
        used = {name for text in texts for name in PLACEHOLDER.findall(text or "")}
        if unnamed := sorted(used - set(self.parameters)):
            raise ValueError(f"${unnamed[0]} is not among the parameters: name it there with its value")
        if unused := sorted(set(self.parameters) - used):
            raise ValueError(f"parameters: {unused[0]} is not used: write ${unused[0]} in a row, or drop it")
        return self

    def sql(self, expression: str) -> str:
        """An expression of a row with its thresholds."""
        return _filled(expression, {**self.parameters})

    def when_sql(self, row: RuleRow) -> str:
        """Whom a row applies to, within the scope of the table."""
        parts = [f"({self.sql(part)})" for part in (self.scope, row.when) if part]
        return " and ".join(parts)

    def variable(self) -> dict[str, Any]:
        shown = self.model_dump(exclude_none=True, exclude={"tests", "rows"})
        rows = [self._row_variable(row) for row in self.rows]
        return shown | {"definition": self._told(self.definition), "rows": rows, "case_count": len(self.tests)}

    def _row_variable(self, row: RuleRow) -> dict[str, Any]:
        filled = row.model_dump(exclude_none=True)
        if row.when:
            filled["when"] = self.when_sql(row)
        for field in ("met", "required"):
            if field in filled:
                filled[field] = self.sql(filled[field])
        for field in ("requirement", "action"):
            if field in filled:
                filled[field] = self._told(filled[field])
        return filled

    def _told(self, text: str) -> str:
        """A text with its thresholds."""
        return PLACEHOLDER.sub(lambda found: _in_wan(self.parameters[found[1]]), text)


def _texts(row: RuleRow) -> list[str | None]:
    return [row.when, row.met, row.required, row.requirement, row.action]


def _in_wan(value: int | float) -> str:
    """As a business user reads it: 1000000 as 100万, otherwise as in a tag's definition."""
    if isinstance(value, int) and value >= 10_000 and value % 10_000 == 0:
        return f"{value // 10_000}万"
    return _shown(value)


Kind = TypeVar("Kind", bound=Definition)


def tags(folder: Path = DEFINITIONS) -> list[Tag]:
    """Every tag, in code order; its SQL is bound to the columns of int_customer__features.

    Raises:
        ConfigurationError: a file does not follow its schema, or names a column that is not there.
    """
    loaded = _load(folder / "tags", Tag)
    if faults := list(_unbound(folder / "tags", loaded)):
        raise ConfigurationError("\n".join(faults))
    return loaded


def feature_columns() -> dict[str, str]:
    """Columns of int_customer__features with their DuckDB types: what a tag may decide by."""
    return model_columns(FEATURES.stem)


@cache
def model_columns(name: str) -> dict[str, str]:
    """Columns of an intermediate model with their DuckDB types; none when there is no such model."""
    for path in (DBT_PROJECT / "models" / "intermediate").rglob(f"{name}.yml"):
        [model] = yaml.safe_load(path.read_text(encoding="utf-8"))["models"]
        return {column["name"]: column["data_type"] for column in model["columns"]}
    return {}


def _unbound(folder: Path, loaded: list[Tag]) -> Iterator[str]:
    """What does not bind to the features: file, field, what is wrong and what to do."""
    import duckdb

    known = feature_columns()
    with duckdb.connect() as connection:
        make_empty(connection, FEATURES.stem)
        for tag in loaded:
            path = folder / f"{tag.code}.yml"
            named = {"observed_on": [tag.observed_on] if tag.observed_on else [], "evidence": tag.evidence}
            named["tests"] = sorted({name for case in tag.tests for name in case.given})
            for field, names in named.items():
                for name in names:
                    if name not in known:
                        yield f"{path}: {field}: {_no_column(name)}"
            for field, expression in {"when": tag.when_sql, "value": tag.value_sql}.items():
                if expression is None:
                    continue
                kind, fault = bound(connection, expression, FEATURES.stem)
                if fault:
                    yield f"{path}: {field}: {fault}"
                elif field == "when" and kind != "BOOLEAN":
                    yield f"{path}: when: gives {kind}, but a tag is carried or not: write a comparison"


def make_empty(connection: "duckdb.DuckDBPyConnection", model: str) -> None:
    """An empty table with a model's name and columns, to bind SQL to."""
    columns = ", ".join(f"{name} {kind}" for name, kind in model_columns(model).items())
    connection.execute(f"create table if not exists {model} ({columns})")


def bound(connection: "duckdb.DuckDBPyConnection", expression: str, model: str) -> tuple[str, str]:
    """Type of an expression over a model's columns and "", or "" and what is wrong with it."""
    import duckdb

    try:
        [kind] = connection.sql(f"select {expression} from {model}").types
    except duckdb.Error as error:
        unknown = _UNKNOWN_COLUMN.search(str(error))
        return "", _no_column(unknown[1], model) if unknown else str(error).splitlines()[0]
    return str(kind), ""


_UNKNOWN_COLUMN = re.compile(r'Referenced column "(\w+)" not found')


def _no_column(name: str, model: str = FEATURES.stem) -> str:
    near = get_close_matches(name, model_columns(model), n=3)
    return (
        f"{model} has no column {name}"
        f"{' (near: ' + ', '.join(near) + ')' if near else ''}: correct the name or add the column to that model"
    )


def metrics(folder: Path = DEFINITIONS) -> list[Metric]:
    """Every metric, in the order of the files; a flow is three.

    Raises:
        ConfigurationError: a file does not follow its schema, or two give a metric of the same code.
    """
    found = [metric for file in _load(folder / "metrics", Metric) for metric in file.by_period()]
    codes = [metric.code for metric in found]
    if twice := sorted({code for code in codes if codes.count(code) > 1}):
        raise ConfigurationError(f"{folder / 'metrics'}: {', '.join(twice)}: a flow gives this code too; rename one")
    return found


def flows(folder: Path = DEFINITIONS) -> list[dict[str, Any]]:
    """The flows as their files state them, to be counted by day: date column, and what is added up on a day."""
    files = [metric for metric in _load(folder / "metrics", Metric) if metric.flow_date]
    return [{**metric.variable(), "flow_date": metric.flow_date} for metric in files]


def lists(folder: Path = DEFINITIONS) -> list[MarketingList]:
    """Every marketing list, in code order; its SQL is bound to the columns of int_customer__features.

    Raises:
        ConfigurationError: a file does not follow its schema, names a tag, column or material that is not there, ranks
            by what may rank nobody, or rests on no legal basis for marketing.
    """
    from qianmo.list_checks import list_faults
    from qianmo.materials import materials
    from qianmo.response_model import response_model

    loaded = _load(folder / "lists", MarketingList)
    rules = {tag.code: tag.when_sql for tag in tags(folder)}
    for definition in loaded:
        definition._tag_rules = rules
    if faults := list_faults(folder / "lists", loaded, set(rules), materials(), response_model().never):
        raise ConfigurationError("\n".join(faults))
    return loaded


def marketing_list(code: str) -> MarketingList:
    """The list of a code.

    Raises:
        ConfigurationError: there is no such list.
    """
    found = {definition.code: definition for definition in lists()}
    if code not in found:
        raise ConfigurationError(f"there is no list {code}: name one of {', '.join(found)}")
    return found[code]


def rules(folder: Path = DEFINITIONS) -> list[Rule]:
    """Every rule table, in code order; the SQL of its rows is bound to the columns of its subject.

    Raises:
        ConfigurationError: a file does not follow its schema, or names a model or column that is not there.
    """
    import duckdb

    loaded = _load(folder / "rules", Rule)
    with duckdb.connect() as connection:
        faults = [fault for rule in loaded for fault in _unbound_rows(connection, folder / "rules", rule)]
    if faults:
        raise ConfigurationError("\n".join(faults))
    return loaded


_ROW_SQL_TYPES = {"when": ("BOOLEAN",), "met": ("BOOLEAN",), "required": ("DOUBLE", "DECIMAL", "INTEGER", "BIGINT")}


def _unbound_rows(connection: "duckdb.DuckDBPyConnection", folder: Path, rule: Rule) -> Iterator[str]:
    """What of a rule table does not bind to its subject: file, row, field, what is wrong and what to do."""
    if rule.subject is None:
        return
    path = folder / f"{rule.code}.yml"
    known = model_columns(rule.subject)
    if not known:
        yield f"{path}: subject: there is no intermediate model {rule.subject}: correct the name"
        return
    for name in sorted({name for case in rule.tests for name in case.given} - set(known)):
        yield f"{path}: tests: {_no_column(name, rule.subject)}"
    make_empty(connection, rule.subject)
    written = [("scope", "when", rule.scope)]
    written += [
        (f"rows.{row.code}.{field}", field, getattr(row, field)) for row in rule.rows for field in _ROW_SQL_TYPES
    ]
    for place, field, expression in written:
        if expression is None:
            continue
        kind, fault = bound(connection, rule.sql(expression), rule.subject)
        if fault:
            yield f"{path}: {place}: {fault}"
        elif not kind.startswith(_ROW_SQL_TYPES[field]):
            wanted = "a number" if field == "required" else "a comparison"
            yield f"{path}: {place}: gives {kind}: write {wanted}"


class Holiday(BaseModel):
    """A public holiday as the State Council's notice gives it."""

    model_config = ConfigDict(extra="forbid")

    name: Text
    first: date
    last: date
    working: list[date] = Field(default_factory=list)
    """Saturdays and Sundays that are worked instead."""
    source: Text

    @model_validator(mode="after")
    def _in_order(self) -> "Holiday":
        if self.last < self.first:
            raise ValueError(f"last: {self.last} is before first: {self.first}: exchange them")
        if not_weekend := [day for day in self.working if day.weekday() < SATURDAY]:
            raise ValueError(f"working: {not_weekend[0]} is no Saturday or Sunday: correct the date")
        return self


SATURDAY = 5


def holidays(folder: Path = DEFINITIONS) -> list[Holiday]:
    """Public holidays; a year that is not in the file has its weekends only.

    Raises:
        ConfigurationError: the file does not follow its schema.
    """
    return read_reviewed(folder / "holidays.yml", list[Holiday])


def value_labels() -> dict[str, dict[str, str]]:
    """Chinese text of codes, by column name: one dictionary for sentences in marts and for charts."""
    labels: dict[str, dict[str, str]] = yaml.safe_load((DEFINITIONS / "value_labels.yml").read_text(encoding="utf-8"))
    return labels


def dbt_variables(folder: Path = DEFINITIONS) -> dict[str, Any]:
    """The definitions as the dbt variables `tags`, `metrics`, `flows`, `lists` and `rules`, `linkage`, how records are
    compared, `performance`, how managers and branches are judged, `materials` and `contact_policy`, what lists are held
    to, `response_model`, what may rank them, `holidays` and `value_labels`.

    Raises:
        ConfigurationError: a file does not follow its schema; the message names every file and field at fault.
    """
    from qianmo.contact_policy import contact_policy
    from qianmo.linkage import linkage
    from qianmo.materials import materials
    from qianmo.performance import performance
    from qianmo.response_model import response_model

    loaded: dict[str, list[Definition]] = {
        "tags": [*tags(folder)], "metrics": [*metrics(folder)], "lists": [*lists(folder)],
        "rules": [*rules(folder)],
    }  # fmt: skip
    variables: dict[str, Any] = {kind: [one.variable() for one in found] for kind, found in loaded.items()}
    compared = linkage()
    variables["flows"] = flows(folder)
    return variables | {
        "performance": performance().model_dump(exclude_none=True),
        "contact_policy": contact_policy().model_dump(),
        "undated_features": _undated_features(),
        "response_model": response_model().model_dump(exclude={"never"}),
        "materials": [material.model_dump(mode="json") for material in materials().values()],
        "linkage": compared.model_dump(exclude={"comparisons"}) | {"frequencies": compared.frequencies},
        "holidays": [holiday.model_dump(mode="json", exclude={"source"}) for holiday in holidays()],
        "value_labels": value_labels(),
    }


def _undated_features() -> dict[str, str]:
    """Columns of int_customer__features, with their types, that past listings have no values of."""
    dated = {"business_date", *model_columns("int_list__response_input")}
    return {name: kind for name, kind in feature_columns().items() if name not in dated}


def _load(folder: Path, kind: type[Kind]) -> list[Kind]:
    loaded: list[Kind] = []
    faults: list[str] = []
    for path in sorted(folder.glob("*.yml")):
        try:
            definition = read_reviewed(path, kind)
        except ConfigurationError as error:
            faults.append(str(error))
            continue
        if definition.code != path.stem:
            faults.append(f"{path}: code: is {definition.code!r}, but the file's name says {path.stem!r}")
        loaded.append(definition)
    if faults:
        raise ConfigurationError("\n".join(faults))
    return loaded
