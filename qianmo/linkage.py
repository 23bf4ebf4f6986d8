"""Probabilistic linkage: Splink on DuckDB with the reviewed parameters of `dbt_project/definitions/linkage.yml`.

It sees surrogates, birth dates and villages, never a name or a number. A pair's score is a function of the pair and of
the parameters alone, so the same records give the same links in every run, on every machine and in any order.
"""

import logging
from math import log2
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import duckdb
import pyarrow as pa
import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from qianmo.definitions import DEFINITIONS
from qianmo.errors import ConfigurationError, DataRefusedError
from qianmo.home import BankHome
from qianmo.reviewed_file import read_reviewed

if TYPE_CHECKING:
    from splink import Linker

LINKAGE = DEFINITIONS / "linkage.yml"

SCORED = pa.schema(
    [
        ("legal_entity_code", pa.string()),
        ("source_table", pa.string()),
        ("source_key", pa.string()),
        ("customer_id", pa.string()),
        ("match_weight", pa.float64()),
        ("match_probability", pa.float64()),
        ("carries", pa.string()),
        ("evidence", pa.string()),
    ]
)
"""One row per doubtful record and known person who may be the same: the model int_identity__scored."""

_ARRAYS = ("id_keys",)
_TOLERANCE = 0.01
_LEAST_KNOWN = 100
_LEAST_SHARE = 1e-6
_SAMPLED_PAIRS = 1e7

Share = Annotated[float, Field(gt=0, lt=1)]


class Level(BaseModel):
    """One outcome of a comparison; the last of a comparison has no condition."""

    model_config = ConfigDict(extra="forbid")

    label: str
    """Chinese; stands in the evidence of a link."""
    when: str | None = None
    """SQL over the columns of both records, `_l` and `_r`."""
    frequency: str | None = None
    """Column whose value's own share takes the place of u."""
    carries: Literal["link", "review"] | None = None
    m: Share
    u: Share


class Comparison(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    missing: str
    """SQL: nothing can be said of the pair."""
    levels: list[Level]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if [level.when is None for level in self.levels] != [False] * (len(self.levels) - 1) + [True]:
            raise ValueError(f"{self.name}: expected `when` in every level but the last")
        for share in ("m", "u"):
            total = sum(getattr(level, share) for level in self.levels)
            if abs(total - 1) > _TOLERANCE:
                raise ValueError(f"{self.name}: expected {share} of its levels to add up to 1, found {total:.3f}")
        return self


class Linkage(BaseModel):
    """The file as a whole."""

    model_config = ConfigDict(extra="forbid")

    owner: str
    known_share: Share
    accept: Share
    review: Share
    margin: Annotated[float, Field(ge=0)]
    phone_shared_at_most: Annotated[int, Field(gt=0)]
    blocking: Annotated[list[Annotated[list[str], Field(min_length=1)]], Field(min_length=1)]
    comparisons: Annotated[list[Comparison], Field(min_length=1)]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.review > self.accept:
            raise ValueError(f"review: expected at most accept ({self.accept}), found {self.review}")
        return self

    @property
    def frequencies(self) -> list[str]:
        """Columns whose values count by their own share."""
        named = (level.frequency for comparison in self.comparisons for level in comparison.levels)
        return list(dict.fromkeys(name for name in named if name))


def linkage(path: Path = LINKAGE) -> Linkage:
    """The reviewed parameters.

    Raises:
        ConfigurationError: the file does not follow its schema; the message names the field.
    """
    return read_reviewed(path, Linkage)


def scored(doubtful: pa.Table, candidates: pa.Table, frequencies: pa.Table, by: Linkage) -> pa.Table:
    """Compare doubtful records with the persons who share a block with them.

    Args:
        doubtful, candidates: rows of int_identity__doubtful and int_identity__candidate.
        frequencies: rows of int_identity__frequency.

    Returns:
        Rows of `SCORED`, in no order: pairs that are probable enough for a review and may carry one.
    """
    if not doubtful.num_rows or not candidates.num_rows:
        return SCORED.empty_table()
    with duckdb.connect() as connection:
        connection.register("doubtful", doubtful)
        connection.register("candidates", candidates)
        linker = _linker(connection, frequencies, by)
        threshold = log2(by.review / (1 - by.review))
        predicted = linker.inference.predict(threshold_match_weight=threshold, warning_mode="never")
        return _evident(connection, predicted.physical_name, by)


def trained(doubtful: pa.Table, candidates: pa.Table, frequencies: pa.Table, by: Linkage, seed: int) -> Linkage:
    """The parameters with m and u as the records of a bank suggest: u by sampling, m by expectation maximisation.

    u is of persons who share a block with some doubtful record, so rather too high. A level that the records do not
    show keeps what it has.

    Raises:
        DataRefusedError: there are too few doubtful records or known persons to learn from.
    """
    if min(doubtful.num_rows, candidates.num_rows) < _LEAST_KNOWN:
        raise DataRefusedError(
            f"expected at least {_LEAST_KNOWN} doubtful records and {_LEAST_KNOWN} persons to compare them with, found"
            f" {doubtful.num_rows} and {candidates.num_rows}: too few to learn from; build a date with more records"
        )
    with duckdb.connect() as connection:
        connection.register("doubtful", doubtful)
        connection.register("candidates", candidates)
        linker = _linker(connection, frequencies, by)
        linker.training.estimate_u_using_random_sampling(max_pairs=_SAMPLED_PAIRS, seed=seed)
        for columns in by.blocking:
            pairs = connection.execute(f"select count(*) from doubtful as l join candidates as r on {_agree(columns)}")
            if not set(columns) & set(_ARRAYS) and pairs.fetchall()[0][0] >= _LEAST_KNOWN:
                linker.training.estimate_parameters_using_expectation_maximisation(
                    _agree(columns), fix_u_probabilities=True
                )
        learnt = linker.misc.save_model_to_json()["comparisons"]
    comparisons = [
        _relearnt(comparison, found["comparison_levels"][1:])
        for comparison, found in zip(by.comparisons, learnt, strict=True)
    ]
    return by.model_copy(update={"comparisons": comparisons})


def train(home: BankHome, seed: int) -> Path:
    """Estimate the parameters from a bank's built warehouse and write them beside it, for review.

    Raises:
        ConfigurationError: there is no warehouse.
        DataRefusedError: there are too few records to learn from.
    """
    if not home.warehouse.exists():
        raise ConfigurationError(f"no warehouse at {home.warehouse}: `qianmo build` a date first")
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        doubtful, candidates, frequencies = (
            connection.execute(f"from intermediate.int_identity__{name}").to_arrow_table()
            for name in ("doubtful", "candidate", "frequency")
        )
    proposed = trained(doubtful, candidates, frequencies, linkage(), seed)
    target = home.root / "linkage.yml"
    content = proposed.model_dump(exclude_none=True)
    target.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return target


def _relearnt(comparison: Comparison, learnt: list[dict[str, Any]]) -> Comparison:
    """The comparison with shares as learnt, made to add up to 1 again; none is so small that it alone decides."""
    shares = {
        share: [
            found.get(f"{share}_probability") or getattr(level, share)
            for level, found in zip(comparison.levels, learnt, strict=True)
        ]
        for share in ("m", "u")
    }
    for share, of in shares.items():
        bounded = (min(max(one / sum(of), _LEAST_SHARE), 1 - _LEAST_SHARE) for one in of)
        shares[share] = [float(f"{one:.6g}") for one in bounded]
    levels = [
        level.model_copy(update={share: of[at] for share, of in shares.items()})
        for at, level in enumerate(comparison.levels)
    ]
    return comparison.model_copy(update={"levels": levels})


def _agree(columns: list[str]) -> str:
    return " and ".join(f"l.{column} = r.{column}" for column in ["legal_entity_code", *columns])


def _linker(connection: duckdb.DuckDBPyConnection, frequencies: pa.Table, by: Linkage) -> "Linker":
    """Splink over the relations `doubtful` and `candidates` of a connection."""
    from splink import DuckDBAPI, Linker

    # Splink also tells which of its parameters were not trained, for every run
    logging.getLogger("splink").setLevel(logging.ERROR)
    api = DuckDBAPI(connection)
    tables = [api.register(name, dataset_display_name=name) for name in ("doubtful", "candidates")]
    known = frequencies["known_customers"][0].as_py()
    linker = Linker(tables, _settings(by, by.known_share / max(known, 1)), log_level=None)
    connection.register("frequencies", frequencies)
    for column in by.frequencies:
        # a value that no known person has is on neither side of a pair
        connection.execute(
            f"create table frequency_{column} as select value as {column}, known_share as tf_{column} from frequencies"
            " where column_name = $1",
            [column],
        )
        registered = api.register(f"frequency_{column}")
        linker.table_management.register_term_frequency_lookup(registered, column)
    return linker


def _settings(by: Linkage, prior: float) -> dict[str, Any]:
    """Splink's own settings."""

    def level(one: Level) -> dict[str, Any]:
        said: dict[str, Any] = {
            "sql_condition": one.when or "ELSE",
            "label_for_charts": one.label,
            "m_probability": one.m,
            "u_probability": one.u,
        }
        return said | ({"tf_adjustment_column": one.frequency} if one.frequency else {})

    return {
        "link_type": "link_only",
        "probability_two_random_records_match": prior,
        "retain_matching_columns": True,  # among them the levels, which the evidence is made of
        "additional_columns_to_retain": ["legal_entity_code", "source_table", "source_key", "customer_id"],
        "blocking_rules_to_generate_predictions": [
            {
                "blocking_rule": _agree(columns),
                "sql_dialect": "duckdb",
                **({"arrays_to_explode": exploded} if (exploded := [c for c in columns if c in _ARRAYS]) else {}),
            }
            for columns in by.blocking
        ],
        "comparisons": [
            {
                "output_column_name": one.name,
                "comparison_levels": [
                    {"sql_condition": one.missing, "label_for_charts": "未知", "is_null_level": True},
                    *(level(found) for found in one.levels),
                ],
            }
            for one in by.comparisons
        ],
    }


def _evident(connection: duckdb.DuckDBPyConnection, predicted: str, by: Linkage) -> pa.Table:
    """Splink's predictions as rows of `SCORED`: which table came left is for Splink to choose."""
    said, link, review = [], [], []
    for comparison in by.comparisons:
        gamma = f"gamma_{comparison.name}"
        # Splink counts levels from the last one, which is 0
        numbered = list(enumerate(reversed(comparison.levels)))
        labels = " ".join(f"when {at} then '{one.label}'" for at, one in numbered)
        said.append(f"case {gamma} {labels} end")
        link += [f"{gamma} = {at}" for at, one in numbered if one.carries == "link"]
        review += [f"{gamma} = {at}" for at, one in numbered if one.carries]
    side = "case when source_dataset_l = 'doubtful' then {0}_l else {0}_r end as {0}"
    other = "case when source_dataset_l = 'doubtful' then {0}_r else {0}_l end as {0}"
    found = connection.execute(
        f"""
        select
            {", ".join(side.format(name) for name in ("legal_entity_code", "source_table", "source_key"))},
            {other.format("customer_id")},
            match_weight,
            match_probability,
            case when {" or ".join(link) or "false"} then 'link' else 'review' end as carries,
            concat_ws('、', {", ".join(said)}) as evidence
        from {predicted}
        where {" or ".join(review) or "false"}
        qualify row_number() over (
            partition by legal_entity_code, source_table, source_key, customer_id order by match_weight desc, evidence
        ) = 1
        """
    ).to_arrow_table()
    return found.cast(SCORED)
