"""The rows of each package of a business date: what is open for a recipient, what is new, and what was taken away."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from delivery.password import RecipientType
from qianmo.errors import DataRefusedError

HEAD_OFFICE = "head_office"
"""Recipient of rows without a branch; a bank without a branch network has no other."""

_PLACEABLE = re.compile(r"[\w-][\w.-]*")
"""Recipients name folders and files."""

_SHOWN = """
    list.list_code, list.list_name, list.batch_id, list.row_id, list.listed_date, list.list_rank, list.customer_id,
    list.core_customer_id, list.branch_code, list.branch_name, list.manager_id, list.manager_name, list.grid_name,
    list.market_type, list.segment_name, list.product_name, list.channel, list.reason, list.score, list.score_reason,
    list.valid_until, customer.name_key, customer.phone_key,
    coalesce(manager.branch_code, list.branch_code) as manager_branch_code
"""
_FROM_MARTS = f"""
    select {_SHOWN}
    from mart_marketing_list as list
    inner join dim_customer as customer on list.customer_id = customer.customer_id
    left join dim_manager as manager on list.manager_id = manager.manager_id
    where list.business_date = $day and not list.is_holdout
"""

PROPOSED_ROWS = f"""
with shown as ({_FROM_MARTS} and list.list_code = $list_code and list.batch_id = $batch_id)
select *, sha256(to_json(shown)::varchar) as row_sha256 from shown order by row_id
"""
"""Rows that a batch opened and that are to be delivered. Parameters: day, list_code, batch_id; of schema `marts`."""

_RECEIVED = f"""
create temp table received as
with

shown as ({_FROM_MARTS}),

-- A row of the date's own batch goes out as it was approved; one of an earlier batch may have a new grid or rank.
permitted as (
    select shown.*
    from shown
    semi join approved
        on
            shown.row_id = approved.row_id
            and (
                sha256(to_json(shown)::varchar) = approved.row_sha256
                or shown.batch_id <> shown.list_code || '-' || strftime($day, '%Y%m%d')
            )
)

select
    permitted.*,
    recipients.recipient_type,
    case recipients.recipient_type
        when 'branch' then coalesce(permitted.branch_code, '{HEAD_OFFICE}') else permitted.manager_id
    end as recipient
from permitted
inner join recipients on permitted.list_code = recipients.list_code
where recipients.recipient_type = 'branch' or permitted.manager_id is not null
"""

_HELD = """
create temp table held as
select
    *, cast(null as varchar) as state, cast(null as date) as removed_on, cast(null as varchar) as removal_reason,
    cast(null as boolean) as is_before
from received
limit 0
"""

_HOLD = """
insert into held by name
select columns(name -> list_contains($columns, name)), $is_before as is_before
from read_parquet($file) as packed
where packed.delivery_id in (select unnest($delivery_ids)) and (not $is_before or packed.state <> 'removed')
"""
"""Rows that recipients have of an earlier package; of the date's own, which is to be replaced, its removals too."""

_PACKAGES = """
with

before as (
    select distinct recipient_type, recipient, row_id from held where is_before
),

open_rows as (
    select
        received.*,
        if(before.row_id is null, 'new', 'open') as state,
        cast(null as date) as removed_on,
        cast(null as varchar) as removal_reason
    from received
    left join before
        on
            received.recipient_type = before.recipient_type
            and received.recipient = before.recipient
            and received.row_id = before.row_id
),

closed as (
    select
        row_id,
        arg_max(close_reason_name, business_date) as close_reason_name,
        max(business_date) as closed_on
    from mart_list_removal
    where business_date <= $day
    group by row_id
),

gone as (
    select * from held
    anti join received
        on
            held.recipient_type = received.recipient_type
            and held.recipient = received.recipient
            and held.row_id = received.row_id
    qualify row_number() over (partition by recipient_type, recipient, row_id order by is_before desc) = 1
),

removed_rows as (
    select
        gone.* replace (
            'removed' as state,
            coalesce(closed.closed_on, $day) as removed_on,
            coalesce(closed.close_reason_name, '不再由您跟进') as removal_reason
        )
    from gone
    left join closed on gone.row_id = closed.row_id
),

together as (
    select * from open_rows
    union all by name
    select * exclude (is_before) from removed_rows
),

named as (
    select
        *,
        list_code || '-' || strftime($day, '%Y%m%d') || '.' || recipient_type || '.' || recipient as delivery_id
    from together
)

-- Nothing new and nothing removed is no package, unless one of the date is there and may say something else.
select *
from named
qualify
    bool_or(state <> 'open') over (partition by delivery_id) or delivery_id in (select unnest($standing))
order by
    list_code, recipient_type, recipient, state = 'removed', branch_code, manager_id nulls last, state = 'open',
    list_rank, row_id
"""

Row = dict[str, Any]


@dataclass(frozen=True)
class PackageRows:
    """The rows of one list for one recipient; `folder` is relative to the deliveries of the date."""

    delivery_id: str
    list_code: str
    recipient_type: RecipientType
    recipient: str
    recipient_name: str
    folder: Path
    rows: Sequence[Row]
    """Open rows first, then removed ones (`state` new, open or removed)."""

    @property
    def open_rows(self) -> Sequence[Row]:
        return [row for row in self.rows if row["state"] != "removed"]

    @property
    def removed_rows(self) -> Sequence[Row]:
        return [row for row in self.rows if row["state"] == "removed"]


def read_packages(
    marts: Path,
    business_date: date,
    recipients: Mapping[str, Sequence[RecipientType]],
    approved: Sequence[Path],
    held: Mapping[Path, Sequence[str]],
    standing: Mapping[Path, Sequence[str]],
) -> pa.Table:
    """Rows of every package of the date, in the order in which they are shown.

    `recipients` gives the kinds of recipient of each list code and `approved` the files of approved rows. `held` and
    `standing` give, by file of packages, the ids of deliveries: of the last before the date of each recipient and
    list, and of those of the date that are in place already.
    """
    with duckdb.connect() as connection:
        connection.execute(f"attach '{marts}' as published (read_only)")
        connection.execute("use published.marts")
        kinds = [{"list_code": code, "recipient_type": kind} for code, all_of in recipients.items() for kind in all_of]
        connection.register("recipients", _texts(kinds, ("list_code", "recipient_type")))
        connection.register("approved", _approved(connection, approved))
        connection.execute(_RECEIVED, {"day": business_date})
        connection.execute(_HELD)
        columns = [row[0] for row in connection.execute("describe held").fetchall()]
        for is_before, files in ((True, held), (False, standing)):
            for path, delivery_ids in files.items():
                asked = {"file": str(path), "delivery_ids": list(delivery_ids), "is_before": is_before}
                connection.execute(_HOLD, asked | {"columns": columns})
        placed = [one for delivery_ids in standing.values() for one in delivery_ids]
        return connection.execute(_PACKAGES, {"day": business_date, "standing": placed}).to_arrow_table()


def _texts(rows: Sequence[Mapping[str, str]], columns: Sequence[str]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), pa.schema([(name, pa.string()) for name in columns]))


def _approved(connection: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> pa.Table:
    if not files:
        return _texts([], ("row_id", "row_sha256"))
    statement = "select distinct row_id, row_sha256 from read_parquet(?)"
    return connection.execute(statement, [[str(path) for path in files]]).to_arrow_table()


def packages(rows: pa.Table) -> list[PackageRows]:
    """Rows, as `read_packages` gives them or as they were frozen, by package.

    Raises:
        DataRefusedError: a recipient's code cannot name a folder.
    """
    return [_package(list(of_one)) for _, of_one in groupby(rows.to_pylist(), key=itemgetter("delivery_id"))]


def _package(rows: list[Row]) -> PackageRows:
    first = rows[0]
    list_code, recipient = first["list_code"], first["recipient"]
    recipient_type: RecipientType = first["recipient_type"]
    if recipient_type == "branch":
        name = first["branch_name"] or "总行"
        folder = Path(list_code, recipient, "branch")
    else:
        name = first["manager_name"] or recipient
        folder = Path(list_code, first["manager_branch_code"] or HEAD_OFFICE, recipient)
    for part in folder.parts:
        if not _PLACEABLE.fullmatch(part):
            raise DataRefusedError(f"list {list_code}: {part!r} cannot name a folder: mend the branch or employee code")
    return PackageRows(first["delivery_id"], list_code, recipient_type, recipient, name, folder, rows)
