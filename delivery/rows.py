"""The rows of a business date's lists in the published marts, grouped into one package per list and recipient."""

import json
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb

from delivery.password import RecipientType
from qianmo.errors import DataRefusedError

HEAD_OFFICE = "head_office"
"""Recipient of rows without a branch; a bank without a branch network has no other."""

_PLACEABLE = re.compile(r"[\w-][\w.-]*")
"""Recipients name folders and files."""

_ROWS = """
select
    list.business_date, list.list_code, list.list_name, list.batch_id, list.list_rank, list.customer_id,
    list.core_customer_id, list.branch_code, list.branch_name, list.manager_id, list.manager_name,
    list.grid_name, list.market_type, list.segment_name, list.product_name, list.channel, list.reason,
    list.playbook, list.valid_until, customer.name_key, customer.phone_key,
    coalesce(manager.branch_code, list.branch_code) as manager_branch_code
from marts.mart_marketing_list as list
inner join marts.dim_customer as customer on list.customer_id = customer.customer_id
left join marts.dim_manager as manager on list.manager_id = manager.manager_id
where list.business_date = ? and not list.is_holdout
order by list.list_code, list.branch_code, list.manager_id nulls last, list.list_rank, list.customer_id
"""

Row = dict[str, Any]


@dataclass(frozen=True)
class PackageRows:
    """The rows of one list for one recipient; `folder` is relative to the deliveries of the date."""

    list_code: str
    recipient_type: RecipientType
    recipient: str
    recipient_name: str
    folder: Path
    rows: Sequence[Row]

    @property
    def batch_id(self) -> str:
        return str(self.rows[0]["batch_id"])

    @property
    def delivery_id(self) -> str:
        return f"{self.batch_id}.{self.recipient_type}.{self.recipient}"

    @property
    def source_sha256(self) -> str:
        """Of the rows with surrogates for names and phones: equal rows need no look into the vault to be known."""
        return sha256(json.dumps(self.rows, default=str, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def read_packages(
    marts: Path, business_date: date, recipients: dict[str, Sequence[RecipientType]]
) -> list[PackageRows]:
    """Every package of the date, in order of list and recipient; holdout rows are in none.

    `recipients` gives the kinds of recipient of each list code.

    Raises:
        DataRefusedError: the file holds no lists of the date, or rows of a list without definition.
    """
    with duckdb.connect(marts, read_only=True) as connection:
        built = connection.execute(
            "select count(*) from marts.mart_list_waterfall where business_date = ?", [business_date]
        ).fetchone()
        if not built or not built[0]:
            raise DataRefusedError(f"{marts.name} holds no lists of {business_date}: build and publish that date first")
        cursor = connection.execute(_ROWS, [business_date])
        names = [column[0] for column in cursor.description or ()]
        found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    if unknown := sorted({row["list_code"] for row in found} - set(recipients)):
        raise DataRefusedError(
            f"{marts.name} holds rows of {', '.join(unknown)}, which no file in dbt_project/definitions/lists defines"
        )
    groups: dict[tuple[str, RecipientType, str], list[Row]] = defaultdict(list)
    for row in found:
        if "branch" in recipients[row["list_code"]]:
            groups[row["list_code"], "branch", row["branch_code"] or HEAD_OFFICE].append(row)
        if "manager" in recipients[row["list_code"]] and row["manager_id"]:
            groups[row["list_code"], "manager", row["manager_id"]].append(row)
    return [_package(*key, rows) for key, rows in sorted(groups.items())]


def _package(list_code: str, recipient_type: RecipientType, recipient: str, rows: list[Row]) -> PackageRows:
    first = rows[0]
    if recipient_type == "branch":
        name = first["branch_name"] or "总行"
        folder = Path(list_code, recipient, "branch")
    else:
        name = first["manager_name"] or recipient
        folder = Path(list_code, first["manager_branch_code"] or HEAD_OFFICE, recipient)
    for part in folder.parts:
        if not _PLACEABLE.fullmatch(part):
            raise DataRefusedError(f"list {list_code}: {part!r} cannot name a folder: mend the branch or employee code")
    return PackageRows(list_code, recipient_type, recipient, name, folder, rows)
