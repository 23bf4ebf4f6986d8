"""Plan lint: golden cases of each rule, and the command's report and exit codes."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from qianmo.errors import ConfigurationError
from qianmo.plan import Plan, contradictions, load_plan
from tests.county import SampleCounty
from tests.evidence.plan_lint import FIVE, PLANS

QIANMO = Path(sys.executable).with_name("qianmo")


def rules(**lists: Any) -> list[str]:
    return [one.rule for one in contradictions(Plan.model_validate({"title": "计划", **lists}))]


def total(stated: float, *parts: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": "管户", "source": "一", "stated": stated, "unit": "户", "parts": list(parts)}]


def figure(value: float, **changed: str) -> dict[str, Any]:
    return {
        "name": "管户",
        "source": "一",
        "organisation": "支行",
        "period": "2026",
        "unit": "户",
        "value": value,
    } | changed


def phases(weights: Any, divide: str, *months: tuple[int, int]) -> list[dict[str, Any]]:
    named = [{"name": f"{n}期", "first_month": first, "last_month": last} for n, (first, last) in enumerate(months)]
    return [{"name": "年", "source": "一", "weights": weights, "weights_divide": divide, "phases": named}]


def term(name: str, subject: str, *items: str) -> dict[str, Any]:
    return {"name": name, "source": "一", "subject": subject, "items": list(items)}


def schedule(days: float, *stages: float | None) -> list[dict[str, Any]]:
    return [{"name": "项目", "source": "一", "days": days, "stages": [{"name": "段", "days": one} for one in stages]}]


def test_the_plan_of_the_seeds_contradicts_itself_five_times_and_a_clean_one_not_at_all() -> None:
    found = contradictions(load_plan(PLANS / "seeds.yml"))
    assert [one.rule for one in found] == list(FIVE)
    assert all(len(one.values) == 2 for one in found), "both values are kept"
    assert contradictions(load_plan(PLANS / "clean.yml")) == []


@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        ({"totals": total(105, {"name": "a", "value": 25}, {"name": "b", "value": 80})}, []),
        ({"totals": total(0.3, {"name": "a", "value": 0.1}, {"name": "b", "value": 0.2})}, []),
        ({"totals": total(50, {"name": "a", "value": 1, "times": 50})}, []),
        ({"totals": total(50, {"name": "a", "value": 1, "times": 49})}, ["分项之和与合计不符"]),
        ({"figures": [figure(80), figure(100)]}, ["同一指标同一时期有不同数值"]),
        ({"figures": [figure(80), figure(80), figure(100, period="2027"), figure(90, organisation="总行")]}, []),
        ({"phases": phases("4:3:3:2", "time", (1, 4), (5, 7), (8, 10), (11, 12))}, []),
        ({"phases": phases([1, 1], "time", (1, 6), (7, 12))}, []),
        ({"phases": phases("2:1", "time", (1, 6), (7, 12))}, ["阶段权重与阶段时长不符"]),
        ({"phases": phases("2:1", "work", (1, 6), (7, 12))}, []),
        ({"phases": phases("1:1:1", "work", (1, 6), (7, 12))}, ["阶段权重与阶段个数不符"]),
        ({"phases": phases("1:1", "time", (1, 6), (6, 11))}, ["阶段首尾不衔接"]),
        ({"terms": [term("甲", "产品"), term("乙", "产品")]}, ["同一事物有两个名称"]),
        ({"terms": [term("甲", "产品", "票据"), term("乙", "业务", "票据")]}, ["同一事物有两个名称"]),
        ({"terms": [term("甲", "产品", "票据"), term("甲", "产品", "国结")]}, ["同一名称所指不同"]),
        ({"terms": [term("甲", "产品", "票据"), term("乙", "业务", "国结")]}, []),
        ({"schedules": schedule(5, 1.5, 8, 0.5)}, ["各阶段天数与总天数不符"]),
        ({"schedules": schedule(10, 1.5, 8, 0.5)}, []),
        ({"schedules": schedule(11, 1.5, 8, 0.5)}, ["各阶段天数与总天数不符"]),
        ({"schedules": schedule(11, None, 8)}, []),
        ({"schedules": schedule(8, None, 8)}, ["各阶段天数与总天数不符"]),
    ],
)
def test_golden_cases(lists: dict[str, Any], expected: list[str]) -> None:
    assert rules(**lists) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("totals: [", "not YAML"),
        ("title: x\ntotal: []", "total: Extra inputs"),
        ("title: x\nschedules: [{name: a, source: b, days: 0, stages: []}]", "schedules.0.days"),
        ("- 1", r"\(file\)"),
    ],
)
def test_a_faulty_file_is_told_by_field(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "plan.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=message):
        load_plan(path)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_plan(tmp_path / "absent.yml")


def test_the_command_reports_in_chinese_and_ends_with_1_when_it_finds_something() -> None:
    def lint(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([QIANMO, "plan", "lint", *arguments], capture_output=True, text=True)

    seeds = lint(str(PLANS / "seeds.yml"))
    assert seeds.returncode == 1
    for both in ("合计写为 100 户", "分项之和为 105 户"):
        assert both in seeds.stdout
    assert "5 处矛盾" in seeds.stderr
    clean = lint(str(PLANS / "clean.yml"))
    assert (clean.returncode, clean.stderr) == (0, "")
    assert "未发现矛盾" in clean.stdout
    assert lint().returncode == 2


def test_landed_targets_go_through_the_same_report(sample_county: SampleCounty) -> None:
    """The sample plants one: the bank's deposits of February are 2 % more than its branches' together."""
    done = sample_county.qianmo("plan", "lint", "--targets")
    assert done.returncode == 1
    assert "1 处矛盾" in done.stderr
    assert "下级机构之和与上级不符：示范农商银行 2026年2月 存款余额" in done.stdout
    assert "目标写为" in done.stdout
    assert "家支行之和为" in done.stdout
