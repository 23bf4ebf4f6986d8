"""The reviewer's page says in Chinese what the SQL does, and what sample the effect needs."""

import pytest

from qianmo.definitions import lists
from qianmo.errors import ConfigurationError
from qianmo.list_page import ReviewedFiles, base_rate, in_words, list_page

LISTS = {definition.code: definition for definition in lists()}
FILES = ReviewedFiles.read()


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("$credited and not $drawn", "「已授信」 且 非「已用信」"),
        ("evaluation in ('excellent', 'good')", "评议结果 属于 (优秀, 良好)"),
        ("credit_expiry >= business_date", "授信到期日 ≥ 数据日期"),
        ("coalesce(age, 40) between 22 and 60", "年龄 在22至60之间"),
        ("merchant_id is not null or segment_code <> 'retail'", "商户号 有值 或 客群代码 ≠ retail"),
    ],
)
def test_sql_in_words(sql: str, words: str) -> None:
    assert in_words(sql, FILES) == words


def test_the_rate_without_the_list_is_the_rule_without_signals_less_the_lift() -> None:
    definition = LISTS["credited_not_drawn"].model_copy(update={"response": "0.2", "expected_lift": 0.05})
    assert base_rate(definition) == pytest.approx(0.15)
    assert base_rate(definition.model_copy(update={"expected_lift": 0.3})) == pytest.approx(0.005)


@pytest.mark.parametrize("code", LISTS)
def test_every_rule_leaves_room_for_the_lift_it_promises(code: str) -> None:
    assert base_rate(LISTS[code]) > 0.005, "expected_lift is as large as the response itself: lower it"


def test_a_page_names_material_steps_and_sample() -> None:
    shown = list_page("credited_not_drawn")
    for part in ("MAT-FIRST-DRAW", "客户拒绝该渠道营销", "所需样本", "「已授信未用信」", "近期有没有进货"):
        assert part in shown


def test_an_unknown_list_is_told_with_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match="there is no list nope: name one of acquiring_active"):
        list_page("nope")
