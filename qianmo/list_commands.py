"""`qianmo list …`: definitions, batches, their approval, and what became of them.

Imports of what a command does stay inside it, as in qianmo/cli.py.
"""

import json

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
