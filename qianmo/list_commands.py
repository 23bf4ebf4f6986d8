"""`qianmo list …`: definitions, batches, their approval, and what became of them.

Imports of what a command does stay inside it, as in qianmo/cli.py.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qianmo.command_options import Json, bank_of, progress
from qianmo.errors import ConfigurationError, DataRefusedError

if TYPE_CHECKING:
    from delivery.approval import Verdict
    from ingestion.bank import Bank

LEAST_DIGITS, SHOWN_DIGITS = 8, 12
"""Of a SHA-256: to be given with a decision, and shown."""

list_app = typer.Typer(no_args_is_help=True, help="Marketing lists 精准营销名单: definitions, batches, effect.")


@list_app.command("batches")
def list_batches(ctx: typer.Context, as_json: Json = False) -> None:
    """Every batch: rows, control group, state, until when it can be approved, who decided and the content's SHA-256."""
    from qianmo import ledger
    from qianmo.tables import show_table

    batches = ledger.rows(bank_of(ctx).home, ledger.list_batch)
    if as_json:
        typer.echo(json.dumps(batches, ensure_ascii=False, indent=2))
        return
    columns = ("batch_id", "rows", "holdout_rows", "state", "expires_at", "decided_by", "decision")
    headings = ("batch 批次", "rows 户数", "holdout 对照组", "state 状态", "expires 审批截止", "by 审批人", "how 方式",
                "content 内容摘要")  # fmt: skip
    show_table(
        "Batches of lists 名单批次",
        headings,
        [(*(batch[c] for c in columns), batch["content_sha256"][:SHOWN_DIGITS]) for batch in batches],
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
        missing = f", {one.names_missing} names are not in the vault any more" if one.names_missing else ""
        verdict = "same 一致" if one.same else f"DIFFERENT 不一致{missing}"
        typer.echo(f"{one.delivery_id}: {one.rows} rows, {one.removed_rows} removed: {verdict}")
    different = sum(not one.same for one in made)
    if different:
        raise DataRefusedError(
            f"{different} of {len(made)} packages of {batch} differ from what was delivered: other versions of the code"
            " that writes them, or values that left the vault"
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
