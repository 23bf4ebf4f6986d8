"""`qianmo explain customer` on the sample county: planted causes, earlier dates, unknown ids, nothing raw."""

import csv
import json
from pathlib import Path

import duckdb
import pytest

from tests.county import DATES, SampleCounty
from tests.evidence.explanations import LEAST_KINDS, named_causes

pytestmark = pytest.mark.timeout(1800)  # the county is made by whichever test asks first


def truth(county: SampleCounty, name: str) -> list[dict[str, str]]:
    with (county.bank.root / "truth" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_planted_cause_is_named(sample_county: SampleCounty, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QIANMO_HOME", str(sample_county.home))
    causes = list(named_causes(sample_county.home))
    assert [cause for cause, is_named in causes if not is_named] == []
    assert len({cause["case"] for cause, _ in causes}) >= LEAST_KINDS


def test_planted_chains_and_referrals_are_found_and_nothing_besides(sample_county: SampleCounty) -> None:
    planted = {
        (row["partner_customer_id"], row["core_customer_id"])
        if row["direction"] == "upstream"
        else (row["core_customer_id"], row["partner_customer_id"])
        for row in truth(sample_county, "supply_chains")
    }
    referred = {(row["referrer_customer_id"], row["customer_id"]) for row in truth(sample_county, "referrals")}
    with duckdb.connect(sample_county.qianmo("where", "marts").stdout.strip(), read_only=True) as connection:
        found = connection.execute(
            "select relation_type, one.core_customer_id, other.core_customer_id from marts.fct_customer_relation as r"
            " inner join marts.dim_customer as one on r.from_customer_id = one.customer_id"
            " inner join marts.dim_customer as other on r.to_customer_id = other.customer_id"
            " where relation_type in ('supply', 'referral')"
        ).fetchall()
    assert {(one, other) for kind, one, other in found if kind == "supply"} == planted
    assert {(one, other) for kind, one, other in found if kind == "referral"} == referred


def test_the_same_customer_by_number_and_by_id_for_machines(sample_county: SampleCounty) -> None:
    number = truth(sample_county, "explanations")[0]["customer_id"]
    by_number = json.loads(sample_county.qianmo("explain", "customer", number, "--json").stdout)
    by_id = json.loads(sample_county.qianmo("explain", "customer", by_number["customer_id"], "--json").stdout)
    assert by_number == by_id
    assert by_number["as_of"] == DATES[-1]
    shown = sample_county.qianmo("explain", "customer", number)
    assert shown.returncode == 0
    for title in ("画像", "标签", "网格", "来源记录"):
        assert title in shown.stdout


def test_an_earlier_date_tells_the_history(sample_county: SampleCounty) -> None:
    marts = sample_county.qianmo("where", "marts").stdout.strip()
    with duckdb.connect(marts, read_only=True) as connection:
        customer, tag = connection.execute(
            "select customer_id, tag_code from marts.fct_customer_tag"
            " where valid_from = ? and valid_to is null and tag_family <> 'suppression' order by all limit 1",
            [DATES[1]],
        ).fetchall()[0]

    def codes(*arguments: str) -> set[str]:
        found = json.loads(sample_county.qianmo("explain", "customer", customer, "--json", *arguments).stdout)
        return {item["code"] for item in found["items"] if item["since"] == DATES[1]}

    assert tag in codes()
    assert tag in codes("--date", DATES[1])
    assert tag not in codes("--date", DATES[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("P0000000000000000",), "查无此客户"),
        (("321281198511020021",), "查无此客户"),
        (("C1", "--date", "2026-09-27"), "nothing to read as of 2026-09-27"),
        (("C1", "--date", "2026-10-01"), "nothing to read as of 2026-10-01"),
    ],
)
def test_what_cannot_be_explained_is_said(
    sample_county: SampleCounty, arguments: tuple[str, ...], message: str
) -> None:
    done = sample_county.qianmo("explain", "customer", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "321281198511020021" not in done.stderr, "what was typed may be an ID number"


def test_nothing_published_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QIANMO_HOME", str(tmp_path))
    from ingestion.bank import load_bank
    from qianmo.errors import ConfigurationError
    from qianmo.explain import explain
    from qianmo.home import PROJECT_ROOT

    with pytest.raises(ConfigurationError, match="nothing is published"):
        explain(load_bank(PROJECT_ROOT / "banks" / "sample"), "C1")
