"""Response model of list rows: a penalised logistic regression per outcome, calibrated (scikit-learn), and held against
each list's rule on the list's latest listings, by the reviewed file `definitions/response_model.yml`.

The same rows give the same model: nothing is drawn at random. It costs seconds for 200,000 past rows, so it is learnt
anew with every build and needs no artefact that could be lost or be older than the data.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Annotated, Any, Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field, model_validator

from qianmo.definitions import DEFINITIONS, Text
from qianmo.reviewed_file import Reviewed, read_reviewed

RESPONSE_MODEL = DEFINITIONS / "response_model.yml"

PAST = pa.schema(
    [
        ("list_code", pa.string()),
        ("outcome", pa.string()),
        ("customer_id", pa.string()),
        ("listed_date", pa.date32()),
        ("known_date", pa.date32()),
        ("response_rule", pa.float64()),
        ("value_amount", pa.float64()),
        ("is_success", pa.bool_()),
    ]
)
"""One row per list, served customer and listing date whose outcome window is over; `known_date` is the day after it.
The columns of the features stand beside these.
"""

ASSESSED = pa.schema(
    [
        ("list_code", pa.string()),
        ("is_model", pa.bool_()),
        ("decision", pa.string()),
        ("past_rows", pa.int64()),
        ("past_successes", pa.int64()),
        ("first_listed_date", pa.date32()),
        ("last_listed_date", pa.date32()),
        ("learnt_rows", pa.int64()),
        ("held_out_from", pa.date32()),
        ("held_out_rows", pa.int64()),
        ("held_out_successes", pa.int64()),
        *((f"{side}_{figure}", pa.float64()) for figure in ("auc", "log_loss", "brier", "captured_value")
          for side in ("rule", "model")),
        *((f"{figure}_gain_{bound}", pa.float64()) for figure in ("auc", "log_loss") for bound in ("low", "high")),
        ("score_drift", pa.float64()),
        ("model", pa.string()),
        ("calibration", pa.string()),
        ("features", pa.string()),
    ]
)  # fmt: skip
"""One row per list. `decision`: why the rule or the model ranks, in Chinese. `model`, `calibration` and `features`
are JSON: what `predicted` needs, bins of the held-out rows, weight and PSI by column.
"""

PREDICTED = pa.schema(
    [
        ("list_code", pa.string()),
        ("customer_id", pa.string()),
        ("probability", pa.float64()),
        ("reason", pa.string()),
    ]
)
"""One row per candidate of a list that the model ranks; `reason` in Chinese."""

_CALIBRATION_BINS = 10
_LEAST_SHARE = 1e-4  # of a bin without rows, so that its logarithm exists
_LEAST_PROBABILITY = 1e-6
_LARGEST_ODDS = 30.0  # as logarithm
_TOLD = 3  # contributions that a row's explanation names

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Booleans = NDArray[np.bool_]

Share = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(gt=0)]


class Forbidden(Reviewed):
    """A word that no column of the model, or of a list's rule, may hold."""

    word: Text
    reason: Text

    def is_in(self, column: str) -> bool:
        return f"_{self.word}_" in f"_{column}_"


class Feature(Reviewed):
    """A column of int_list__response_input that the model may see."""

    column: Text
    scale: Literal["log", "plain"]
    high: Text
    """Chinese: said of a value above the average."""
    low: Text
    reason: Text


class Takeover(Reviewed):
    held_out_share: Share
    rows_least: Count
    successes_least: Count
    learnt_least: Count
    learnt_successes_least: Count
    auc_gain_least: Share
    confidence: Share
    capacity_share: Share


class Drift(Reviewed):
    bins: Annotated[int, Field(ge=2)]
    watch: Positive
    hand_back: Positive


class Fit(Reviewed):
    c: Positive
    folds: Annotated[int, Field(ge=2)]
    rows_most: Count


class ResponseModel(Reviewed):
    """The file as a whole."""

    owner: Text
    never: Annotated[list[Forbidden], Field(min_length=1)]
    features: Annotated[list[Feature], Field(min_length=1)]
    unknown_most: Share
    takeover: Takeover
    drift: Drift
    fit: Fit

    @model_validator(mode="after")
    def _nothing_forbidden(self) -> Self:
        for feature in self.features:
            for one in self.never:
                if one.is_in(feature.column):
                    raise ValueError(f"features: {feature.column} holds {one.word}: {one.reason}; take it out")
        if twice := {one.column for one in self.features if sum(one.column == f.column for f in self.features) > 1}:
            raise ValueError(f"features: {sorted(twice)[0]} is there twice: drop one")
        return self


def response_model(path: Path = RESPONSE_MODEL) -> ResponseModel:
    """The reviewed file.

    Raises:
        ConfigurationError: the file does not follow its schema; the message names the field.
    """
    return read_reviewed(path, ResponseModel)


def assessed(lists: pa.Table, past: pa.Table, present: pa.Table, by: ResponseModel) -> pa.Table:
    """Learn from past rows, hold the model against each list's rule, and decide who ranks.

    Args:
        lists: list_code and the outcome of every list.
        past: rows of `PAST` with the features.
        present: list_code and the features, one row per candidate of today.

    Returns:
        Rows of `ASSESSED`, one per list in the order given.
    """
    past = past.sort_by([("listed_date", "ascending"), ("list_code", "ascending"), ("customer_id", "ascending")])
    found: dict[str, dict[str, Any]] = {}
    for outcome in pc.unique(lists["outcome"]).to_pylist():
        rows = past.filter(pc.equal(past["outcome"], outcome))
        if rows.num_rows:
            codes = lists["list_code"].filter(pc.equal(lists["outcome"], outcome))
            candidates = present.filter(pc.is_in(present["list_code"], codes.combine_chunks()))
            rows = rows.slice(max(rows.num_rows - by.fit.rows_most, 0))
            found |= _assessed_outcome(set(codes.to_pylist()), rows, candidates, by)
    nothing = {
        "is_model": False,
        "decision": "按规则排序:还没有过了观察期的推送结果",
        "past_rows": 0,
        "past_successes": 0,
    }
    return pa.Table.from_pylist(
        [{"list_code": code} | found.get(code, nothing) for code in lists["list_code"].to_pylist()], ASSESSED
    )


def predicted(assessments: pa.Table, present: pa.Table, by: ResponseModel) -> pa.Table:
    """Calibrated probability of each candidate of the lists that the model ranks, and the facts that moved it most.

    Args:
        assessments: rows of `ASSESSED`.
        present: list_code, customer_id and the features, one row per candidate.

    Returns:
        Rows of `PREDICTED`.
    """
    tables = [PREDICTED.empty_table()]
    for one in assessments.filter(assessments["is_model"]).to_pylist():
        rows = present.filter(pc.equal(present["list_code"], one["list_code"]))
        learnt = _Learnt.read(one["model"])
        values = learnt.standardised(_matrix(rows, list(learnt.columns), by))
        probability = pa.array(learnt.probability(values, one["list_code"]))
        columns = [rows["list_code"], rows["customer_id"], probability, _explained(learnt, values, by)]
        tables.append(pa.table(columns, schema=PREDICTED))
    return pa.concat_tables(tables)


@dataclass(frozen=True)
class _Learnt:
    """A fitted model. Values are centred and scaled; an unknown value counts as the average."""

    columns: tuple[str, ...]
    centre: Floats
    spread: Floats
    weight: Floats
    intercept: float
    list_effect: dict[str, float]
    slope: float
    """With `offset`: what calibration on rows not learnt from makes of the log odds."""
    offset: float

    def write(self) -> str:
        content = self.__dict__ | {name: getattr(self, name).tolist() for name in ("centre", "spread", "weight")}
        return json.dumps(content, ensure_ascii=False)

    @classmethod
    def read(cls, text: str) -> "_Learnt":
        content = json.loads(text)
        arrays = {name: np.array(content[name]) for name in ("centre", "spread", "weight")}
        return cls(**content | arrays | {"columns": tuple(content["columns"])})

    def standardised(self, values: Floats) -> Floats:
        return np.nan_to_num((values - self.centre) / self.spread)

    def odds(self, values: Floats, effect: Floats | float) -> Floats:
        """Log odds before calibration."""
        logits: Floats = values @ self.weight + self.intercept + effect
        return logits

    def probability(self, values: Floats, list_code: str) -> Floats:
        return _sigmoid(self.slope * self.odds(values, self.list_effect.get(list_code, 0.0)) + self.offset)


@dataclass(frozen=True)
class _Rows:
    """Past rows of one outcome as arrays, by listing date; days since 1970-01-01."""

    lists: NDArray[np.object_]
    listed: Ints
    known: Ints
    fold: Ints
    rule: Floats
    value: Floats
    success: Booleans
    matrix: Floats
    columns: tuple[str, ...]


def _assessed_outcome(
    codes: set[str], table: pa.Table, present: pa.Table, by: ResponseModel
) -> dict[str, dict[str, Any]]:
    """Rows of `ASSESSED` by list, of the lists with past rows of the outcome that they have now."""
    rows = _rows(table, present, by)
    every = np.ones(len(rows.listed), dtype=bool)
    whole: _Learnt | None = None
    earlier: dict[int, _Learnt | None] = {}
    found: dict[str, dict[str, Any]] = {}
    for code in sorted(codes.intersection(rows.lists)):
        mine = rows.lists == code
        listed = rows.listed[mine]
        # whole listing dates from the last one back
        cut = int(listed[int(len(listed) * (1 - by.takeover.held_out_share))])
        learnt_from, held_out = rows.known <= cut, mine & (rows.listed >= cut)
        told: dict[str, Any] = {
            "past_rows": int(mine.sum()),
            "past_successes": int(rows.success[mine].sum()),
            "first_listed_date": np.datetime64(int(listed[0]), "D").item(),
            "last_listed_date": np.datetime64(int(listed[-1]), "D").item(),
            "learnt_rows": int(learnt_from.sum()),
            "held_out_from": np.datetime64(cut, "D").item(),
            "held_out_rows": int(held_out.sum()),
            "held_out_successes": int(rows.success[held_out].sum()),
        }
        if short := _too_few(rows, learnt_from, held_out, by):
            found[code] = told | {"is_model": False, "decision": f"按规则排序:{short}"}
            continue
        if cut not in earlier:
            earlier[cut] = _learn(rows, learnt_from, by)
        whole = whole or _learn(rows, every, by)
        if whole is None or (tested := earlier[cut]) is None:
            found[code] = told | {"is_model": False, "decision": "按规则排序:往期结果或特征没有差异"}
            continue
        base = rows.success[learnt_from].mean()
        told |= _compared(
            tested.probability(tested.standardised(rows.matrix[held_out]), code), base, rows, held_out, by
        )
        told |= _drifted(whole, rows, mine, present.filter(pc.equal(present["list_code"], code)), by)
        refused = _refused(told, by)
        found[code] = told | {
            "is_model": not refused,
            "decision": f"按规则排序:{refused}" if refused else "按模型排序:留出期检验显著优于规则",
            "model": whole.write(),
        }
    return found


def _rows(table: pa.Table, present: pa.Table, by: ResponseModel) -> _Rows:
    """As arrays; only with columns known often enough, then and now, that are not the same for all."""
    names = [one.column for one in by.features]
    matrix = _matrix(table, names, by)
    unknown = np.isnan(matrix).mean(axis=0)
    if present.num_rows:
        unknown = np.maximum(unknown, np.isnan(_matrix(present, names, by)).mean(axis=0))
    with np.errstate(all="ignore"):
        varies = np.nanmax(np.where(np.isnan(matrix), -np.inf, matrix), axis=0) > np.nanmin(
            np.where(np.isnan(matrix), np.inf, matrix), axis=0
        )
    kept = (unknown <= by.unknown_most) & varies
    return _Rows(
        lists=table["list_code"].to_numpy(),
        listed=_days(table["listed_date"]),
        known=_days(table["known_date"]),
        # rows of one customer are learnt from or calibrated on together
        fold=np.unique(table["customer_id"].to_numpy(), return_inverse=True)[1] % by.fit.folds,
        rule=table["response_rule"].to_numpy(),
        value=table["value_amount"].to_numpy(),
        success=table["is_success"].to_numpy(),
        matrix=matrix[:, kept],
        columns=tuple(name for name, is_kept in zip(names, kept, strict=True) if is_kept),
    )


def _learn(rows: _Rows, among: Booleans, by: ResponseModel) -> _Learnt | None:
    """Fit and calibrate on some rows; nothing where all ended alike or no column is usable."""
    if not rows.columns or len(np.unique(rows.success[among])) < 2:
        return None
    matrix, success, lists, fold = rows.matrix[among], rows.success[among], rows.lists[among], rows.fold[among]
    centre = np.nan_to_num(np.nanmean(matrix, axis=0))
    spread = np.nanstd(matrix, axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    codes = np.unique(lists)
    values = np.c_[np.nan_to_num((matrix - centre) / spread), (lists[:, None] == codes).astype(np.float64)]
    odds = np.zeros(len(success))
    for number in range(by.fit.folds):
        aside = fold == number
        if aside.any() and len(np.unique(success[~aside])) == 2:
            weight, intercept = _fit(values[~aside], success[~aside], by.fit.c)
            odds[aside] = values[aside] @ weight + intercept
        else:
            odds[aside] = _logit(np.array([success.mean()]))[0]
    slope, offset = _fit(odds[:, None], success, by.fit.c) if np.ptp(odds) > 0 else (np.ones(1), 0.0)
    weight, intercept = _fit(values, success, by.fit.c)
    columns = len(rows.columns)
    return _Learnt(
        columns=rows.columns,
        centre=centre,
        spread=spread,
        weight=weight[:columns],
        intercept=intercept,
        list_effect=dict(zip(codes.tolist(), weight[columns:].tolist(), strict=True)),
        slope=float(slope[0]),
        offset=float(offset),
    )


def _fit(values: Floats, success: Booleans, c: float) -> tuple[Floats, float]:
    """Weights and intercept of a logistic regression with an L2 penalty."""
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=c, max_iter=1000).fit(values, success)
    return fitted.coef_[0], float(fitted.intercept_[0])


def _too_few(rows: _Rows, learnt_from: Booleans, held_out: Booleans, by: ResponseModel) -> str:
    """What there is not enough of, in Chinese; nothing when there is."""
    asked = by.takeover
    for among, least, successes, text in (
        (learnt_from, asked.learnt_least, asked.learnt_successes_least, "留出期之前可学习的往期"),
        (held_out, asked.rows_least, asked.successes_least, "留出期"),
    ):
        size, hits = int(among.sum()), int(rows.success[among].sum())
        # where nearly all reached the outcome there is nobody to tell them from, and no AUC
        if size < least or min(hits, size - hits) < successes:
            return f"{text}样本不足({size}行、成效{hits}行,至少{least}行、有无成效各{successes}行)"
    return ""


def _compared(model: Floats, base: float, rows: _Rows, held_out: Booleans, by: ResponseModel) -> dict[str, Any]:
    """Figures of the rule and of the model on held-out rows; a rule that says nothing of a row says the base rate."""
    success = rows.success[held_out]
    rule = np.nan_to_num(rows.rule[held_out], nan=base)
    # rows of a former system have no value: then every success counts alike
    value = rows.value[held_out]
    value = np.ones(len(value)) if np.isnan(value).any() else value
    confidence = by.takeover.confidence
    low, high, rule_auc, model_auc = auc_gain(success, rule, model, confidence)
    losses = {side: _loss(success, one) for side, one in (("rule", rule), ("model", model))}
    gain = losses["rule"] - losses["model"]
    margin = _half_width(confidence) * gain.std(ddof=1) / np.sqrt(len(gain))
    served = max(int(len(success) * by.takeover.capacity_share), 1)

    def captured(probability: Floats) -> float:
        best = np.argsort(-probability * value, kind="stable")[:served]
        return float((success * value)[best].sum())

    return {
        "rule_auc": rule_auc,
        "model_auc": model_auc,
        "auc_gain_low": low,
        "auc_gain_high": high,
        "rule_log_loss": float(losses["rule"].mean()),
        "model_log_loss": float(losses["model"].mean()),
        "log_loss_gain_low": float(gain.mean() - margin),
        "log_loss_gain_high": float(gain.mean() + margin),
        "rule_brier": float(((success - rule) ** 2).mean()),
        "model_brier": float(((success - model) ** 2).mean()),
        "rule_captured_value": captured(rule),
        "model_captured_value": captured(model),
        "calibration": json.dumps(_calibration(success, model)),
    }


def auc_gain(success: Booleans, rule: Floats, model: Floats, confidence: float) -> tuple[float, float, float, float]:
    """Interval of AUC(model) - AUC(rule) after DeLong, DeLong and Clarke-Pearson (1988), and both AUCs."""
    hits, misses = success.sum(), (~success).sum()
    over_misses, under_hits, auc = [], [], []
    for score in (rule, model):
        among_all = _rank(score)
        over_misses.append((among_all[success] - _rank(score[success])) / misses)
        under_hits.append(1 - (among_all[~success] - _rank(score[~success])) / hits)
        auc.append(float(over_misses[-1].mean()))
    variance = (
        np.var(over_misses[1] - over_misses[0], ddof=1) / hits + np.var(under_hits[1] - under_hits[0], ddof=1) / misses
    )
    gain, margin = auc[1] - auc[0], _half_width(confidence) * float(np.sqrt(variance))
    return gain - margin, gain + margin, auc[0], auc[1]


def _half_width(confidence: float) -> float:
    """Of a two-sided interval, in standard errors."""
    return NormalDist().inv_cdf((1 + confidence) / 2)


def _refused(told: dict[str, Any], by: ResponseModel) -> str:
    """Why the model does not take over, in Chinese; nothing when it does."""
    gain = told["model_auc"] - told["rule_auc"]
    if gain < by.takeover.auc_gain_least or told["auc_gain_low"] <= 0:
        return (
            f"留出期AUC提升{gain:+.3f}({by.takeover.confidence:.0%}区间{told['auc_gain_low']:+.3f}至{told['auc_gain_high']:+.3f}),"
            f"未达到{by.takeover.auc_gain_least}或区间含零"
        )
    if told["log_loss_gain_low"] <= 0:
        return "留出期对数损失未显著低于规则"
    if told["model_captured_value"] < told["rule_captured_value"]:
        return f"留出期前{by.takeover.capacity_share:.0%}实现的价值低于规则"
    if told["score_drift"] is not None and told["score_drift"] > by.drift.hand_back:
        return f"模型漂移(评分PSI {told['score_drift']:.2f}),交回规则"
    return ""


def _calibration(success: Booleans, probability: Floats) -> list[dict[str, float]]:
    """Expected and seen share in equal parts of the rows, from the lowest probability up."""
    order = np.argsort(probability, kind="stable")
    parts = [part for part in np.array_split(order, _CALIBRATION_BINS) if len(part)]
    return [
        {"rows": len(part), "expected": float(probability[part].mean()), "seen": float(success[part].mean())}
        for part in parts
    ]


def _drifted(learnt: _Learnt, rows: _Rows, mine: Booleans, present: pa.Table, by: ResponseModel) -> dict[str, Any]:
    """PSI of the score and of each column between the list's past rows and its candidates of today, if it has any."""
    weights = dict(zip(learnt.columns, (learnt.weight * learnt.slope).tolist(), strict=True))
    if not present.num_rows:
        named = [{"feature_code": name, "weight": weight, "stability": None} for name, weight in weights.items()]
        return {"score_drift": None, "features": json.dumps(named)}
    now = _matrix(present, list(learnt.columns), by)
    then = rows.matrix[mine]
    scores = [learnt.odds(learnt.standardised(values), 0.0) for values in (then, now)]
    drift = [
        {"feature_code": name, "weight": weights[name], "stability": stability(then[:, at], now[:, at], by.drift.bins)}
        for at, name in enumerate(learnt.columns)
    ]
    return {"score_drift": stability(scores[0], scores[1], by.drift.bins), "features": json.dumps(drift)}


def stability(then: Floats, now: Floats, bins: int) -> float:
    """Population stability index over parts of equal size of `then`; unknown values are a part of their own."""
    known = then[~np.isnan(then)]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1])) if len(known) else np.empty(0)

    def shares(values: Floats) -> Floats:
        part = np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values, side="left"))
        counted: Floats = np.bincount(part, minlength=len(edges) + 2) / len(values)
        return np.maximum(counted, _LEAST_SHARE)

    before, after = shares(then), shares(now)
    return float(((after - before) * np.log(after / before)).sum())


def _explained(learnt: _Learnt, values: Floats, by: ResponseModel) -> pa.Array:
    """What raised or lowered each row most, such as 有收单商户(提高)、往来年限短(降低)."""
    of = {one.column: one for one in by.features}
    texts: list[str] = []
    for name, weight in zip(learnt.columns, learnt.weight * learnt.slope, strict=True):
        feature = of[name]
        texts += [f"{feature.low}({_moved(-weight)})", f"{feature.high}({_moved(weight)})"]
    told = min(_TOLD, len(learnt.columns))
    most = np.argsort(-np.abs(values * learnt.weight), axis=1, kind="stable")[:, :told]
    is_high = np.take_along_axis(values, most, axis=1) > 0
    phrases = pa.array(texts)
    parts = [phrases.take(pa.array(most[:, at] * 2 + is_high[:, at])) for at in range(told)]
    return pc.binary_join_element_wise(*parts, "、")


def _moved(effect: float) -> str:
    return "提高" if effect > 0 else "降低"


def _matrix(table: pa.Table, names: list[str], by: ResponseModel) -> Floats:
    """Feature columns as numbers, amounts and counts as logarithms, unknown values as NaN."""
    scale = {one.column: one.scale for one in by.features}
    columns = []
    for name in names:
        values = table[name].cast(pa.float64()).to_numpy()
        columns.append(np.log1p(np.maximum(values, 0.0)) if scale[name] == "log" else values)
    return np.column_stack(columns) if columns else np.empty((table.num_rows, 0))


def _loss(success: Booleans, probability: Floats) -> Floats:
    bounded = np.clip(probability, _LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY)
    return -np.where(success, np.log(bounded), np.log1p(-bounded))


def _rank(values: Floats) -> Floats:
    """From 1 up, equal values with the mean of their ranks."""
    _, place, times = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(times)
    ranks: Floats = (last - (times - 1) / 2)[place]
    return ranks


def _logit(probability: Floats) -> Floats:
    bounded = np.clip(probability, _LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY)
    odds: Floats = np.log(bounded / (1 - bounded))
    return odds


def _sigmoid(odds: Floats) -> Floats:
    probability: Floats = 1 / (1 + np.exp(-np.clip(odds, -_LARGEST_ODDS, _LARGEST_ODDS)))
    return probability


def _days(column: pa.ChunkedArray) -> Ints:
    found: Ints = column.cast(pa.int32()).to_numpy().astype(np.int64)
    return found
