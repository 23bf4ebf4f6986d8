"""How fast any combination of tags is counted at county scale, in three ways of keeping who carries what.

wide: one row per customer, one boolean column per tag. long: one row per customer and tag, sorted by tag. bitmaps:
one bitmap of customers per tag and branch. All hold the same invented population with the shipped number of tags, and
all must give the same counts. Each count is a query of its own in one process, like one from Superset.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qianmo.definitions import tags

if TYPE_CHECKING:
    import duckdb

CUSTOMERS = 1_500_000
BRANCHES = 30
COMBINATIONS = 40
SEED = 20211231
BOUND_SECONDS = 1.0
"""Bound of the median count in the way that the marts use."""
CHOSEN = "wide"
"""mart_customer_360 is this way; raise the question again when another one wins by much."""


@dataclass(frozen=True)
class Combination:
    """Tags that a customer must carry, of which one or more, and none of which: `all`, `some` and `none`."""

    all: list[str]
    some: list[str]
    none: list[str]


def combinations(codes: list[str], number: int) -> list[Combination]:
    """Random ones of 2 to 8 tags: half of the tags are asked for together, the others as alternatives or excluded."""
    import numpy as np

    chance = np.random.default_rng(SEED)
    made = []
    for index in range(number):
        chosen = [codes[place] for place in chance.choice(len(codes), 2 + index % 7, replace=False)]
        cut = max(1, len(chosen) // 2)
        rest = chosen[cut:]
        turn = int(chance.integers(0, len(rest) + 1))
        made.append(Combination(chosen[:cut], rest[:turn], rest[turn:]))
    return made


def wide_query(asked: Combination, by_branch: bool) -> str:
    conditions = [f'"{code}"' for code in asked.all]
    if asked.some:
        conditions.append("(" + " or ".join(f'"{code}"' for code in asked.some) + ")")
    conditions += [f'not "{code}"' for code in asked.none]
    where = " and ".join(conditions)
    if by_branch:
        return f"select branch, count(*) from wide where {where} group by branch"
    return f"select count(*) from wide where {where}"


def long_query(asked: Combination, by_branch: bool) -> str:
    named = ", ".join(f"'{code}'" for code in asked.all + asked.some + asked.none)
    having = [f"count(*) filter (where tag in ({_texts(asked.all)})) = {len(asked.all)}"]
    if asked.some:
        having.append(f"count(*) filter (where tag in ({_texts(asked.some)})) > 0")
    if asked.none:
        having.append(f"count(*) filter (where tag in ({_texts(asked.none)})) = 0")
    inner = f"select any_value(branch) as branch from long where tag in ({named}) group by customer having "
    inner += " and ".join(having)
    if by_branch:
        return f"select branch, count(*) from ({inner}) group by branch"
    return f"select count(*) from ({inner})"


def bitmap_query(asked: Combination, by_branch: bool) -> str:
    """Maps are as long as the largest branch; a tag that nobody carries in a branch has an empty one there."""

    def one(code: str) -> str:
        return f"max(bits) filter (where tag = '{code}')"

    parts = [one(code) for code in asked.all]
    if asked.some:
        parts.append("(" + " | ".join(one(code) for code in asked.some) + ")")
    parts += [f"~({one(code)})" for code in asked.none]
    named = ", ".join(f"'{code}'" for code in asked.all + asked.some + asked.none)
    inner = f"select branch, bit_count({' & '.join(parts)}) as n from bitmaps where tag in ({named}) group by branch"
    return f"select branch, n from ({inner}) where n > 0" if by_branch else f"select sum(n) from ({inner})"


QUERIES: dict[str, Callable[[Combination, bool], str]] = {
    "wide": wide_query,
    "long": long_query,
    "bitmaps": bitmap_query,
}


def _texts(codes: list[str]) -> str:
    return ", ".join(f"'{code}'" for code in codes)


def bench_tags(progress: Callable[[str], None], customers: int = CUSTOMERS, number: int = COMBINATIONS) -> bool:
    """Print median, slowest and file size of each way; whether the way of the marts keeps its bound."""
    import duckdb

    codes = [tag.code for tag in tags()]
    with tempfile.TemporaryDirectory(prefix="qianmo-bench-") as scratch:
        folder = Path(scratch)
        progress(f"making {customers:,} customers with {len(codes)} tags")
        with duckdb.connect(str(folder / "wide.duckdb")) as connection:
            _fill_wide(connection, codes, customers)
        for name, fill in {"long": _fill_long, "bitmaps": _fill_bitmaps}.items():
            progress(f"writing the same as {name}")
            with duckdb.connect(str(folder / f"{name}.duckdb")) as connection:
                connection.execute(f"attach '{folder / 'wide.duckdb'}' as made (read_only)")
                fill(connection, codes)
        asked = combinations(codes, number)
        answers: dict[str, list[list[tuple[int, ...]]]] = {}
        print(f"{customers:,} customers, {len(codes)} tags, {number} combinations of 2 to 8 tags by and, or, not")
        medians: dict[str, float] = {}
        for name, query in QUERIES.items():
            file = folder / f"{name}.duckdb"
            line = f"{name:<8} {file.stat().st_size / 2**20:6.0f} MiB"
            with duckdb.connect(str(file), read_only=True) as connection:
                for by_branch in (False, True):
                    seconds = []
                    for one in asked:
                        started = time.monotonic()
                        rows = connection.execute(query(one, by_branch)).fetchall()
                        seconds.append(time.monotonic() - started)
                        answers.setdefault(name, []).append(sorted((*map(int, row),) for row in rows))
                    medians.setdefault(name, statistics.median(seconds))
                    line += f"; {'by branch' if by_branch else 'in all'} median {statistics.median(seconds) * 1000:.0f}"
                    line += f" ms, slowest {max(seconds) * 1000:.0f} ms"
            print(line)
        started = time.monotonic()
        with duckdb.connect(str(folder / "wide.duckdb"), read_only=True) as connection:
            pairs = connection.execute(_overlap(codes)).fetchone()
        print(
            f"overlap of every pair from wide: {pairs[0] if pairs else 0:,} pairs, {time.monotonic() - started:.1f} s"
        )
    if any(answer != answers["wide"] for answer in answers.values()):
        raise AssertionError("the three ways do not count the same customers")
    return medians[CHOSEN] <= BOUND_SECONDS


def _fill_wide(connection: "duckdb.DuckDBPyConnection", codes: list[str], customers: int) -> None:
    """Tags are carried by 1 in 3,000 to 9 in 10 customers, independently of one another; some 18 a customer."""
    import numpy as np

    shares = 10 ** np.random.default_rng(SEED).uniform(-3.5, -0.05, len(codes))
    columns = []
    for index, (code, share) in enumerate(zip(codes, shares, strict=True)):
        columns.append(f'(hash(n, {index}) % 1000000) < {share * 1_000_000:.0f} as "{code}"')
    connection.execute(
        f"create table wide as select 'P' || lpad(to_hex(hash(n)), 16, '0') as customer,"
        f" (hash(n, -1) % {BRANCHES})::integer as branch, {', '.join(columns)} from range({customers}) as t(n)"
    )


def _fill_long(connection: "duckdb.DuckDBPyConnection", codes: list[str]) -> None:
    connection.execute("create table long (tag varchar, customer varchar, branch integer)")
    for code in sorted(codes):
        connection.execute(
            f"insert into long select '{code}', customer, branch from made.wide where \"{code}\" order by customer"
        )


def _fill_bitmaps(connection: "duckdb.DuckDBPyConnection", codes: list[str]) -> None:
    connection.execute(
        "create temp table numbered as"
        " select *, (row_number() over (partition by branch) - 1)::integer as place from made.wide"
    )
    [length] = connection.execute("select max(place) from numbered").fetchone() or (0,)
    # bit 0 of a map that nobody carries is set and cleared again, so that every map is there and equally long
    maps = ", ".join(
        f'coalesce(bitstring_agg(place, 0, {length}) filter (where "{code}"),'
        f' set_bit(bitstring_agg(0, 0, {length}), 0, 0)) as "{code}"'
        for code in codes
    )
    connection.execute(f"create temp table by_branch as select branch, {maps} from numbered group by branch")
    connection.execute(
        "create table bitmaps as unpivot by_branch on columns(* exclude (branch)) into name tag value bits order by tag"
    )


def _overlap(codes: list[str]) -> str:
    """As mart_tag_overlap counts pairs."""
    block = 32_768
    carriers = " union all ".join(
        f"select '{code}' as tag, block, bitstring_agg(place, 0, {block - 1}) as carried from placed"
        f' where "{code}" group by block'
        for code in codes
    )
    return f"""
        with placed as (
            select *, ((row_number() over () - 1) // {block})::integer as block,
                ((row_number() over () - 1) % {block})::integer as place
            from wide
        ),
        carriers as ({carriers}),
        pairs as (
            select one.tag, other.tag, sum(bit_count(one.carried & other.carried)) as both_customers
            from carriers as one inner join carriers as other on one.block = other.block and one.tag < other.tag
            group by all
        )
        select count(*) from pairs where both_customers > 0
    """
