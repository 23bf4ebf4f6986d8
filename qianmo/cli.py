"""The `qianmo` command: each step of a day by hand, a whole day, and what became of it.

Exit codes: 0 done; 1 data refused (with the reason); 2 wrong use or configuration; 3 a gate or tool broke.
Imports of the steps stay inside the commands, so that `qianmo --help` answers at once.
"""

import json
import warnings
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qianmo.command_options import Day, Json, bank_folder, bank_of, progress
from qianmo.errors import ConfigurationError, QianmoError
from qianmo.list_commands import list_app

if TYPE_CHECKING:
    from ingestion.bank import Bank

INTERRUPTED = 130

# The embedded PostgreSQL's package says this on import, on every machine without a login session.
warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")


class _Group(typer.core.TyperGroup):
    """Shows our errors as one message on stderr, with their exit code; never as a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except QianmoError as error:
            typer.echo(f"qianmo: {error}", err=True)
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            typer.echo("qianmo: interrupted", err=True)
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    add_completion=False,
    help="Qianmo 阡陌: precision marketing for a county rural commercial bank. Exit codes: 0 done, 1 data refused, "
    "2 wrong use or configuration, 3 a gate or tool broke.",
)
keys_app = typer.Typer(no_args_is_help=True, help="Secrets of this installation.")
vault_app = typer.Typer(no_args_is_help=True, help="The vault of raw names, ID numbers, phones, accounts, addresses.")
deliver_app = typer.Typer(invoke_without_command=True, help="Marketing lists per recipient.")
superset_app = typer.Typer(no_args_is_help=True, help="Superset's assets, roles and row filters.")
explain_app = typer.Typer(no_args_is_help=True, help="Why something is as it is published.")
quarantine_app = typer.Typer(no_args_is_help=True, help="Rows that were rejected: see them, mend, release them.")
identity_app = typer.Typer(no_args_is_help=True, help="How records are linked to persons.")
plan_app = typer.Typer(no_args_is_help=True, help="Plans and targets 计划与目标.")
app.add_typer(identity_app, name="identity")
app.add_typer(keys_app, name="keys")
app.add_typer(vault_app, name="vault")
app.add_typer(quarantine_app, name="quarantine")
app.add_typer(superset_app, name="superset")
app.add_typer(deliver_app, name="deliver")
app.add_typer(explain_app, name="explain")
app.add_typer(plan_app, name="plan")
app.add_typer(list_app, name="list")

OptionalSource = Annotated[str | None, typer.Option("--source", help="One source family; all when left out.")]


@app.callback()
def main(
    ctx: typer.Context,
    bank: Annotated[
        str, typer.Option(envvar="QIANMO_BANK", help="Bank folder: the sources and mappings of one bank.")
    ] = "banks/sample",
) -> None:
    ctx.obj = bank


@keys_app.command("init")
def keys_init() -> None:
    """Write QIANMO_HOME/keys.env with fresh random keys, unless it is there."""
    from qianmo.settings import create_keys

    typer.echo(create_keys())


@keys_app.command("show")
def keys_show(as_json: Json = False) -> None:
    """Ids of the vault and surrogate keys, since when they are used and how many files need each; never a key.

    A key that is "missing" is needed by files and set nowhere.
    """
    from qianmo.key_rotation import key_states
    from qianmo.tables import show_table

    states = key_states()
    if as_json:
        typer.echo(json.dumps([asdict(state) for state in states], indent=2))
        return
    headings = ("kind 种类", "key id 密钥号", "state 状态", "first used 始用", "last used 末用", "files 文件数")
    show_table("Keys 密钥", headings, [tuple(asdict(state).values()) for state in states])


class RotatedKey(StrEnum):
    """What `qianmo keys rotate` can rotate."""

    vault = "vault"
    surrogate = "surrogate"


@keys_app.command("rotate")
def keys_rotate(kind: RotatedKey) -> None:
    """Make a new key and write every file of every bank with it; killed, it goes on where it was when run again.

    vault: each file of vault, quarantine and database extracts is encrypted again. The previous key stays in
    QIANMO_VAULT_KEYS_PREVIOUS, so everything stays readable meanwhile.

    surrogate: each `*_key` column of landing and the vault is made anew, and the warehouse is to be built from its
    first date on (builds are refused until the rotation is finished). Customer ids are P and 16 hex digits of a
    surrogate, so they all change: delivered lists, saved filters and notes hold the old ones, holdout groups drawn by
    hash are drawn anew, and reviews of links must be repeated. Marts published before stay deliverable while the
    previous key is in QIANMO_SURROGATE_KEYS_PREVIOUS. Do it when the key may have leaked, not by calendar.
    """
    from qianmo.key_rotation import rotate

    done = rotate(kind.value, progress)
    typer.echo(f"{done.kind} key {done.key_id}: {done.files} files written")
    if kind is RotatedKey.surrogate:
        typer.echo("customer ids change: build and publish again with `qianmo run --date <last business date>`")
    if done.previous:
        typer.echo(f"still set: {', '.join(done.previous)}; when all is well, `qianmo keys drop-previous {kind}`")


@keys_app.command("drop-previous")
def keys_drop_previous(kind: RotatedKey) -> None:
    """Take the previous keys of a kind out of the keys file; refused while files or published marts need them."""
    from qianmo.key_rotation import drop_previous

    dropped = drop_previous(kind.value)
    typer.echo(f"dropped: {', '.join(dropped) or 'none, there was none'}")


@identity_app.command("train")
def identity_train(
    ctx: typer.Context, seed: Annotated[int, typer.Option(help="The same seed gives the same figures.")] = 1
) -> None:
    """Estimate the parameters of linkage anew from the built warehouse; writes a proposal, changes no link.

    Review the file against dbt_project/definitions/linkage.yml and take over what is right.
    """
    from qianmo.linkage import train

    typer.echo(train(bank_of(ctx).home, seed))


@vault_app.command("log")
def vault_log(ctx: typer.Context, as_json: Json = False) -> None:
    """Every use of the vault: when, by whom, for whom, what for, which kinds, how many were asked for and read."""
    from qianmo import ledger
    from qianmo.tables import show_table

    accesses = ledger.rows(bank_of(ctx).home, ledger.vault_access)
    if as_json:
        typer.echo(json.dumps(accesses, ensure_ascii=False, indent=2))
        return
    columns = ("recorded_at", "os_user", "recipient", "purpose", "kinds", "values_asked", "values_read")
    headings = ("when 时间", "who 操作人", "for 接收方", "purpose 用途", "kinds 种类", "asked 请求", "read 读出")
    show_table("Uses of the vault 保险库使用记录", headings, [tuple(row[c] for c in columns) for row in accesses])


@app.command(
    "sample",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
)
def sample(ctx: typer.Context) -> None:
    """The sample county: `sample generate` writes the sources of a made-up bank (`sample --help`)."""
    from sample_county.cli import app as sample_app

    sample_app(ctx.args, prog_name="qianmo sample")


@app.command()
def land(ctx: typer.Context, day: Day, source: OptionalSource = None) -> None:
    """Land a business date: decode, reconcile, quarantine, split off raw identifiers, once."""
    from ingestion.land import land as land_source

    loaded = bank_of(ctx)
    refused: list[str] = []
    for name in _sources(loaded, source):
        try:
            land_source(loaded, name, day.date(), progress)
        except QianmoError as error:
            if error.exit_code != 1:
                raise
            refused.append(f"{name}: {error}")
    _refuse(refused)


TableName = Annotated[str, typer.Argument(metavar="SOURCE.TABLE", help="Table as `quarantine list` names it.")]
Reason = Annotated[str | None, typer.Option("--reason", help="Only rows of this reason, such as type or encoding.")]


@quarantine_app.command("list")
def quarantine_list(
    ctx: typer.Context,
    source: OptionalSource = None,
    table: Annotated[str | None, typer.Option("--table", help="One table, without its source.")] = None,
    day: Annotated[datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="Business date.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON list on stdout.")] = False,
) -> None:
    """How many rows are in quarantine, by table, date, column and reason."""
    from qianmo.quarantine import show_counts

    loaded = bank_of(ctx)
    if source:
        _sources(loaded, source)
    show_counts(loaded, source, table, day.date() if day else None, as_json)


@quarantine_app.command("show")
def quarantine_show(
    ctx: typer.Context,
    name: TableName,
    day: Day,
    reason: Reason = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Rows to print.")] = 20,
    raw: Annotated[bool, typer.Option("--raw", help="Print the rows as delivered; recorded in the ledger.")] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", help="Write all rows as CSV for correcting; recorded in the ledger."),
    ] = None,
) -> None:
    """Quarantined rows: file, line, column, reason, and the shape of the row (9 a digit, A a letter, 字 any other)."""
    from qianmo.quarantine import show_rows, write_rows

    if output:
        write_rows(bank_of(ctx), name, day.date(), reason, output)
    else:
        show_rows(bank_of(ctx), name, day.date(), reason, limit, raw)


@quarantine_app.command("release")
def quarantine_release(
    ctx: typer.Context,
    name: TableName,
    day: Day,
    reason: Reason = None,
    corrected: Annotated[
        Path | None,
        typer.Option("--file", help="A corrected file that `show --output` wrote; only its rows are tried."),
    ] = None,
) -> None:
    """Try quarantined rows again after a fix, or with corrected values; what passes is added to the landed batch."""
    from qianmo.quarantine import release_rows

    release_rows(bank_of(ctx), name, day.date(), reason, corrected)


@app.command()
def check(
    ctx: typer.Context,
    day: Day,
    source: OptionalSource = None,
    marts: Annotated[bool, typer.Option("--marts", help="Gate 2 (the built marts) instead of gate 1.")] = False,
) -> None:
    """Gate 1 on what landed, or gate 2 on the marts: a failed critical expectation refuses."""
    from expectations.landing import check_landing
    from expectations.marts import check_marts

    loaded = bank_of(ctx)
    if marts:
        check_marts(loaded, day.date())
        return
    refused: list[str] = []
    for name in _sources(loaded, source):
        progress(f"{name}: gate 1")
        try:
            check_landing(loaded, name, day.date())
        except QianmoError as error:
            if error.exit_code != 1:
                raise
            refused.append(str(error))
    _refuse(refused)


@app.command()
def build(ctx: typer.Context, day: Day) -> None:
    """Build the warehouse as of a business date; the same inputs again do nothing."""
    from qianmo.build import build as build_date

    build_date(bank_of(ctx), day.date(), progress)


@app.command()
def publish(ctx: typer.Context, day: Day) -> None:
    """Place an immutable version of the marts and move the pointer."""
    from serving.publish import publish as publish_marts

    typer.echo(publish_marts(bank_of(ctx), day.date()).version)


@app.command()
def rollback(
    ctx: typer.Context, version: Annotated[str, typer.Argument(help="A version `qianmo status` shows.")]
) -> None:
    """Point at an earlier published version again."""
    from serving.publish import roll_back

    typer.echo(roll_back(bank_of(ctx), version).version)


@superset_app.command("load")
def superset_load(ctx: typer.Context) -> None:
    """Bring Superset's datasets, dashboards, roles and row filters to what the code says."""
    from serving.superset.load import load

    bank = bank_of(ctx)
    load(bank, progress, bank.home.dbt_manifest)


@deliver_app.callback()
def deliver(
    ctx: typer.Context,
    day: Annotated[datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="Business date.")] = None,
) -> None:
    """Propose the day's batches, and write what is approved per recipient: encrypted, with manifest and ledger row."""
    if ctx.invoked_subcommand is not None:
        return
    if day is None:
        raise ConfigurationError("deliver needs --date YYYY-MM-DD")
    from delivery.deliver import hand_over

    hand_over(bank_of(ctx), day.date(), progress)


@deliver_app.command("password")
def deliver_password(
    ctx: typer.Context,
    recipient: Annotated[str, typer.Argument(help="Branch code or employee number.")],
    day: Day,
) -> None:
    """Print the password of a recipient's files of the date; each look-up is recorded."""
    from delivery.password import passwords

    for kind, password in passwords(bank_of(ctx), recipient, day.date()).items():
        typer.echo(f"{kind} {recipient}: {password}")


@explain_app.command("customer")
def explain_customer(
    ctx: typer.Context,
    customer: Annotated[str, typer.Argument(metavar="ID", help="Customer id (P…, E…, C…, R…) or core number 客户号.")],
    day: Annotated[
        datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="An earlier published business date.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Which tags a customer has, since when and why, which records made the customer, relations and grids."""
    from qianmo.explain import as_json as explanation_json
    from qianmo.explain import explain, show

    found = explain(bank_of(ctx), customer, day.date() if day else None)
    if as_json:
        typer.echo(explanation_json(found))
    else:
        show(found)


@plan_app.command("lint")
def plan_lint(
    ctx: typer.Context,
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="A plan file (YAML).")] = None,
    targets: Annotated[
        bool, typer.Option("--targets", help="The landed targets as last published, instead of a file.")
    ] = False,
) -> None:
    """Report a plan whose parts do not add up, with both values; ends with 1 when there is something to report.

    A plan file has a title and any of these lists. Each entry has a name and a source, the place that states it.

    totals: stated, unit, parts (name, value, and times where it is a figure per head)

    figures: organisation, period, value, unit

    phases: weights such as 4:3:3:2, weights_divide (time or work), phases (name, first_month, last_month)

    terms: subject, items

    schedules: days, stages (name, days)

    Example: tests/qianmo/plans/seeds.yml.
    """
    from qianmo.plan import contradictions, load_plan, report, target_contradictions

    if (file is None) != targets:
        raise ConfigurationError("plan lint needs a FILE or --targets")
    if file is None:
        report("已下达目标", target_contradictions(bank_of(ctx)))
    else:
        plan = load_plan(file)
        report(plan.title, contradictions(plan))


@app.command()
def run(ctx: typer.Context, day: Day) -> None:
    """A whole business date: land, gate 1, build, gate 2, publish, deliver."""
    from qianmo.day import run as run_day

    run_day(bank_of(ctx), day.date(), progress)


@app.command()
def status(
    ctx: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False
) -> None:
    """What landed, was built, checked, published and delivered, per business date."""
    from qianmo.status import show
    from qianmo.status import status as read_status

    found = read_status(bank_of(ctx))
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        show(found)


@app.command()
def retention(
    ctx: typer.Context,
    day: Annotated[
        datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="As of this date; today when left out.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be deleted.")] = False,
) -> None:
    """Delete what was kept long enough (`retention` in bank.yml), and put its SHA-256 into the ledger.

    Packages and their copies at the delivery target, frozen batches, quarantined rows and superseded files; never what
    is still valid or needed.
    """
    from qianmo.retention import delete_expired, expired, today

    bank = bank_of(ctx)
    as_of = day.date() if day else today(bank)
    if dry_run:
        found = expired(bank, as_of)
        for one in found:
            name = one.path.relative_to(bank.home.root)
            typer.echo(f"{name}: kept since {one.since}, retention.{one.policy} {one.days} days")
        typer.echo(f"{len(found)} would be deleted as of {as_of}")
        return
    typer.echo(f"{delete_expired(bank, as_of, progress)} deleted as of {as_of}; proof in the ledger, table deletion")


class Place(StrEnum):
    """What `qianmo where` can point at."""

    marts = "marts"
    home = "home"
    data_docs = "data-docs"
    delivery = "delivery"


@app.command()
def where(ctx: typer.Context, place: Place) -> None:
    """Print a path: the published marts (DuckDB), the bank's data, the gates' Data Docs, the delivered lists."""
    bank = bank_of(ctx)
    if place is Place.marts:
        from serving.publish import current

        typer.echo(current(bank))
        return
    places = {Place.home: bank.home.root, Place.data_docs: bank.home.data_docs, Place.delivery: bank.home.delivery}
    typer.echo(places[place])


@app.command()
def demo(ctx: typer.Context) -> None:
    """Three business dates of the sample county through Airflow, into Superset."""
    from qianmo.demo import demo as run_demo

    run_demo(bank_folder(ctx), progress)


@app.command()
def serve(ctx: typer.Context) -> None:
    """Airflow and Superset on this machine, until Ctrl-C."""
    from qianmo.serve import serve as run_services

    run_services(bank_folder(ctx), progress)


class Bench(StrEnum):
    """What `qianmo bench` measures."""

    landing = "landing"
    county = "county"
    tags = "tags"


@app.command()
def bench(
    only: Annotated[Bench | None, typer.Option(help="One of the three; all when left out.")] = None,
) -> None:
    """Measure landing against its floor, counts of tag combinations, and a county's days, in a scratch folder."""
    from qianmo.bench import bench as run_bench
    from qianmo.bench_landing import bench_landing
    from qianmo.bench_tags import bench_tags

    kept = True
    if only in (None, Bench.landing):
        kept &= bench_landing(progress)
    if only in (None, Bench.tags):
        kept &= bench_tags(progress)
    if only in (None, Bench.county):
        run_bench(progress)
    if not kept:
        raise typer.Exit(1)


@app.command()
def lint() -> None:
    """SQL style and layer rules of the dbt project."""
    from qianmo.lint import lint as run_lint

    run_lint(progress)


def _sources(bank: "Bank", source: str | None) -> list[str]:
    if source is None:
        return list(bank.sources)
    if source not in bank.sources:
        raise ConfigurationError(f"bank {bank.name} has no source {source}; it has {', '.join(bank.sources)}")
    return [source]


def _refuse(messages: list[str]) -> None:
    if messages:
        from qianmo.errors import DataRefusedError

        raise DataRefusedError("\n".join(messages))


__all__ = ["app"]
