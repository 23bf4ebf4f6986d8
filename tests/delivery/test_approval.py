"""Nothing that was not approved leaves, removals wait for nobody, and a decision holds for what was shown alone."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from delivery.approval import approve, excluded_batches, expire, pending, reject, summary
from delivery.deliver import Delivery, deliver_last, hand_over
from ingestion.bank import Bank
from qianmo import ledger
from qianmo.errors import ConfigurationError
from tests.delivery.conftest import DAY, LIST_CODES, Marts, list_row, quiet, removal

FIRST, SECOND = (f"{code}-20260928" for code in LIST_CODES)
NEXT_DAY = DAY + timedelta(days=1)


def in_three_days() -> str:
    """When what is proposed now has expired."""
    return (datetime.now(UTC) + timedelta(days=3, seconds=1)).isoformat(timespec="seconds")


@pytest.fixture
def asking(bank: Bank) -> Bank:
    """The bank, where people decide."""
    return replace(bank, automatic_approver=None)


def handed_over(bank: Bank, day: date = DAY) -> dict[tuple[str, str], tuple[int, int, int]]:
    return counted(hand_over(bank, day, quiet))


def counted(items: list[Delivery]) -> dict[tuple[str, str], tuple[int, int, int]]:
    return {(item.list_code, item.recipient): (item.rows, item.new_rows, item.removed_rows) for item in items}


def contents(bank: Bank) -> dict[str, str]:
    return {batch["batch_id"]: batch["content_sha256"] for batch in pending(bank.home)}


def test_what_nobody_approved_stays(asking: Bank, published: Marts) -> None:
    published([list_row(0), list_row(2, is_holdout=True), list_row(1, list_code=LIST_CODES[1])])
    assert handed_over(asking) == {}
    assert not list(asking.home.delivery.glob("2*"))
    waiting = contents(asking)
    assert set(waiting) == {FIRST, SECOND}
    table = summary(asking.home, pending(asking.home))
    assert f"| {FIRST} | 已授信未用信客户 | 1 | 1 | 0 | 电话 |" in table
    assert waiting[FIRST][:12] in table
    (verdict,) = approve(asking, {FIRST: waiting[FIRST][:8]}, "张三")
    assert (verdict.state, verdict.changed) == ("approved", True)
    assert counted(deliver_last(asking, quiet)) == {
        (LIST_CODES[0], "0101"): (1, 1, 0),
        (LIST_CODES[0], "M0"): (1, 1, 0),
    }
    (row,) = ledger.rows(asking.home, ledger.list_batch, batch_id=FIRST)
    assert (row["rows"], row["holdout_rows"], row["decided_by"], row["decision"]) == (1, 1, "张三", "person")
    assert set(contents(asking)) == {SECOND}


def test_removals_wait_for_nobody(asking: Bank, published: Marts) -> None:
    published([list_row(0), list_row(2)])
    handed_over(asking)
    approve(asking, contents(asking), "张三")
    deliver_last(asking, quiet)
    rows = [list_row(0, listed_date=DAY), list_row(4)]
    published(rows, NEXT_DAY, [removal(list_row(2), NEXT_DAY, DAY, ("opted_out", "客户拒绝营销"))])
    first = LIST_CODES[0]
    assert handed_over(asking, NEXT_DAY) == {(first, "0101"): (1, 0, 1), (first, "M2"): (0, 0, 1)}
    assert set(contents(asking)) == {f"{first}-20260929"}
    approve(asking, contents(asking), "张三")
    assert counted(deliver_last(asking, quiet))[first, "0101"] == (2, 1, 1)


def test_a_decision_holds_for_what_was_shown(asking: Bank, published: Marts) -> None:
    """The row that changed waits for the next decision; those approved before stay with their recipients."""
    first = LIST_CODES[0]
    published([list_row(0), list_row(2)])
    handed_over(asking)
    shown = contents(asking)
    published([list_row(0), list_row(2, reason="其他理由"), list_row(4)])
    handed_over(asking)
    (verdict,) = approve(asking, shown, "张三")
    assert not verdict.changed
    assert "look at it again" in verdict.note
    assert deliver_last(asking, quiet) == []

    published([list_row(0), list_row(2)])
    handed_over(asking)
    approve(asking, contents(asking), "张三")
    assert counted(deliver_last(asking, quiet))[first, "0101"] == (2, 2, 0)
    published([list_row(0), list_row(2, reason="其他理由"), list_row(4)])
    assert handed_over(asking)[first, "0101"] == (1, 1, 1)
    approve(asking, contents(asking), "李四")
    assert counted(deliver_last(asking, quiet))[first, "0101"] == (3, 3, 0)
    assert [row["decided_by"] for row in ledger.rows(asking.home, ledger.list_decision)] == ["张三", "李四"]


def test_a_rejection_says_why_and_an_expiry_is_one(
    asking: Bank, published: Marts, monkeypatch: pytest.MonkeyPatch
) -> None:
    published([list_row(0), list_row(1, list_code=LIST_CODES[1])])
    handed_over(asking)
    with pytest.raises(ConfigurationError, match="reason"):
        reject(asking, {FIRST: contents(asking)[FIRST]}, "张三", " ")
    reject(asking, {FIRST: contents(asking)[FIRST]}, "张三", "理由写错")
    assert expire(asking.home) == []
    monkeypatch.setattr(ledger, "now", in_three_days)
    (verdict,) = expire(asking.home)
    assert (verdict.batch_id, verdict.state) == (SECOND, "expired")
    (late,) = approve(asking, {SECOND: ledger.rows(asking.home, ledger.list_batch)[1]["content_sha256"]}, "张三")
    assert not late.changed
    assert handed_over(asking) == {}
    states = {row["batch_id"]: (row["state"], row["reason"]) for row in ledger.rows(asking.home, ledger.list_batch)}
    assert states == {FIRST: ("rejected", "理由写错"), SECOND: ("expired", None)}


def test_who_answers_too_late_approves_nothing(asking: Bank, published: Marts, monkeypatch: pytest.MonkeyPatch) -> None:
    published([list_row(0)])
    handed_over(asking)
    shown = contents(asking)
    monkeypatch.setattr(ledger, "now", in_three_days)
    (verdict,) = approve(asking, shown, "张三")
    assert (verdict.state, verdict.changed) == ("expired", False)
    assert deliver_last(asking, quiet) == []


def test_only_what_was_shown_expires_without_an_answer(asking: Bank, published: Marts) -> None:
    """Content that changed since has an approver of its own, who has all the days."""
    published([list_row(0), list_row(1, list_code=LIST_CODES[1])])
    handed_over(asking)
    shown = contents(asking)
    published([list_row(0), list_row(2), list_row(1, list_code=LIST_CODES[1])])
    handed_over(asking)
    changed = {verdict.batch_id: verdict.changed for verdict in expire(asking.home, shown)}
    assert changed == {FIRST: False, SECOND: True}
    assert set(contents(asking)) == {FIRST}


def test_nobody_is_asked_twice_for_a_date(asking: Bank, published: Marts) -> None:
    published([list_row(0)])
    handed_over(asking)
    assert [batch["batch_id"] for batch in pending(asking.home, since=DAY)] == [FIRST]
    assert pending(asking.home, since=NEXT_DAY) == []


def test_batches_are_excluded_by_name(asking: Bank) -> None:
    asked = {FIRST: "a", SECOND: "b"}
    assert excluded_batches(asked, f" {FIRST}、{SECOND} ") == asked
    assert excluded_batches(asked, "") == {}
    with pytest.raises(ConfigurationError, match="nothing is decided"):
        excluded_batches(asked, f"{FIRST}, typo")


def test_a_later_decision_reaches_those_who_were_sent_more_since(asking: Bank, published: Marts) -> None:
    """A batch of Monday approved on Tuesday goes out with Tuesday's rows; Monday's packages stay as they were."""
    first, second = LIST_CODES
    published([list_row(0), list_row(0, list_code=second, customer_id=f"P{6:016x}", core_customer_id="0000000006")])
    handed_over(asking)
    monday = contents(asking)
    approve(asking, {SECOND: monday[SECOND]}, "张三")
    deliver_last(asking, quiet)
    published([list_row(0, listed_date=DAY), list_row(2)], NEXT_DAY)
    handed_over(asking, NEXT_DAY)
    approve(asking, contents(asking), "张三")
    items = {item.recipient: item for item in deliver_last(asking, quiet) if item.list_code == first}
    assert (items["0101"].rows, items["0101"].new_rows) == (2, 2)
    assert items["0101"].delivery_id == f"{first}-20260929.branch.0101"


def test_a_late_decision_does_not_reach_who_refused_since(asking: Bank, published: Marts) -> None:
    """Nothing of Tuesday was put up or sent; Monday's batch that is approved then goes out as of Tuesday."""
    published([list_row(0), list_row(2)])
    handed_over(asking)
    published([list_row(0, listed_date=DAY)], NEXT_DAY, earlier=[([list_row(0), list_row(2)], DAY)])
    assert handed_over(asking, NEXT_DAY) == {}
    approve(asking, contents(asking), "张三")
    assert counted(deliver_last(asking, quiet)) == {
        (LIST_CODES[0], "0101"): (1, 1, 0),
        (LIST_CODES[0], "M0"): (1, 1, 0),
    }


def test_a_past_date_that_was_sent_again_is_decided_again(asking: Bank, published: Marts) -> None:
    """Monday's batch changes after Tuesday went out: recipients get Tuesday's package anew, Monday's stays."""
    first = LIST_CODES[0]
    published([list_row(0), list_row(2)])
    handed_over(asking)
    approve(asking, contents(asking), "张三")
    deliver_last(asking, quiet)
    kept = [list_row(n, listed_date=DAY) for n in (0, 2)]
    published([*kept, list_row(4)], NEXT_DAY)
    handed_over(asking, NEXT_DAY)
    approve(asking, contents(asking), "张三")
    deliver_last(asking, quiet)
    monday = [row for row in ledger.rows(asking.home, ledger.delivery) if row["business_date"] == DAY.isoformat()]

    again = [list_row(0), list_row(6)]
    published([*(row | {"listed_date": DAY} for row in again), list_row(4)], NEXT_DAY, earlier=[(again, DAY)])
    sent = handed_over(asking)
    assert set(contents(asking)) == {f"{first}-20260928"}
    assert sent[first, "0101"] == (2, 1, 1), "row 2 is gone, row 6 waits"
    approve(asking, contents(asking), "李四")
    assert counted(deliver_last(asking, quiet))[first, "0101"] == (3, 2, 1)
    unchanged = [row for row in ledger.rows(asking.home, ledger.delivery) if row["business_date"] == DAY.isoformat()]
    assert unchanged == monday
