"""Superset's import files: every chart resolves, and nothing is shown or granted that may not be."""

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from jinja2.sandbox import SandboxedEnvironment

from ingestion.bank import Bank
from qianmo.errors import ConfigurationError
from serving.publish import current
from serving.superset import assets
from serving.superset.dashboard_files import Dashboard, dashboards, unresolved
from serving.superset.manifest import marts

ROWS = {"count": True, "label": "行数", "unit": "行"}


def page(**chart: Any) -> dict[str, Any]:
    """A dashboard of one chart."""
    base = {"title": "图", "type": "bar", "dataset": "mart_funnel", "width": 6, "dimensions": ["stage_name"]}
    base["measures"] = [{"sum": "customers", "label": "客户数", "unit": "户"}]
    rows = [{"height": 40, "charts": [{**base, **chart}]}]
    return {"code": "p", "title": "页", "description": "", "roles": ["branch_head"], "filters": [], "rows": rows}


def changed(manifest: Path, folder: Path, model: str, change: Any) -> Path:
    """A copy of the manifest with one model changed."""
    content = json.loads(manifest.read_text())
    change(content["nodes"][f"model.qianmo.{model}"])
    path = folder / "manifest.json"
    path.write_text(json.dumps(content))
    return path


def test_every_chart_of_every_dashboard_resolves_in_the_real_manifest(manifest: Path) -> None:
    known = marts(manifest)
    assert [fault for one in dashboards() for fault in unresolved(one, known)] == []
    assert {one.title for one in dashboards()} >= {"精准营销名单", "网格与漏斗", "客户经理KPI与PK"}


def test_every_dashboard_is_an_exposure_with_the_same_models(manifest: Path) -> None:
    exposures = json.loads(manifest.read_text())["exposures"].values()
    models = [
        {node.rsplit(".", 1)[1] for node in exposure["depends_on"]["nodes"]}
        for exposure in exposures
        if exposure["type"] == "dashboard"
    ]
    for one in dashboards():
        if "risk" not in one.roles:
            used = {chart.dataset for chart in one.charts}
            assert any(used <= known for known in models), f"{one.title}: no exposure depends on {used}"


@pytest.mark.parametrize(
    ("chart", "fault"),
    [
        ({"dataset": "mart_unknown"}, "no model mart_unknown"),
        ({"dimensions": ["colour"]}, "no column colour"),
        ({"where": {"colour": "red"}}, "no column colour"),
        ({"dataset": "mart_data_quality", "dimensions": ["source"], "measures": [ROWS]}, "no row filter"),
        (
            {"dataset": "review_marketing_list", "dimensions": ["phone_masked"], "measures": [ROWS]},
            "no column phone_masked",
        ),
    ],
)
def test_a_chart_that_does_not_resolve_is_named(manifest: Path, chart: dict[str, Any], fault: str) -> None:
    faults = unresolved(Dashboard.model_validate(page(**chart)), marts(manifest))
    assert any(fault in text and "图" in text for text in faults), faults


@pytest.mark.parametrize(
    ("chart", "fault"),
    [
        ({"dataset": "mart_funnel", "measures": [{"metric": "drawdown_rate_credited"}]}, "cannot show the metric"),
        ({"dataset": "mart_customer_kpi", "measures": [{"metric": "visits_month"}]}, "cannot show the metric"),
        ({"dataset": "mart_metric", "measures": [{"metric": "pipeline_conversion_count"}]}, "cannot show the metric"),
        (
            {"dataset": "mart_funnel", "measures": [{"single": "customers", "label": "占比", "unit": "%"}]},
            "does not say what is divided by what",
        ),
    ],
)
def test_a_ratio_comes_from_the_contract(manifest: Path, chart: dict[str, Any], fault: str) -> None:
    """From a metric that the mart's columns suffice for (counts of distinct customers do not add up), or finished."""
    one = Dashboard.model_validate(page(**chart, dimensions=[], type="number"))
    faults = unresolved(one, marts(manifest))
    assert any(fault in text for text in faults), faults


def test_a_pivot_does_not_add_up_different_metrics(manifest: Path) -> None:
    one = Dashboard.model_validate(
        page(dataset="mart_kpi_change", type="pivot", dimensions=["branch_name"], across=["metric_name"],
             measures=[{"sum": "amount", "label": "变动", "unit": ""}])
    )  # fmt: skip
    assert any("a pivot adds up" in fault for fault in unresolved(one, marts(manifest)))


def test_a_finished_quotient_is_not_added_up_whatever_its_name(manifest: Path, tmp_path: Path) -> None:
    def describe(node: dict[str, Any]) -> None:
        node["columns"]["customers"]["description"] = "Drawn ÷ credited."

    known = marts(changed(manifest, tmp_path, "mart_funnel", describe))
    faults = unresolved(Dashboard.model_validate(page()), known)
    assert any("customers is a finished quotient" in text for text in faults), faults


def test_a_column_cannot_name_a_metric_that_is_not_there(manifest: Path, tmp_path: Path) -> None:
    def name(node: dict[str, Any]) -> None:
        node["columns"]["customers"]["config"]["meta"]["metric"] = "drawdown_rate_mine"

    with pytest.raises(ConfigurationError, match=r"mart_funnel.*customers.*drawdown_rate_mine"):
        marts(changed(manifest, tmp_path, "mart_funnel", name))


def test_metrics_of_the_contract_come_with_its_sql_label_and_unit(published: Bank, manifest: Path) -> None:
    """In the dataset, and in a chart that names one: numerator ÷ denominator over whatever rows it shows."""
    known = marts(manifest)
    _, expression = known["mart_customer_kpi"].contract["drawdown_rate_credited_all"]
    assert expression == (
        "cast(count(*) filter (where is_drawn) as double) / nullif(count(*) filter (where is_credited), 0)"
    )
    for dataset in ("mart_customer_kpi", "mart_metric"):
        with duckdb.connect(str(current(published)), read_only=True) as connection:
            for _, sql in known[dataset].contract.values():
                connection.execute(f"select {sql} from marts.{dataset}")
    assert "visits_month" in known["mart_metric"].contract
    assert "pipeline_conversion_count" not in known["mart_metric"].contract


@pytest.mark.parametrize(
    "measure",
    [
        {"sum": "drawdown_rate", "label": "用信率", "unit": "%"},
        {"sum": "value", "label": "指标", "unit": "户"},
        {"sum": "customers", "label": "占比", "unit": "%"},
        {"distinct": "stage_code", "label": "占比", "unit": "%"},
        {"mean": "value", "label": "用信率", "unit": "%"},
        {"sql": "sum(drawn) / sum(credited)", "label": "用信率", "unit": "%"},
        {"metric": "drawdown_rate_credited", "expression": "sum(drawn) / sum(credited)"},
        {"metric": "drawdown_rate_credited", "label": "我的用信率"},
        {"metric": "drawdown_rate_credited", "sum": "drawn"},
        {"sum": "drawn / credited", "single": "x", "label": "率", "unit": "%"},
        {"sql": "sum(drawn) / sum(credited)", "label": "率", "unit": "%"},
    ],
)
def test_a_chart_cannot_compute_a_ratio(tmp_path: Path, measure: dict[str, Any]) -> None:
    (tmp_path / "p.yml").write_text(yaml.safe_dump(page(measures=[measure])))
    with pytest.raises(ConfigurationError, match=r"p\.yml.*measures"):
        dashboards(tmp_path)


def test_faults_of_the_manifest_are_named(manifest: Path, tmp_path: Path) -> None:
    def without_filter(node: dict[str, Any]) -> None:
        del node["config"]["meta"]["row_filter"]
        node["columns"]["stage_name"]["config"]["meta"].pop("label")
        node["columns"]["stage_name"]["meta"] = {}

    with pytest.raises(ConfigurationError, match=r"mart_funnel.*row_filter.*stage_name has no config.meta.label"):
        marts(changed(manifest, tmp_path, "mart_funnel", without_filter))

    def by_branch(node: dict[str, Any]) -> None:
        node["config"]["meta"]["row_filter"] = "branch"

    with pytest.raises(ConfigurationError, match=r"mart_marketing_list.*customer_id must have row_filter manager"):
        marts(changed(manifest, tmp_path, "mart_marketing_list", by_branch))
    with pytest.raises(ConfigurationError, match="no dbt manifest"):
        marts(tmp_path / "nowhere.json")


def test_import_files(published: Bank, manifest: Path, tmp_path: Path) -> None:
    assets.write(published, marts(manifest), dashboards(), tmp_path)
    database = yaml.safe_load((tmp_path / "assets/databases/marts.yaml").read_text())
    assert database["expose_in_sqllab"] is False
    assert database["extra"]["engine_params"]["connect_args"] == {
        "read_only": True,
        "config": {"enable_external_access": False, "lock_configuration": True},
    }
    dataset = yaml.safe_load((tmp_path / "assets/datasets/marts/mart_marketing_list.yaml").read_text())
    columns = {column["column_name"]: column for column in dataset["columns"]}
    assert columns["manager_name"]["verbose_name"] == "客户经理"
    assert columns["business_date"]["is_dttm"] is True
    assert "'是'" in columns["is_holdout_text"]["expression"]
    wide = yaml.safe_load((tmp_path / "assets/datasets/marts/mart_customer_360.yaml").read_text())
    labels = {column["column_name"]: (column["verbose_name"], column["type"]) for column in wide["columns"]}
    assert labels["tag_credit_card"] == ("信用卡客户", "BOOLEAN"), "tags are columns, labelled by the dictionary"
    assert labels["tag_credit_card_text"] == ("信用卡客户", "VARCHAR")
    review = yaml.safe_load((tmp_path / "assets/datasets/marts/review_marketing_list.yaml").read_text())
    assert "phone_masked" not in {column["column_name"] for column in review["columns"]}
    for path in (tmp_path / "assets/datasets/marts").glob("*.yaml"):
        assert not [c for c in yaml.safe_load(path.read_text())["columns"] if c["column_name"].endswith("_key")]
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    (tmp_path / "assets/charts/left_over.yaml").write_text("slice_name: 旧图")
    assets.write(published, marts(manifest), dashboards(), tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_any_combination_of_tags_can_be_asked_for(published: Bank, manifest: Path, tmp_path: Path) -> None:
    """The three columns that the tag filters act on, rendered as Superset would for what a user chose."""
    assets.write(published, marts(manifest), dashboards(), tmp_path)
    wide = yaml.safe_load((tmp_path / "assets/datasets/marts/mart_customer_360.yaml").read_text())
    expressions = {column["column_name"]: column.get("expression") for column in wide["columns"]}

    def rendered(choice: str, *names: str) -> str:
        asked = SandboxedEnvironment().from_string(expressions[choice])
        return asked.render(filter_values=lambda column: [*names] if column == choice else [])

    assert rendered("with_all_tags", "信用卡客户", "已授信未用信") == (
        "case when true and tag_credit_card and tag_credited_not_drawn then '信用卡客户' end"
    )
    assert rendered("with_any_tag", "信用卡客户", "已授信未用信") == (
        "case when false or tag_credit_card or tag_credited_not_drawn then '信用卡客户' end"
    )
    assert rendered("without_tags", "无营销授权") == "case when true and not tag_not_authorised then '无营销授权' end"
    assert rendered("with_all_tags", "x' or 1 = 1 --", "信用卡客户") == (
        "case when true and tag_credit_card then '信用卡客户' end"
    ), "what is no tag never reaches the SQL"
    offered = yaml.safe_load((tmp_path / "assets/datasets/marts/mart_tag_day.yaml").read_text())
    names = {column["column_name"]: column.get("expression") for column in offered["columns"]}
    assert {names[choice] for choice in assets.TAG_CHOICES} == {"tag_name"}


def test_tag_filters_offer_names(manifest: Path) -> None:
    faulty = Dashboard.model_validate(page() | {"tag_filters": "mart_funnel"})
    assert any("mart_funnel has no column tag_name" in fault for fault in unresolved(faulty, marts(manifest)))


@pytest.mark.parametrize(
    "parts", [{"dimensions": ["stage_name"]}, {"dimensions": ["stage_name", "channel"], "measures": []}]
)
def test_a_heatmap_has_two_dimensions_and_one_measure(tmp_path: Path, parts: dict[str, Any]) -> None:
    (tmp_path / "p.yml").write_text(yaml.safe_dump(page(type="heatmap", **parts)))
    with pytest.raises(ConfigurationError, match="heatmap"):
        dashboards(tmp_path)


def test_filtered_roles_are_granted_only_what_is_filtered(published: Bank, manifest: Path, tmp_path: Path) -> None:
    known = marts(manifest)
    assets.write(published, known, dashboards(), tmp_path)
    wanted = json.loads((tmp_path / "provision.json").read_text())
    names = {
        yaml.safe_load(path.read_text())["uuid"]: path.stem for path in (tmp_path / "assets/datasets").rglob("*.yaml")
    }
    denied = {uuid for one in wanted["row_filters"] if one["clause"] == "1 = 0" for uuid in one["datasets"]}
    filtered = {uuid for one in wanted["row_filters"] for uuid in one["datasets"]}
    assert set(names) == filtered, "every dataset has a base filter"
    granted = {role["name"]: set(role["datasets"]) for role in wanted["roles"]}
    for role in ("支行行长", "客户经理"):
        assert granted[role]
        assert not granted[role] & denied
    assert {names[uuid] for uuid in granted["风险合规"]} == {
        "review_marketing_list",
        "review_identity_review",
        "mart_list_waterfall",
        "mart_list_batch",
        "mart_list_delivery",
        "mart_list_removal",
        "mart_list_model",
        "mart_list_model_feature",
        "mart_list_fairness",
        "mart_data_quality",
        "mart_data_quality_day",
        "mart_data_freshness",
        "mart_data_drift",
        "mart_gate_result",
        "mart_gate_measure",
        "mart_legal_basis",
        "dim_tag",
        "mart_tag_day",
        "mart_tag_overlap",
        "mart_metric",
        "mart_metric_catalogue",
        "dim_rule",
    }
    assert [role["name"] for role in wanted["roles"] if role["self_service"]] == ["总行营销"]


def test_single_figures_have_one_row_per_group(published: Bank, manifest: Path) -> None:
    """A finished ratio is shown as it stands: within the chart's groups and page filters there is one row."""
    import duckdb

    from serving.publish import current

    with duckdb.connect(str(current(published)), read_only=True) as connection:
        for one in dashboards():
            for chart in one.charts:
                if not any(measure.single for measure in chart.measures) or one.code == "list_review":
                    continue
                columns = set(marts(manifest)[chart.dataset].columns) - set(chart.ignores)
                chosen = [f.column for f in one.filters if f.single and f.column in columns]
                groups = ", ".join(dict.fromkeys([*chart.dimensions, *chart.across, *chosen])) or "true"
                where = " and ".join(
                    f"{column} in ({', '.join(repr(value) for value in values)})"
                    for column, values in chart.where.items()
                )
                most = connection.execute(
                    f"select max(n) from (select count(*) as n from marts.{chart.dataset}"
                    f" where {where or 'true'} group by {groups})"
                ).fetchone()
                assert most == (1,), f"{one.title}: {chart.title}"
