"""What became of each business date, read from the ledger: `qianmo status`."""

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rich.table import Table

from qianmo import ledger
from qianmo.build import PENDING
from qianmo.tables import terminal

if TYPE_CHECKING:
    from ingestion.bank import Bank


_TABLE_FACTS = ("source", "status", "rows_in", "rows_landed", "rows_quarantined", "content_sha256", "message")
_DELIVERY_FACTS = (
    "delivery_id", "batch_id", "list_code", "business_date", "version", "recipient_type", "recipient", "rows",
    "new_rows", "removed_rows", "content_sha256", "expires_on",
)  # fmt: skip


def status(bank: "Bank") -> dict[str, Any]:
    """One object: per business date the tables landed, the checks and the build; versions and lists delivered.

    Row counts are those of the ledger; for every landed table rows_in = rows_landed + rows_quarantined. A table's
    version counts the deliveries that differed: above 1 the file was sent again. It is null when none has landed.
    """
    from serving.publish import current_publication

    home = bank.home
    batches = ledger.rows(home, ledger.landing_batch)
    versions = {
        (row["source"], row["table_name"], row["business_date"]): row["version"]
        for row in ledger.rows(home, ledger.landing_version)  # in order of versions: the last one stays
    }
    builds = {row["business_date"]: row for row in ledger.rows(home, ledger.build) if row["input_digest"] != PENDING}
    checks = ledger.rows(home, ledger.gate_result)
    publications = sorted(ledger.rows(home, ledger.publication), key=lambda row: (row["recorded_at"], row["version"]))
    current = current_publication(bank)
    return {
        "bank": bank.name,
        "home": str(home.root),
        "business_dates": {
            day: {
                "tables": {
                    f"{row['source']}.{row['table_name']}": {
                        **{name: row[name] for name in _TABLE_FACTS},
                        "version": versions.get((row["source"], row["table_name"], day)),
                    }
                    for row in batches
                    if row["business_date"] == day
                },
                "checks": _checks([row for row in checks if row["business_date"] == day]),
                "built": builds[day]["input_digest"] if day in builds else None,
            }
            for day in sorted({row["business_date"] for row in (*batches, *builds.values())})
        },
        "published_version": current.version if current else None,
        "publications": [
            {name: row[name] for name in ("version", "business_date", "file_name", "content_digest")}
            for row in publications
        ],
        "list_batches": dict(Counter(row["state"] for row in ledger.rows(home, ledger.list_batch))),
        "deliveries": [{name: row[name] for name in _DELIVERY_FACTS} for row in ledger.rows(home, ledger.delivery)],
    }


def _checks(results: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """Per gate: expectations met, and those not met by severity."""
    counts = {gate: {"passed": 0, "warning": 0, "critical": 0} for gate in ("landing", "marts")}
    for row in results:
        counts[row["gate"]]["passed" if row["success"] else row["severity"]] += 1
    return counts


def show(found: dict[str, Any]) -> None:
    """The same for a person: rows by source and date, the steps of each date, and the lists delivered."""
    console = terminal()
    days = found["business_dates"]
    if not days:
        console.print("nothing has landed yet 尚无数据落地")
        return
    landed = Table(title_justify="left", title="Landed 落地: rows in = landed + quarantined 入 = 落地 + 隔离")
    landed.add_column("source 来源")
    for day in days:
        landed.add_column(day, justify="right")
    for source in dict.fromkeys(table["source"] for day in days.values() for table in day["tables"].values()):
        landed.add_row(source, *(_source_cell(day["tables"].values(), source) for day in days.values()))
    console.print(landed)
    for day, facts in days.items():
        for name, table in facts["tables"].items():
            if (table["version"] or 1) > 1:
                console.print(f"{name} {day}: version {table['version']}, sent again 重送 (第{table['version']}版)")

    steps = Table(title_justify="left", title="Built, checked, published 构建、检查、发布")
    for heading in ("date 业务日", "built 构建", "gate 1 入库检查", "gate 2 发布检查", "version 版本"):
        steps.add_column(heading)
    for day, facts in days.items():
        versions = [one["version"] for one in found["publications"] if one["business_date"] == day]
        checks = (_checks_cell(facts["checks"][gate]) for gate in ("landing", "marts"))
        steps.add_row(day, "yes" if facts["built"] else "no", *checks, versions[-1] if versions else "-")
    console.print(steps)

    delivered = Table(
        title_justify="left", title="Delivered lists 下发名单: rows to branches 支行行数 / to managers 客户经理行数"
    )
    delivered.add_column("list 名单")
    for day in days:
        delivered.add_column(day, justify="right")
    for code in sorted({one["list_code"] for one in found["deliveries"]}):
        mine = [one for one in found["deliveries"] if one["list_code"] == code]
        delivered.add_row(code, *(_delivery_cell(one for one in mine if one["business_date"] == day) for day in days))
    console.print(delivered)
    states = ", ".join(f"{count:,} {state}" for state, count in sorted(found["list_batches"].items()))
    console.print(f"batches of lists 名单批次: {states or '-'}")
    console.print(f"published now 当前版本: {found['published_version'] or '-'}")


def _source_cell(tables: Iterable[dict[str, Any]], source: str) -> str:
    mine = [table for table in tables if table["source"] == source]
    if not mine:
        return "-"
    refused = sum(table["status"] != "landed" for table in mine)
    rows_in, landed, quarantined = (
        sum(table[name] or 0 for table in mine) for name in ("rows_in", "rows_landed", "rows_quarantined")
    )
    return f"{rows_in:,} = {landed:,} + {quarantined:,}" + (f" ({refused} REFUSED 拒收)" if refused else "")


def _checks_cell(counts: dict[str, int]) -> str:
    text = f"{counts['passed']} passed"
    if counts["warning"]:
        text += f", {counts['warning']} warned"
    if counts["critical"]:
        text += f", {counts['critical']} CRITICAL 严重"
    return text


def _delivery_cell(deliveries: Iterable[dict[str, Any]]) -> str:
    rows = {"branch": 0, "manager": 0}
    for one in deliveries:
        rows[one["recipient_type"]] += one["rows"]
    return f"{rows['branch']:,} / {rows['manager']:,}"
