"""`qianmo explain customer`: why one customer is as published: tags, suppressions, records, grids and relations.

Everything is read from the published marts, so identifiers are masked and the sentences are those that
business users see.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING

import duckdb
import yaml
from rich.table import Table

from qianmo.definitions import DBT_PROJECT
from qianmo.errors import ConfigurationError
from qianmo.tables import terminal

if TYPE_CHECKING:
    from ingestion.bank import Bank

_IN_FORCE = "valid_from <= $day and (valid_to is null or valid_to > $day)"


@dataclass(frozen=True)
class Item:
    """A tag, a suppression, a source record (link) or a grid, and why."""

    kind: str
    code: str
    name: str
    subject: str
    since: date
    until: date | None
    why: str
    evidence: str | None
    rule_version: str | None


@dataclass(frozen=True)
class Relation:
    """Another customer, and what that one is to this one."""

    customer_id: str
    customer: str
    relation_type: str
    relation_name: str
    role: str
    role_name: str
    since: date | None
    why: str


@dataclass(frozen=True)
class Explanation:
    """What is known of a customer as of a date."""

    as_of: date
    version: str
    customer_id: str
    customer: str
    """Core number and masked name."""
    moved_from: str | None
    """The id asked for, where its records have since become this customer."""
    attributes: dict[str, str]
    """Profile, Chinese name to value; empty for an earlier date, of which none is kept."""
    items: list[Item]
    """In force on the date."""
    removed: list[Item]
    relations: list[Relation]
    """As published, without those that began after the date."""


def explain(bank: "Bank", asked: str, as_of: date | None = None) -> Explanation:
    """Explain a customer by customer id (P…, E…, C…, R…) or core customer number 客户号, from what is published now.

    Raises:
        ConfigurationError: nothing is published, the date is outside the published history, or nobody has that id.
    """
    from serving.publish import current, current_publication

    file, publication = current(bank), current_publication(bank)
    assert publication is not None  # noqa: S101 (current() refuses when there is none)
    published = date.fromisoformat(publication.business_date)
    with duckdb.connect(str(file), read_only=True) as connection:
        connection.execute("set schema = 'marts'")
        [(first,)] = connection.execute("select min(valid_from) from fct_identity_link").fetchall()
        day = as_of or published
        if first is None or not first <= day <= published:
            raise ConfigurationError(
                f"nothing to read as of {day}: the history of publication {publication.version} covers"
                f" {first} to {published}"
            )
        customer_id, moved_from = _resolved(connection, asked, day)
        items = _items(connection, customer_id, day)
        return Explanation(
            as_of=day,
            version=publication.version,
            customer_id=customer_id,
            customer=_title(connection, customer_id),
            moved_from=moved_from,
            attributes=_attributes(connection, customer_id) if day == published else {},
            items=[item for item in items if item.until is None or item.until > day],
            removed=[item for item in items if item.until is not None and item.until <= day],
            relations=_relations(connection, customer_id, day),
        )


def _resolved(connection: duckdb.DuckDBPyConnection, asked: str, day: date) -> tuple[str, str | None]:
    """The customer id that answers to what was asked, and the former id when it is one."""
    found = connection.execute(
        f"""
        select customer_id, null as former from fct_identity_link where customer_id = $asked and {_IN_FORCE}
        union all
        select customer_id, null from fct_identity_link
        where source_table = 'core.customer' and source_key = $asked and {_IN_FORCE}
        union all
        select customer_id, former_customer_id from fct_customer_moved
        where former_customer_id = $asked and moved_date <= $day
        limit 1
        """,
        {"asked": asked, "day": day},
    ).fetchone()
    if found is None:
        raise ConfigurationError(
            f"no customer has this id as of {day} 查无此客户: give a customer id 客户标识 (P…, E…, C… or R…, as"
            " dashboards show it) or a core customer number 客户号"
        )
    customer_id, former = found
    return customer_id, former


@cache
def removed_days() -> int:
    """Items removed within so many days before the date are told as well: as many as the marts call recent."""
    project = yaml.safe_load((DBT_PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))
    return int(project["vars"]["explained_days"])


def _title(connection: duckdb.DuckDBPyConnection, customer_id: str) -> str:
    rows = connection.execute("select customer_title from dim_customer where customer_id = ?", [customer_id]).fetchall()
    return str(rows[0][0]) if rows else customer_id


def _attributes(connection: duckdb.DuckDBPyConnection, customer_id: str) -> dict[str, str]:
    rows = connection.execute(
        "select section_name || ' ' || item_name, item_value from mart_customer_attribute where customer_id = ?"
        " order by item_order",
        [customer_id],
    ).fetchall()
    return dict(rows)


def _items(connection: duckdb.DuckDBPyConnection, customer_id: str, day: date) -> list[Item]:
    rows = connection.execute(
        """
        select kind, item_code, item_name, subject, valid_from, valid_to, why, evidence, rule_version
        from mart_customer_explanation
        where customer_id = ? and valid_from <= ? and (valid_to is null or valid_to > ?)
        order by item_code, valid_from, subject
        """,
        [customer_id, day, day - timedelta(days=removed_days())],
    ).fetchall()
    return [Item(*row) for row in rows]


def _relations(connection: duckdb.DuckDBPyConnection, customer_id: str, day: date) -> list[Relation]:
    rows = connection.execute(
        """
        select
            related_customer_id, related_title, relation_type, relation_name, related_role, related_role_name, since,
            why
        from mart_customer_relation
        where customer_id = ? and (since is null or since <= ?)
        order by relation_type, related_role, related_customer_id
        """,
        [customer_id, day],
    ).fetchall()
    return [Relation(*row) for row in rows]


def as_json(found: Explanation) -> str:
    """The explanation for machines; dates as ISO 8601."""
    return json.dumps(asdict(found), ensure_ascii=False, indent=2, default=date.isoformat)


def show(found: Explanation) -> None:
    """The explanation for a person at a terminal, in Chinese."""
    console = terminal()
    console.print(f"客户 {found.customer}  客户标识 {found.customer_id}  截至 {found.as_of}  发布版本 {found.version}")
    if found.moved_from:
        console.print(f"{found.moved_from} 的记录已并入该客户")
    if found.attributes:
        console.print(_table("画像", ("项目", "内容"), found.attributes.items()))
    kinds = {"tag": "标签", "suppression": "营销抑制", "grid": "网格", "link": "来源记录(由哪些记录认定为同一客户)"}
    for kind, title in kinds.items():
        if rows := [_item_row(item) for item in found.items if item.kind == kind]:
            console.print(_table(title, ("名称", "内容", "起始日", "原因"), rows))
    if found.relations:
        told = [
            (one.relation_name, one.role_name, one.customer, str(one.since or "-"), one.why) for one in found.relations
        ]
        console.print(_table("关系", ("关系", "对方是", "关联客户", "起始日", "依据"), told))
    if found.removed:
        gone = [(*_item_row(item)[:3], str(item.until), item.why) for item in found.removed]
        console.print(_table(f"近{removed_days()}天移除", ("名称", "内容", "起始日", "移除日", "当时的原因"), gone))


def _item_row(item: Item) -> tuple[str, str, str, str]:
    return item.name, item.subject, str(item.since), item.why


def _table(title: str, headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Table:
    table = Table(title=title, title_justify="left")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table
