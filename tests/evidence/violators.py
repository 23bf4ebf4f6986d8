"""Nobody planted out of bounds is in any delivered file, and every batch's waterfall adds up to what was delivered.

Reads every package of a sample county of three dates (made, run and delivered here, or `--home`) with its recipient's
password, and holds its customers against the published truth: minors, refusals of the row's channel, no marketing
authorisation, overdue, staff, deceased, grey and black lists, and contacts within the rest days that are not the row's
own. A second record of the same person counts as the person. How many of each kind were eligible otherwise, on the last
date, is printed beside: a zero among nobody would say nothing.
"""

import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyzipper

from delivery.manifest import MANIFEST, Manifest, read_manifest
from delivery.password import derive_password
from delivery.sheet import CHANNELS, STATES
from qianmo.contact_policy import contact_policy
from qianmo.home import BankHome
from serving.publish import MARTS
from tests.evidence import fail, on_county

DATES = ("2026-09-28", "2026-09-29", "2026-09-30")
BANK = "sample"

_TRUTH = (
    "minors", "deceased", "staff", "grey_black", "overdue", "opt_outs", "marketing_authorisations", "contacts",
    "duplicate_customers",
)  # fmt: skip

_PEOPLE = """
create table people as
select duplicate_customer_id as customer_id, customer_id as person from duplicate_customers
"""

_VIOLATIONS = f"""
with subjects as (
    select {{table}}.*, coalesce(people.person, {{table}}.customer_id) as person,
        business_date - date '{DATES[0]}' as since
    from {{table}} left join people on {{table}}.customer_id = people.customer_id
),
told as (
    select kind, coalesce(people.person, known.customer_id) as person, since, channel, until
    from (
        select 'minor' as kind, customer_id, since, null as channel,
            cast(strptime(birth_date::varchar, '%Y%m%d') + interval 18 year as date) as until from minors
        union all select 'deceased', customer_id, since, null, null from deceased
        union all select 'staff', customer_id, since, null, null from staff
        union all select 'grey_black', customer_id, since, null, null from grey_black
        union all select 'overdue', customer_id, since, null, null from overdue
        union all select 'opted_out', customer_id, since, nullif(channel, '全部'), null from opt_outs
    ) as known left join people on known.customer_id = people.customer_id
),
grants as (
    select coalesce(people.person, known.customer_id) as person, known.* exclude (customer_id)
    from marketing_authorisations as known left join people on known.customer_id = people.customer_id
),
touches as (
    select coalesce(people.person, known.customer_id) as person, list_code, contacted
    from contacts as known left join people on known.customer_id = people.customer_id
)
select distinct told.kind, subjects.business_date, subjects.list_code, subjects.customer_id
from subjects inner join told
    on subjects.person = told.person and told.since <= subjects.since
    and (told.channel is null or told.channel = subjects.channel)
    and (told.until is null or subjects.business_date < told.until)
union
select 'not_authorised', business_date, list_code, customer_id
from subjects anti join grants
    on subjects.person = grants.person and grants.since <= subjects.since
    and grants.granted <= subjects.business_date and grants.expires > subjects.business_date
    and (grants.revoked is null or grants.revoked > subjects.business_date)
union
select distinct 'contacted', subjects.business_date, subjects.list_code, subjects.customer_id
from subjects inner join touches
    on subjects.person = touches.person and touches.contacted <= subjects.business_date
    and touches.contacted > subjects.business_date - {{rest_days}}
    and not (touches.list_code = subjects.list_code and touches.contacted > subjects.listed_date)
"""

_CHANNELS = str(CHANNELS)  # reads as a map of SQL, too

KINDS = ("minor", "opted_out", "not_authorised", "overdue", "staff", "deceased", "grey_black", "contacted")


def delivered(home: BankHome) -> pa.Table:
    """Every row in every package, but for those it calls removed."""
    rows = [
        {
            "business_date": folder.relative_to(home.delivery).parts[0],
            "recipient": manifest.recipient,
            "customer_id": row["客户号"],
            "channel": row["触达渠道"],
            "list_code": row["名单代码"],
            "batch_id": row["名单批次"],
            "listed_date": row["列入日期"],
        }
        for folder, manifest, row in _rows(home)
        if row["状态"] != STATES["removed"]
    ]
    return pa.Table.from_pylist(rows)


def _rows(home: BankHome) -> Iterator[tuple[Path, Manifest, dict[str, str]]]:
    for path in sorted(home.delivery.glob(f"*/*/*/*/{MANIFEST}")):
        manifest = read_manifest(path.parent)
        if manifest is None or not manifest.files:
            continue
        password = derive_password(BANK, manifest.recipient_type, manifest.recipient, manifest.password_period)
        with pyzipper.AESZipFile(next(path.parent.glob("*.csv.zip"))) as archive:
            archive.setpassword(password.encode())
            text = archive.read(archive.namelist()[0]).decode("utf-8-sig")
        for row in csv.DictReader(io.StringIO(text, newline="")):
            yield path.parent, manifest, row


def report(root: Path) -> None:
    """Print the figures of a county that was run to its third date; ends this script when they fall short."""
    os.environ["QIANMO_HOME"] = str(root)  # where the recipients' passwords are derived
    home = BankHome(root / BANK)
    with duckdb.connect() as connection:
        for name in _TRUTH:
            file = home.root / "truth" / f"{name}.csv"
            connection.execute(f"create table {name} as from read_csv('{file}', types={{'customer_id': 'varchar'}})")
        connection.execute(_PEOPLE)
        connection.register("files", delivered(home))
        connection.execute(
            "create table delivered as select * replace (cast(business_date as date) as business_date,"
            " cast(listed_date as date) as listed_date) from files"
        )
        _create_candidates(connection, home)
        found = {table: _kinds(connection, table) for table in ("delivered", "candidates")}
        print(f"{'violators':<16}{'eligible otherwise':>20}{'in files':>10}")
        for kind in KINDS:
            print(f"{kind:<16}{found['candidates'][kind]:>20,}{found['delivered'][kind]:>10,}")
        batches = _batches(connection, home)
        packages, rows = connection.execute(
            "select count(distinct (business_date, list_code, recipient)), count(*) from delivered"
        ).fetchall()[0]
    if nobody := [kind for kind in KINDS if not found["candidates"][kind]]:
        fail(f"nobody of kind {', '.join(nobody)} was eligible otherwise, which shows nothing: take a larger scale")
    in_files = sum(found["delivered"].values())
    if in_files:
        fail(f"{in_files} planted violators are in delivered files")
    print(
        f"{sum(found['candidates'].values()):,} violators eligible otherwise, 0 among {rows:,} rows in"
        f" {packages:,} packages; the waterfalls of {batches:,} lists and dates add up to what was delivered"
    )


def _kinds(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, int]:
    """Violations by kind: list, customer and date."""
    sql = _VIOLATIONS.format(table=table, rest_days=contact_policy().rest_days)
    counted = dict(connection.execute(f"select kind, count(*) from ({sql}) group by 1").fetchall())
    return {kind: int(counted.get(kind, 0)) for kind in KINDS}


def _create_candidates(connection: duckdb.DuckDBPyConnection, home: BankHome) -> None:
    """Table `candidates`: who was eligible for a list on the last date, as a new row of it."""
    connection.execute(f"attach '{home.warehouse}' as warehouse (read_only)")
    connection.execute(
        f"""
        create table candidates as
        select
            candidate.business_date, candidate.core_customer_id as customer_id, candidate.list_code,
            map {_CHANNELS}[definition.channel] as channel,
            candidate.business_date as listed_date
        from warehouse.{MARTS}.mart_list_candidate as candidate
        inner join warehouse.intermediate.int_list__definition as definition using (list_code)
        where candidate.core_customer_id is not null
        """
    )


def _batches(connection: duckdb.DuckDBPyConnection, home: BankHome) -> int:
    """How many lists and dates there were; ends this script where a waterfall does not add up to what was delivered."""
    wrong = connection.execute(
        f"""
        with waterfalls as (
            select
                business_date, list_code,
                sum(remaining) filter (where step_code = 'start') as start,
                sum(removed) as removed,
                sum(remaining) filter (where step_code = 'delivered') as remained
            from warehouse.{MARTS}.mart_list_waterfall group by all
        ),
        handed as (
            select business_date, list_code, count(distinct customer_id) as rows
            from delivered where listed_date = business_date group by all
        )
        select waterfalls.* from waterfalls left join handed using (business_date, list_code)
        where start <> removed + remained or remained <> coalesce(rows, 0)
        """
    ).fetchall()
    if wrong:
        fail(f"waterfalls that do not add up to what was delivered (date, list, start, removed, remained): {wrong[:5]}")
    return int(
        connection.execute(
            f"select count(distinct (business_date, list_code)) from warehouse.{MARTS}.mart_list_waterfall"
        ).fetchall()[0][0]
    )


def main() -> None:
    on_county(__doc__, "0.01", "some 11,000 customers", DATES, report)


if __name__ == "__main__":
    main()
