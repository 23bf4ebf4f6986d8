"""Approval of batches: what is put up, who decided on which content, and what may go out.

A batch is the rows that a list opened on a date. It is proposed with the SHA-256 of what would be delivered, and a
decision holds for that content alone: when the content changes, the batch is proposed again, and what was approved
before is all that goes out meanwhile. Rows that are no longer permitted leave without anybody's approval.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import select

from delivery.frozen import (
    Approval,
    ListFacts,
    Proposal,
    Step,
    freeze_proposal,
    proposed_candidates,
    proposed_rows,
    read_proposal,
)
from delivery.lock import alone
from delivery.rows import PROPOSED_ROWS
from ingestion.bank import Bank
from qianmo import ledger
from qianmo.contact_policy import contact_policy
from qianmo.definitions import DEFINITIONS, MarketingList, lists, value_labels
from qianmo.errors import ConfigurationError, DataRefusedError
from qianmo.home import BankHome
from qianmo.materials import Material, materials
from serving.publish import current_publication

Progress = Callable[[str], None]

Decision = Literal["person", "automatic"]
EXPIRY = "审批到期"
"""Who decides when nobody did."""


@dataclass(frozen=True)
class Verdict:
    """What a decision came to for one batch."""

    batch_id: str
    state: str
    """Of the batch now."""
    changed: bool
    """False: it was in that state before, or its content is no longer the one decided on."""
    note: str = ""


def published_marts(bank: Bank, business_date: date) -> tuple[Path, str]:
    """The marts that hold a date, and their version.

    Raises:
        DataRefusedError: nothing that reaches the date is published, or it holds no lists of the date.
    """
    publication = current_publication(bank)
    if publication is None or publication.business_date < business_date.isoformat():
        reached = "nothing" if publication is None else f"{publication.version}"
        raise DataRefusedError(
            f"lists of {business_date} cannot be delivered: expected marts published for that date, found {reached}; "
            f"run `qianmo publish --date {business_date}` first"
        )
    marts = bank.home.published / publication.file
    with duckdb.connect(marts, read_only=True) as connection:
        built = connection.execute(
            "select count(*) from marts.mart_list_waterfall where business_date = ?", [business_date]
        ).fetchone()
    if not built or not built[0]:
        raise DataRefusedError(f"{marts.name} holds no lists of {business_date}: build and publish that date first")
    return marts, publication.version


def propose(bank: Bank, business_date: date, progress: Progress) -> list[Proposal]:
    """Freeze what every list would deliver of the date and put up what has not been decided on.

    A list that opened no row needs no decision, and is frozen all the same: why nobody was taken is asked too. A batch
    that nobody decided on in time expires. Later dates that were proposed before are looked at as well: data that were
    sent again may have changed them.

    Raises:
        DataRefusedError: the published marts do not reach the date, or hold a list that is not defined.
    """
    expire(bank.home)
    later = ledger.rows(bank.home, ledger.list_batch, ledger.list_batch.c.business_date > business_date.isoformat())
    days = sorted({business_date, *(date.fromisoformat(row["business_date"]) for row in later)})
    with alone(bank.home):
        return [proposal for day in days for proposal in _propose(bank, day, progress)]


def _propose(bank: Bank, business_date: date, progress: Progress) -> list[Proposal]:
    marts, _ = published_marts(bank, business_date)
    facts = list_facts()
    put_up: list[Proposal] = []
    with duckdb.connect() as connection:
        connection.execute(f"attach '{marts}' as published (read_only)")
        connection.execute("use published.marts")
        for code in _codes(connection, business_date):
            if code not in facts:
                raise DataRefusedError(
                    f"{marts.name} holds rows of {code}, which no file in dbt_project/definitions/lists defines"
                )
            frozen = _freeze(bank.home, connection, business_date, facts[code])
            if frozen and frozen[0].rows and _put_up(bank.home, *frozen):
                put_up.append(frozen[0])
                progress(f"{frozen[0].batch_id}: {frozen[0].rows} rows proposed for approval")
    return put_up


@cache
def list_facts() -> dict[str, ListFacts]:
    """What the definitions say, by list code; read once by a process."""
    approved = materials()
    return {definition.code: _facts(definition, approved[definition.material_id]) for definition in lists()}


def _facts(definition: MarketingList, material: Material) -> ListFacts:
    return ListFacts(
        list_code=definition.code,
        list_name=definition.name,
        purpose=definition.purpose,
        legal_basis=definition.legal_basis,
        product_code=definition.product_code,
        channel=definition.channel,
        owner=definition.owner,
        approver=definition.approver,
        material_id=definition.material_id,
        material_title=material.title,
        material_expires_on=material.expires_on,
        playbook=" ".join(definition.playbook.split()),
        talking_points=definition.talking_points,
        recipients=definition.recipients,
        definition_sha256=sha256(_definition_file(definition.code).read_bytes()).hexdigest(),
    )


def _definition_file(code: str) -> Path:
    return DEFINITIONS / "lists" / f"{code}.yml"


def _codes(connection: duckdb.DuckDBPyConnection, business_date: date) -> list[str]:
    """Lists that have candidates, open rows or removals on the date."""
    found = connection.execute(
        """
        select list_code from mart_list_candidate where business_date = $day
        union
        select list_code from mart_marketing_list where business_date = $day
        union
        select list_code from mart_list_removal where business_date = $day
        order by 1
        """,
        {"day": business_date},
    ).fetchall()
    return [code for (code,) in found]


def _freeze(
    home: BankHome, connection: duckdb.DuckDBPyConnection, business_date: date, facts: ListFacts
) -> tuple[Proposal, str] | None:
    """The list as of the date and the name it is frozen under; None where there is nothing to freeze."""
    code = facts.list_code
    batch_id = f"{code}-{business_date:%Y%m%d}"
    asked = {"day": business_date, "list_code": code}
    rows = connection.execute(PROPOSED_ROWS, asked | {"batch_id": batch_id}).to_arrow_table()
    candidates = connection.execute(
        "from mart_list_candidate where business_date = $day and list_code = $list_code order by customer_id", asked
    ).to_arrow_table()
    if not candidates.num_rows:  # the marts have candidates of their last date alone
        if not rows.num_rows:
            return None
        candidates = _frozen_candidates(home, batch_id) or candidates
    [(holdout_rows,)] = connection.execute(
        "select count(*) from mart_marketing_list where business_date = $day and batch_id = $batch_id and is_holdout",
        {"day": business_date, "batch_id": batch_id},
    ).fetchall()
    [(removed_rows,)] = connection.execute(
        "select count(*) from mart_list_removal where business_date = $day and list_code = $list_code", asked
    ).fetchall()
    waterfall = connection.execute(
        """
        select step_code, any_value(step_name), cast(sum(removed) as bigint)
        from mart_list_waterfall
        where business_date = $day and list_code = $list_code
        group by step_code
        order by any_value(step_order)
        """,
        asked,
    ).fetchall()
    content = [facts.model_dump(mode="json"), sorted(rows["row_sha256"].to_pylist())]
    proposal = Proposal(
        batch_id=batch_id,
        business_date=business_date,
        facts=facts,
        definition=_definition_file(code).read_text(encoding="utf-8"),
        rows=rows.num_rows,
        holdout_rows=holdout_rows,
        removed_rows=removed_rows,
        content_sha256=sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest(),
        waterfall=[Step(step_code=one, step_name=name, removed=removed) for one, name, removed in waterfall],
    )
    return proposal, freeze_proposal(home, proposal, rows, candidates)


def _frozen_candidates(home: BankHome, batch_id: str) -> pa.Table | None:
    """Those of the last proposal of the batch."""
    known = ledger.rows(home, ledger.list_batch, batch_id=batch_id)
    return pq.read_table(proposed_candidates(home, known[0]["snapshot"])) if known else None


def _put_up(home: BankHome, proposal: Proposal, name: str) -> bool:
    """Record the proposal; True if it is one that has to be decided on now."""
    with ledger.transaction(home) as connection:
        known = _batch(connection, proposal.batch_id)
        if known and known["content_sha256"] == proposal.content_sha256:
            # Only what surrounds the rows (other candidates) changed: what was decided stays decided.
            ledger.put(connection, ledger.list_batch, known | {"snapshot": name})
            return False
        now = ledger.now()
        row = {
            "batch_id": proposal.batch_id,
            "list_code": proposal.facts.list_code,
            "business_date": proposal.business_date.isoformat(),
            "state": "proposed",
            "rows": proposal.rows,
            "holdout_rows": proposal.holdout_rows,
            "content_sha256": proposal.content_sha256,
            "definition_sha256": proposal.facts.definition_sha256,
            "material_id": proposal.facts.material_id,
            "snapshot": name,
            "proposed_at": now,
            "expires_at": (datetime.fromisoformat(now) + timedelta(days=contact_policy().approval_days)).isoformat(),
            "decided_by": None,
            "decided_at": None,
            "decision": None,
            "reason": None,
        }
        ledger.put(connection, ledger.list_batch, row)
    return True


def pending(home: BankHome, since: date = date.min) -> list[dict[str, Any]]:
    """Ledger rows of the batches that wait for a decision, from a business date on."""
    reached = ledger.list_batch.c.business_date >= since.isoformat()
    return list(ledger.rows(home, ledger.list_batch, reached, state="proposed"))


def approve(bank: Bank, contents: Mapping[str, str], by: str, decision: Decision = "person") -> list[Verdict]:
    """Approve batches, each for the content (SHA-256, or its first digits) that the approver was shown.

    One that waited too long expires instead.
    """
    expire(bank.home)
    return _decide(bank.home, contents, "approved", by, decision)


def reject(bank: Bank, batches: Mapping[str, str], by: str, reason: str) -> list[Verdict]:
    """Reject batches, each for the content that was shown; their rows close at the next build.

    Raises:
        ConfigurationError: no reason is given.
    """
    if not reason.strip():
        raise ConfigurationError("a rejection needs a reason 驳回须说明原因: the owner of the list has to mend it")
    return _decide(bank.home, batches, "rejected", by, "person", reason.strip())


def excluded_batches(contents: Mapping[str, str], written: str) -> dict[str, str]:
    """Those of the batches that an approver wrote down, parted by commas or spaces.

    Raises:
        ConfigurationError: one of them was not asked for.
    """
    names = re.split(r"[,,、;;\s]+", written.strip())
    if unknown := sorted(set(names) - set(contents) - {""}):
        raise ConfigurationError(f"{', '.join(unknown)}: not asked for 不在本次审批之列: nothing is decided")
    return {name: contents[name] for name in names if name}


def approve_automatically(bank: Bank) -> list[Verdict]:
    """Approve all that waits, where the bank has configured an automatic approver; the ledger says so."""
    if bank.automatic_approver is None:
        return []
    contents = {row["batch_id"]: row["content_sha256"] for row in pending(bank.home)}
    return approve(bank, contents, bank.automatic_approver, "automatic")


def expire(home: BankHome, contents: Mapping[str, str] | None = None) -> list[Verdict]:
    """Let batches expire that waited too long, or those given, for whose content an approver was asked in vain."""
    if contents is None:
        now = ledger.now()
        contents = {row["batch_id"]: row["content_sha256"] for row in pending(home) if row["expires_at"] <= now}
    return _decide(home, contents, "expired", EXPIRY, "automatic")


def approvals(bank: Bank, batches: Sequence[str]) -> dict[str, tuple[Approval, Path]]:
    """The approval that batches are delivered on, with the file of the rows it was given for.

    A batch that is approved, or is proposed again after a change and was approved before. None that was rejected or
    expired.
    """
    batch, decision = ledger.list_batch.c, ledger.list_decision.c
    approved = (
        select(ledger.list_decision)
        .join(ledger.list_batch, batch.batch_id == decision.batch_id)
        .where(batch.batch_id.in_(batches), batch.state.in_(("approved", "proposed")), decision.state == "approved")
        .order_by(decision.batch_id, decision.decision_id)
    )
    with ledger.transaction(bank.home) as connection:
        last = {row["batch_id"]: dict(row) for row in connection.execute(approved).mappings()}
    return {
        batch_id: (
            Approval(
                batch_id=batch_id,
                content_sha256=row["content_sha256"],
                decided_by=row["decided_by"],
                decided_at=bank.clock(row["decided_at"]).isoformat(),
                decision=row["decision"],
            ),
            proposed_rows(bank.home, row["snapshot"]),
        )
        for batch_id, row in last.items()
    }


def summary(home: BankHome, batches: Sequence[Mapping[str, Any]]) -> str:
    """Batches as a table in Markdown, for the approver."""
    lines = [
        "| 批次 | 名单 | 待下发户数 | 对照组 | 当日移除 | 触达渠道 | 物料 | 内容摘要 |",
        "|---|---|---:|---:|---:|---|---|---|",
    ]
    channels = value_labels()["channel"]
    for batch in batches:
        one = read_proposal(home, batch["snapshot"])
        cells = (
            one.batch_id, one.facts.list_name, f"{one.rows:,}", f"{one.holdout_rows:,}", f"{one.removed_rows:,}",
            channels[one.facts.channel], f"{one.facts.material_id} {one.facts.material_title}", one.content_sha256[:12],
        )  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _decide(
    home: BankHome, contents: Mapping[str, str], state: str, by: str, decision: Decision, reason: str | None = None
) -> list[Verdict]:
    verdicts: list[Verdict] = []
    with ledger.transaction(home) as connection:
        for batch_id, content in sorted(contents.items()):
            batch = _batch(connection, batch_id)
            if batch is None:
                raise ConfigurationError(f"no batch {batch_id}: `qianmo list batches` shows those that were proposed")
            if not content or not batch["content_sha256"].startswith(content):
                note = f"content is now {batch['content_sha256'][:12]}, not {content[:12]}: look at it again"
                verdicts.append(Verdict(batch_id, batch["state"], False, note))
                continue
            if batch["state"] != "proposed":
                note = f"already {batch['state']} by {batch['decided_by']}"
                verdicts.append(Verdict(batch_id, batch["state"], False, note))
                continue
            decided: dict[str, str | None] = {
                "state": state,
                "decided_by": by,
                "decided_at": ledger.now(),
                "decision": decision,
                "reason": reason,
            }
            ledger.put(connection, ledger.list_batch, batch | decided)
            kept = {name: batch[name] for name in ("batch_id", "content_sha256", "snapshot")}
            ledger.put(connection, ledger.list_decision, kept | decided)
            verdicts.append(Verdict(batch_id, state, True))
    return verdicts


def _batch(connection: Any, batch_id: str) -> dict[str, Any] | None:
    table = ledger.list_batch
    row = connection.execute(table.select().where(table.c.batch_id == batch_id)).mappings().first()
    return dict(row) if row else None
