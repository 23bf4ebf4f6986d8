"""What became of each business date, read from the ledger: `qianmo status`."""

from itertools import groupby
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from qianmo import ledger
from qianmo.build import PENDING

if TYPE_CHECKING:
    from ingestion.bank import Bank


def status(bank: "Bank") -> dict[str, Any]:
    """One object: per business date the tables landed, the build, the gates, the versions and the lists delivered.

    Row counts are those of the ledger; for every landed table rows_in = landed + quarantined.
    """
    from serving.publish import current_publication

    home = bank.home
    batches = ledger.rows(home, ledger.landing_batch)
    builds = {row["business_date"]: row for row in ledger.rows(home, ledger.build) if row["input_digest"] != PENDING}
    checks = ledger.rows(home, ledger.gate_result)
    publications = sorted(ledger.rows(home, ledger.publication), key=lambda row: row["recorded_at"])
    deliveries = ledger.rows(home, ledger.delivery)
    current = current_publication(bank)
    dates = sorted({row["business_date"] for row in (*batches, *builds.values(), *publications, *deliveries)})
    return {
        "bank": bank.name,
        "home": str(home.root),
        "business_dates": {
            day: {
                "tables": {
                    f"{row['source']}.{row['table_name']}": {
                        "status": row["status"],
                        "rows_in": row["rows_in"],
                        "landed": row["rows_landed"],
                        "quarantined": row["rows_quarantined"],
                        "message": row["message"],
                    }
                    for row in batches
                    if row["business_date"] == day
                },
                "checks": _checks([row for row in checks if row["business_date"] == day]),
                "built": builds[day]["input_digest"] if day in builds else None,
                "published": [row["version"] for row in publications if row["business_date"] == day],
                "lists": _lists([row for row in deliveries if row["business_date"] == day]),
            }
            for day in dates
        },
        "published_version": current.version if current else None,
        "published_versions": [row["version"] for row in publications],
    }


def _checks(results: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    return {
        gate: {
            "passed": sum(row["success"] for row in results if row["gate"] == gate),
            "warnings": sum(
                not row["success"] and row["severity"] == "warning" for row in results if row["gate"] == gate
            ),
            "critical": sum(
                not row["success"] and row["severity"] == "critical" for row in results if row["gate"] == gate
            ),
        }
        for gate in ("landing", "marts")
    }


def _lists(deliveries: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Per list: its batch, and per kind of recipient how many there are and the rows they got together."""

    def list_code(row: dict[str, Any]) -> str:
        return str(row["list_code"])

    found: dict[str, dict[str, Any]] = {}
    for code, group in groupby(sorted(deliveries, key=list_code), key=list_code):
        rows = list(group)
        found[code] = {"batch_id": rows[0]["batch_id"]}
        for kind in ("branch", "manager"):
            counts = [row["rows"] for row in rows if row["recipient_type"] == kind]
            if counts:
                found[code][kind] = {"recipients": len(counts), "rows": sum(counts)}
    return found


def show(found: dict[str, Any], console: Console) -> None:
    """The same for a person: landed rows by source and date, then builds, versions and lists."""
    days = found["business_dates"]
    landed = Table(title="Landed 落地: rows in = landed + quarantined 入 = 落地 + 隔离")
    landed.add_column("source 来源")
    for day in days:
        landed.add_column(day, justify="right")
    sources = dict.fromkeys(name.split(".")[0] for day in days.values() for name in day["tables"])
    for source in sources:
        landed.add_row(source, *(_source_cell(day["tables"], source) for day in days.values()))
    console.print(landed)

    steps = Table(title="Built, checked, published, delivered 构建、检查、发布、下发")
    for heading in ("date 业务日", "built 构建", "checks 检查", "version 版本", "lists 名单", "rows 行数"):
        steps.add_column(heading)
    for day, facts in days.items():
        checks = ", ".join(
            f"{gate} {counts['passed']} passed"
            + (f" {counts['warnings']} warnings" if counts["warnings"] else "")
            + (f" {counts['critical']} CRITICAL" if counts["critical"] else "")
            for gate, counts in facts["checks"].items()
        )
        rows = sum(item.get("branch", item.get("manager", {"rows": 0}))["rows"] for item in facts["lists"].values())
        version = facts["published"][-1] if facts["published"] else "-"
        steps.add_row(day, "yes" if facts["built"] else "no", checks, version, str(len(facts["lists"])), str(rows))
    console.print(steps)
    console.print(f"published now 当前版本: {found['published_version'] or '-'}")


def _source_cell(tables: dict[str, dict[str, Any]], source: str) -> str:
    mine = [facts for name, facts in tables.items() if name.split(".")[0] == source]
    if not mine:
        return "-"
    refused = sum(facts["status"] != "landed" for facts in mine)
    rows_in, landed, quarantined = (
        sum(facts[key] or 0 for facts in mine) for key in ("rows_in", "landed", "quarantined")
    )
    return f"{rows_in:,} = {landed:,} + {quarantined:,}" + (f" ({refused} REFUSED)" if refused else "")
