"""`qianmo list …`: definitions, batches, their approval, and what became of them.

Imports of what a command does stay inside it, as in qianmo/cli.py.
"""

import json
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qianmo.command_options import Json, bank_of, progress
from qianmo.errors import ConfigurationError, DataRefusedError

if TYPE_CHECKING:
    from delivery.approval import Verdict
    from ingestion.bank import Bank

LEAST_DIGITS, SHOWN_DIGITS = 8, 12
"""Of a SHA-256: to be given with a decision, and shown."""

list_app = typer.Typer(no_args_is_help=True, help="Marketing lists 精准营销名单: definitions, batches, effect.")


@list_app.command("show")
def list_show(code: str) -> None:
    """The definition of a list as its reviewer reads it, in Chinese."""
    from qianmo.list_page import list_page

    typer.echo(list_page(code))


@list_app.command("lint")
def list_lint(
    day: Annotated[
        datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="Faults of that date; today when left out.")
    ] = None,
) -> None:
    """Every fault of the list definitions: schema, tags, columns, material, legal basis, and what has expired."""
    from qianmo.definitions import lists
    from qianmo.list_checks import expired
    from qianmo.materials import materials

    found = lists()
    if faults := expired(found, materials(), day.date() if day else date.today()):
        raise ConfigurationError("\n".join(faults))
    typer.echo(f"{len(found)} lists, no fault")


@list_app.command("batches")
def list_batches(ctx: typer.Context, as_json: Json = False) -> None:
    """Every batch: rows, control group, state, until when it can be approved, who decided and the content's SHA-256."""
    from qianmo import ledger
    from qianmo.tables import show_table

    bank = bank_of(ctx)
    batches = ledger.rows(bank.home, ledger.list_batch)
    if as_json:
        typer.echo(json.dumps(batches, ensure_ascii=False, indent=2))
        return
    columns = ("batch_id", "rows", "holdout_rows", "state")
    headings = ("batch 批次", "rows 户数", "holdout 对照组", "state 状态", "expires 审批截止", "by 审批人", "how 方式",
                "content 内容摘要")  # fmt: skip
    show_table(
        "Batches of lists 名单批次",
        headings,
        [
            (
                *(batch[c] for c in columns),
                f"{bank.clock(batch['expires_at']):%Y-%m-%d %H:%M}",
                batch["decided_by"],
                batch["decision"],
                batch["content_sha256"][:SHOWN_DIGITS],
            )
            for batch in batches
        ],
    )


Batches = Annotated[list[str], typer.Argument(metavar="BATCH…", help="Batches as `list batches` names them.")]
By = Annotated[str, typer.Option("--by", help="Who decides: name and employee number.")]
Shown = Annotated[
    list[str],
    typer.Option(
        "--content",
        help="First digits (8 or more) of the content's SHA-256 as shown, one per batch in their order: the decision"
        " holds for what was looked at.",
    ),
]


@list_app.command("approve")
def list_approve(ctx: typer.Context, batches: Batches, content: Shown, by: By) -> None:
    """Approve batches and deliver them."""
    from delivery.approval import approve

    bank = bank_of(ctx)
    _tell(bank, approve(bank, _contents(batches, content), by), "approved")


@list_app.command("reject")
def list_reject(
    ctx: typer.Context,
    batches: Batches,
    content: Shown,
    by: By,
    reason: Annotated[str, typer.Option("--reason", help="What has to be mended.")],
) -> None:
    """Reject batches: none of their rows is delivered, and they close at the next build."""
    from delivery.approval import reject

    bank = bank_of(ctx)
    _tell(bank, reject(bank, _contents(batches, content), by, reason), "rejected")


@list_app.command("replay")
def list_replay(
    ctx: typer.Context,
    batch: Annotated[str, typer.Argument(metavar="BATCH", help="List code and date, LIST-YYYYMMDD.")],
    output: Annotated[Path | None, typer.Option("--output", help="Write the files there, encrypted as before.")] = None,
) -> None:
    """Make a past batch's packages again from what was frozen; ends with 1 when one is not what was delivered."""
    from delivery.replay import replay

    made = replay(bank_of(ctx), batch, output)
    for one in made:
        why = f", {one.names_missing} names are not in the vault any more" if one.names_missing else ""
        why += ", written by another version of delivery/sheet.py or xlsxwriter" if one.other_layout else ""
        verdict = "same 一致" if one.same else f"DIFFERENT 不一致{why}"
        typer.echo(f"{one.delivery_id}: {one.rows} rows, {one.removed_rows} removed: {verdict}")
    different = sum(not one.same for one in made)
    if different:
        raise DataRefusedError(
            f"{different} of {len(made)} packages of {batch} differ from what was delivered: where another version of"
            " the code wrote them, replay with that version; names come back with the surrogate key that was dropped"
        )
    typer.echo(f"{batch}: all {len(made)} packages are byte for byte what was delivered")


@list_app.command("explain")
def list_explain(
    ctx: typer.Context,
    batch: Annotated[str, typer.Argument(metavar="BATCH", help="List code and date, LIST-YYYYMMDD.")],
    customer: Annotated[str, typer.Argument(metavar="ID", help="Customer id or core number 客户号.")],
    as_json: Json = False,
) -> None:
    """Why a customer is in a batch, was left out, was not served or is in the control group; and what came of it."""
    from qianmo.list_explain import as_json as explanation_json
    from qianmo.list_explain import explain, show

    found = explain(bank_of(ctx), batch, customer)
    if as_json:
        typer.echo(explanation_json(found))
    else:
        show(found)


def _contents(batches: Sequence[str], shown: Sequence[str]) -> dict[str, str]:
    if len(batches) != len(shown) or min(map(len, shown)) < LEAST_DIGITS:
        raise ConfigurationError(
            f"give --content once for each batch, in their order, with at least {LEAST_DIGITS} digits of the SHA-256"
            " that `qianmo list batches` shows"
        )
    return dict(zip(batches, shown, strict=True))


def _tell(bank: "Bank", verdicts: Sequence["Verdict"], wanted: str) -> None:
    """Say what was decided, and deliver what may go out now."""
    from delivery.deliver import deliver_last

    for one in verdicts:
        typer.echo(f"{one.batch_id}: {one.state}" + (f" ({one.note})" if one.note else ""))
    if any(one.changed for one in verdicts):
        deliver_last(bank, progress)
    if left := [one.batch_id for one in verdicts if one.state != wanted]:
        raise DataRefusedError(f"not {wanted}: {', '.join(left)}")


@list_app.command("power")
def list_power(
    code: Annotated[str, typer.Argument(help="List.")],
    base_rate: Annotated[float, typer.Option(help="Share that reaches the outcome without the list, 0.04 is 4 %.")],
    lift: Annotated[float | None, typer.Option(help="Instead of the expected_lift of the definition.")] = None,
    grid_rows: Annotated[int, typer.Option(help="Rows per grid, for a list that is held back by whole grids.")] = 20,
) -> None:
    """How many rows a list needs, served and control together, to show its expected lift; before anything is sent."""
    from qianmo.definitions import marketing_list
    from qianmo.lift import ALPHA, POWER, design_effect, required_rows
    from qianmo.list_lift import INTRACLUSTER

    definition = marketing_list(code)
    if not definition.holdout_share:
        raise ConfigurationError(f"{code} holds nobody back (holdout_share 0): no sample can show what it brings")
    expected = definition.expected_lift if lift is None else lift
    if not 0 <= base_rate < 1 or not 0 < base_rate + expected <= 1 or expected == 0:
        raise ConfigurationError(
            f"base rate {base_rate} and lift {expected}: expected shares whose sum is above 0 and at most 1"
        )
    by_grid = definition.holdout_unit == "grid"
    effect = float(design_effect([grid_rows], INTRACLUSTER)) if by_grid else 1.0
    needed = int(required_rows(base_rate, expected, definition.holdout_share, effect))
    typer.echo(
        f"{definition.name}: {needed:,} rows 户 show {base_rate:.2%} → {base_rate + expected:.2%} with power "
        f"{POWER:.0%} at {ALPHA:.0%}, of which {definition.holdout_share:.0%} are held back 对照组"
        + (f"; by whole grids of {grid_rows} rows, design effect {effect:.2f}" if by_grid else "")
    )


@list_app.command("lift")
def list_lift(
    ctx: typer.Context,
    code: Annotated[str, typer.Argument(help="List; `all` for all together.")],
    as_json: Json = False,
) -> None:
    """What a list brought, at its latest look: difference between served and control, interval, verdict, cost."""
    import duckdb

    from qianmo.tables import show_table
    from serving.publish import current

    with duckdb.connect(current(bank_of(ctx)), read_only=True) as connection:
        latest = connection.execute(
            "select * from marts.mart_list_lift where list_code = ?"
            " qualify business_date = max(business_date) over (partition by origin, outcome_code)"
            " order by origin, outcome_code",
            [code],
        )
        found = latest.to_arrow_table().to_pylist()
    if not found:
        raise ConfigurationError(
            f"list {code} has no approved batch yet, or there is no such list: see `qianmo list batches`"
        )
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2, default=str))
        return
    headings = ("origin 来源", "outcome 成效", "served 派发", "control 对照", "rates 达成率", "lift 增量", "95 % 区间",
                "required 所需", "verdict 结论", "cost each 单户成本")  # fmt: skip
    show_table(f"Lift of {code} 名单增量", headings, [_lift_told(row) for row in found])


def _lift_told(row: dict[str, Any]) -> tuple[str, ...]:
    """Cells of a row of mart_list_lift, rates in per cent."""

    def told(value: float | None, form: str) -> str:
        return "-" if value is None or value != value else format(value, form)

    return (
        row["origin"],
        f"{row['outcome_code']} {row['window_days']} d",
        f"{row['served_reached']:,}/{row['served_rows']:,}",
        f"{row['control_reached']:,}/{row['control_rows']:,}",
        f"{told(row['served_rate'], '.2%')} / {told(row['control_rate'], '.2%')}",
        told(row["lift"], "+.2%"),
        f"{told(row['lift_low'], '+.2%')} … {told(row['lift_high'], '+.2%')} ({row['interval_kind']})",
        told(row["required_rows"], ",.0f"),
        row["lift_verdict"],
        told(row["cost_per_incremental"], ",.0f"),
    )
