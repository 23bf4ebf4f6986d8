"""`qianmo list …`: definitions, batches, their approval, and what became of them.

Imports of what a command does stay inside it, as in qianmo/cli.py.
"""

import json
from datetime import date, datetime
from typing import Annotated

import typer

from qianmo.command_options import Json, bank_of

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
    columns = ("batch_id", "rows", "holdout_rows", "state", "expires_at", "decided_by", "decision", "content_sha256")
    headings = ("batch 批次", "rows 户数", "holdout 对照组", "state 状态", "expires 审批截止", "by 审批人", "how 方式",
                "content 内容摘要")  # fmt: skip
    show_table("Batches of lists 名单批次", headings, [tuple(batch[c] for c in columns) for batch in batches])


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
    from qianmo.errors import ConfigurationError
    from qianmo.list_checks import expired
    from qianmo.materials import materials

    found = lists()
    if faults := expired(found, materials(), day.date() if day else date.today()):
        raise ConfigurationError("\n".join(faults))
    typer.echo(f"{len(found)} lists, no fault")
