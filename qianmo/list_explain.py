"""`qianmo list explain`: why a customer is in a batch, why not, or why not served, and what became of the row.

What decided is read from the batch as it was frozen that day; what became of the row from the marts published now.
Identifiers are masked, and the sentences are those that business users see.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from qianmo import ledger
from qianmo.definitions import value_labels
from qianmo.errors import ConfigurationError
from qianmo.tables import terminal

if TYPE_CHECKING:
    from delivery.frozen import Proposal
    from ingestion.bank import Bank

DELIVERED, CONTROL = "delivered", "holdout"


@dataclass(frozen=True)
class ListExplanation:
    """One customer and one batch."""

    batch_id: str
    list_name: str
    customer_id: str
    customer: str
    """Core number and masked name."""
    verdict: str
    """In one sentence: in, out, not served, or control group."""
    step_code: str
    """Where the customer stayed; `not_eligible` for who was no candidate."""
    facts: dict[str, str]
    """What decided, Chinese name to value."""
    batch: dict[str, str]
    """State of the batch, who decided, when."""
    delivered: list[str]
    """Packages of the batch's date that have the row."""
    later: dict[str, str]
    """What became of the row since, as published now."""


def explain(bank: "Bank", batch_id: str, asked: str) -> ListExplanation:
    """Explain a customer, by customer id or core customer number 客户号.

    Raises:
        ConfigurationError: no batch of that name was frozen, or nobody has that number.
    """
    from delivery.frozen import proposed_candidates, read_proposal

    batches = ledger.rows(bank.home, ledger.list_batch, batch_id=batch_id)
    name = batches[0]["snapshot"] if batches else _frozen_last(bank.home.list_batches / batch_id)
    if name is None or not (bank.home.list_batches / name).exists():
        raise ConfigurationError(
            f"{batch_id} is not frozen 查无此批次: expected <list code>-<YYYYMMDD> of a date that was proposed and is"
            " within its retention; `qianmo list batches` shows them"
        )
    proposal = read_proposal(bank.home, name)
    with duckdb.connect() as connection:
        candidates = connection.execute(
            "from read_parquet($file) where customer_id = $asked or core_customer_id = $asked limit 1",
            {"file": str(proposed_candidates(bank.home, name)), "asked": asked},
        )
        found = candidates.to_arrow_table().to_pylist()
    batch = _batch_facts(bank, batches[0]) if batches else {"状态": "当日无新增客户,无需审批"}
    if not found:
        return _no_candidate(bank, proposal, asked, batch)
    candidate = found[0]
    return ListExplanation(
        batch_id=batch_id,
        list_name=proposal.facts.list_name,
        customer_id=candidate["customer_id"],
        customer=" ".join(filter(None, (candidate["core_customer_id"], candidate["name_masked"]))),
        verdict=_verdict(candidate),
        step_code=candidate["step_code"],
        facts=_facts(candidate),
        batch=batch,
        delivered=_delivered(bank, batch_id, candidate["row_id"]),
        later=_later(bank, candidate["row_id"]),
    )


def _frozen_last(folder: Path) -> str | None:
    """The proposal frozen last, of a list that opened no row that day."""
    frozen = sorted(folder.glob("*/proposal.json"), key=lambda path: path.stat().st_mtime_ns)
    return f"{folder.name}/{frozen[-1].parent.name}" if frozen else None


def _batch_facts(bank: "Bank", batch: Mapping[str, Any]) -> dict[str, str]:
    told = {"状态": value_labels()["batch_state"][batch["state"]], "内容摘要": batch["content_sha256"][:12]}
    if batch["decided_by"]:
        how = value_labels()["decision"][batch["decision"]]
        told |= {
            "决定人": f"{batch['decided_by']}({how})",
            "决定时间": f"{bank.clock(batch['decided_at']):%Y-%m-%d %H:%M}",
        }
    return told | ({"原因": batch["reason"]} if batch["reason"] else {})


def _verdict(candidate: Mapping[str, Any]) -> str:
    step, name = candidate["step_code"], candidate["step_name"]
    if step == DELIVERED:
        who = candidate["manager_id"] or "支行团队"
        basis = value_labels()["assignment_basis"].get(candidate["assignment_basis"] or "", "")
        return f"入选:第{candidate['list_rank']}位,派给{who}" + (f"({basis})" if basis else "")
    if step == CONTROL:
        return f"入选但留作对照组,不触达(按{value_labels()['holdout_unit'][candidate['holdout_unit']]}散列抽取)"
    if step in ("over_capacity", "no_manager", "on_higher_list"):
        return f"符合条件且允许触达,但未派发:{name.removeprefix('未派发:')}"
    return f"符合条件但被剔除:{name}"


def _facts(candidate: Mapping[str, Any]) -> dict[str, str]:
    """What decided first, then how the customer was ranked."""
    return {"符合条件的理由": candidate["reason"]} | _deciding(candidate) | _ranking(candidate)


def _deciding(candidate: Mapping[str, Any]) -> dict[str, str]:
    labels = value_labels()
    match candidate["step_code"]:
        case "opted_out":
            return {"已拒绝的渠道": _named(candidate["opted_out_channels"], labels["channel"])}
        case "not_authorised":
            return {"已授权的渠道": _named(candidate["authorised_channels"], labels["channel"])}
        case "overdue_or_below_pass":
            worst = labels["worst_five_class"].get(candidate["worst_five_class"], candidate["worst_five_class"])
            return {"逾期": "是" if candidate["is_overdue"] else "否", "最差五级分类": worst}
        case "grey_black":
            return {"风险名单": labels["risk_list"].get(candidate["risk_list"], candidate["risk_list"])}
        case "contacted_recently":
            return {"最近触达日期": f"{candidate['last_contacted_date']}"}
        case "on_this_list" | "on_other_list":
            return {"正在跟进的名单": candidate["standing_list_code"]}
        case "frequency_cap":
            return {"近期入选次数": f"{candidate['recent_listings']}"}
        case "no_manager":
            return {
                "管户客户经理": candidate["own_manager_id"] or "无",
                "网格负责人": candidate["grid_manager_id"] or "无",
            }
    return {}


def _ranking(candidate: Mapping[str, Any]) -> dict[str, str]:
    if candidate["score"] is None:
        return {}
    by = value_labels()["scored_by"][candidate["scored_by"]]
    told = {
        "预计响应率": f"{candidate['response_probability']:.1%}({by})",
        "预计价值": f"{candidate['value_amount']:,.0f}元/年",
        "评分": f"{candidate['score']:,.0f}",
    }
    return told | ({"评分说明": candidate["score_reason"]} if candidate["score_reason"] else {})


def _named(codes: str | None, names: Mapping[str, str]) -> str:
    return "、".join(names.get(code, code) for code in (codes or "").split(",") if code) or "无"


def _delivered(bank: "Bank", batch_id: str, row_id: str | None) -> list[str]:
    """Packages of the batch's date that hold the row as an open one."""
    from delivery.frozen import packages_file

    snapshots = {row["snapshot"] for row in ledger.rows(bank.home, ledger.delivery, batch_id=batch_id)}
    files = [str(packages_file(bank.home, snapshot)) for snapshot in sorted(snapshots - {None})]
    if not files:
        return []
    with duckdb.connect() as connection:
        found = connection.execute(
            "select delivery_id from read_parquet($files) where row_id = $row_id and state <> 'removed' order by 1",
            {"files": files, "row_id": row_id},
        ).fetchall()
    return [delivery_id for (delivery_id,) in found]


def _later(bank: "Bank", row_id: str | None) -> dict[str, str]:
    from serving.publish import current

    with duckdb.connect(str(current(bank)), read_only=True) as connection:
        found = connection.execute(
            """
            select
                opened.listed_date, opened.valid_until, opened.closed_date,
                coalesce(removal.close_reason_name, opened.close_reason)
            from marts.fct_list_row as opened
            left join marts.mart_list_removal as removal
                on opened.row_id = removal.row_id and opened.closed_date = removal.business_date
            where opened.row_id = ?
            """,
            [row_id],
        ).fetchone()
    if found is None:
        return {}
    listed, valid_until, closed, why = found
    state = {"移除日期": f"{closed}", "移除原因": why} if closed else {"现状": "仍在跟进"}
    return {"列入日期": f"{listed}", "有效期至": f"{valid_until}"} | state


def _no_candidate(bank: "Bank", proposal: "Proposal", asked: str, batch: dict[str, str]) -> ListExplanation:
    from qianmo.explain import explain as explain_customer

    known = explain_customer(bank, asked)
    return ListExplanation(
        batch_id=proposal.batch_id,
        list_name=proposal.facts.list_name,
        customer_id=known.customer_id,
        customer=known.customer,
        verdict="未入选:当日不符合名单条件",
        step_code="not_eligible",
        facts={"名单条件见": f"dbt_project/definitions/lists/{proposal.facts.list_code}.yml"},
        batch=batch,
        delivered=[],
        later={},
    )


def as_json(found: ListExplanation) -> str:
    """For machines."""
    return json.dumps(asdict(found), ensure_ascii=False, indent=2, default=date.isoformat)


def show(found: ListExplanation) -> None:
    """For a person at a terminal, in Chinese."""
    console = terminal()
    console.print(f"客户 {found.customer}  客户标识 {found.customer_id}  批次 {found.batch_id} {found.list_name}")
    console.print(f"结论 {found.verdict}")
    for title, told in (("依据", found.facts), ("批次", found.batch), ("后续", found.later)):
        for name, value in told.items():
            console.print(f"{title} {name}: {value}")
    for delivery_id in found.delivered:
        console.print(f"已交付 {delivery_id}")
