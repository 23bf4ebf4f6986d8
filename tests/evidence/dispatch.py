"""Dispatch against greedy and against an exact linear program, its limits, and its time at county size.

Twenty random instances, each with customers on several lists, managers with and without room, grid owners, customers
of managers who are full, and lists of every priority. Greedy goes through the rows from the best down and gives each
to whoever may take it and has room. On small instances the same rows are solved by HiGHS, without the reduction, the
pools and the network of `qianmo.dispatch`. Then one instance of 100,000 candidates and 500 managers.
"""

import time
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.optimize import linprog
from scipy.sparse import coo_array

from qianmo.dispatch import CANDIDATES, CAPACITIES, HELD, PORTFOLIO_CLASSES, dispatched, row_worth
from tests.evidence import fail

INSTANCES = 20
CUSTOMERS, MANAGERS = 100_000, 500
SECONDS = 60

Row = dict[str, Any]


def instance(seed: int, customers: int, managers: int, lists: int = 6, per_customer: int = 2) -> dict[str, pa.Table]:
    """The three tables of `dispatched`; a tenth of the customers belong to no branch, some branches have no team."""
    random = np.random.default_rng(seed)
    branches = max(managers // 12, 2)
    manager_ids = np.array([f"M{number:04}" for number in range(managers)])
    manager_branch = random.integers(0, branches, managers)
    is_team = (random.random(managers) < 0.8) & (manager_branch > 0)
    channels = np.array(["visit", "phone", "sms"])
    list_channel = np.arange(lists) % 3
    list_priority = random.integers(1, 6, lists)
    list_capacity = random.integers(1, 1 + max(2 * customers // (managers * lists), 3), lists)

    row_customer = np.repeat(np.arange(customers), random.integers(1, per_customer + 1, customers))
    row_list = random.integers(0, lists, len(row_customer))
    pairs = np.unique(np.c_[row_customer, row_list], axis=0)
    row_customer, row_list = pairs[:, 0], pairs[:, 1]
    branch = random.integers(0, branches, customers)
    has_branch = random.random(customers) < 0.9
    has_own = random.random(customers) < 0.3
    portfolio = random.integers(0, 3, customers)

    def names(letter: str, codes: Any, known: Any) -> pa.Array:
        return pa.array([f"{letter}{code:04}" if here else None for code, here in zip(codes, known, strict=True)])

    candidates = {
        "list_code": names("L", row_list, row_list >= 0),
        "customer_id": names("C", row_customer, row_customer >= 0),
        "channel": channels[list_channel[row_list]],
        "needs_manager": list_channel[row_list] < 2,
        "priority": list_priority[row_list],
        "capacity_per_manager": list_capacity[row_list],
        "branch_code": names("B", branch, has_branch).take(pa.array(row_customer)),
        "own_manager_id": names("M", random.integers(0, managers, customers), has_own).take(pa.array(row_customer)),
        "grid_manager_id": names(
            "M", random.integers(0, managers, customers), random.random(customers) < 0.6
        ).take(pa.array(row_customer)),
        "portfolio_class": np.array(PORTFOLIO_CLASSES)[portfolio][row_customer],
        "score": np.round(random.lognormal(5, 1, len(row_customer)) * random.random(len(row_customer)), 2),
    }  # fmt: skip
    free = random.integers(0, 1 + max(customers // managers, 3), (managers, 3))
    capacities = {
        "manager_id": np.repeat(manager_ids, 3),
        "channel": np.tile(channels, managers),
        "branch_code": names("B", np.repeat(manager_branch, 3), np.ones(3 * managers, dtype=bool)),
        "is_team": np.repeat(is_team, 3),
        "free": free.ravel(),
    } | {f"short_{name}": np.repeat(random.random(managers).round(2), 3) for name in PORTFOLIO_CLASSES}
    holders = random.choice(managers, managers // 3, replace=False)
    held = {
        "manager_id": manager_ids[holders],
        "list_code": names("L", random.integers(0, lists, len(holders)), holders >= 0),
        "held": random.integers(1, 3, len(holders)),
    }
    return {
        "candidates": pa.table(candidates).select(CANDIDATES.names).cast(CANDIDATES),
        "capacities": pa.table(capacities).select(CAPACITIES.names).cast(CAPACITIES),
        "held": pa.table(held).select(HELD.names).cast(HELD),
    }


def room(tables: dict[str, pa.Table]) -> tuple[dict[tuple[str, str], int], dict[tuple[str, str], int]]:
    """Rows that each (manager, list) and (manager, channel) can take on."""
    lists = {row["list_code"]: row["capacity_per_manager"] for row in tables["candidates"].to_pylist()}
    held = {(row["manager_id"], row["list_code"]): row["held"] for row in tables["held"].to_pylist()}
    managers = {row["manager_id"] for row in tables["capacities"].to_pylist()}
    of_list = {(one, code): max(most - held.get((one, code), 0), 0) for one in managers for code, most in lists.items()}
    of_channel = {(row["manager_id"], row["channel"]): row["free"] for row in tables["capacities"].to_pylist()}
    return of_list, of_channel


def ways(row: Row, managers: dict[str, Row], team: dict[str, list[str]]) -> list[str | None]:
    """Who may take a row; None is the branch."""
    if row["own_manager_id"]:
        return [row["own_manager_id"]]
    owner = managers.get(row["grid_manager_id"] or "")
    mine = [owner["manager_id"]] if owner and owner["branch_code"] == row["branch_code"] else []
    if not row["needs_manager"]:
        return [*mine] or [None]
    return [*mine, *(one for one in team.get(row["branch_code"] or "", []) if one not in mine)]


def reference(tables: dict[str, pa.Table]) -> list[tuple[Row, int, list[str | None]]]:
    """Rows with their worth and their ways, one by one as the rules say."""
    rows = tables["candidates"].to_pylist()
    managers = {row["manager_id"]: row for row in tables["capacities"].to_pylist()}
    team: dict[str, list[str]] = {}
    for name, manager in managers.items():
        if manager["is_team"]:
            team.setdefault(manager["branch_code"], []).append(name)
    worth = row_worth(
        tables["candidates"]["priority"].to_numpy().astype(np.int64), tables["candidates"]["score"].to_numpy()
    )
    return [(row, int(one), ways(row, managers, team)) for row, one in zip(rows, worth, strict=True)]


def greedy(tables: dict[str, pa.Table]) -> int:
    """Worth of giving every row, the best first, to the first who may take it and has room."""
    of_list, of_channel = room(tables)
    done: set[str] = set()
    total = 0
    for row, worth, may in sorted(reference(tables), key=lambda one: (-one[1], one[0]["customer_id"])):
        if row["customer_id"] in done:
            continue
        for one in may:
            if one is not None:
                if min(of_list[one, row["list_code"]], of_channel[one, row["channel"]]) <= 0:
                    continue
                of_list[one, row["list_code"]] -= 1
                of_channel[one, row["channel"]] -= 1
            done.add(row["customer_id"])
            total += worth
            break
    return total


def exact(tables: dict[str, pa.Table]) -> int:
    """Worth of the best assignment, by a linear program with a variable for every row and manager."""
    of_list, of_channel = room(tables)
    gains: list[int] = []
    limits: dict[tuple[str, ...], tuple[int, int]] = {}
    at: list[tuple[int, int]] = []

    def counts(variable: int, key: tuple[str, ...], most: int) -> None:
        line, _ = limits.setdefault(key, (len(limits), most))
        at.append((line, variable))

    for row, worth, may in reference(tables):
        for one in may:
            counts(len(gains), ("customer", row["customer_id"]), 1)
            if one is not None:
                counts(len(gains), ("list", one, row["list_code"]), of_list[one, row["list_code"]])
                counts(len(gains), ("channel", one, row["channel"]), of_channel[one, row["channel"]])
            gains.append(worth)
    lines, variables = zip(*at, strict=True)
    matrix = coo_array((np.ones(len(at)), (lines, variables)), shape=(len(limits), len(gains)))
    solved = linprog(-np.array(gains), A_ub=matrix, b_ub=[most for _, most in limits.values()], bounds=(0, 1))
    return round(-solved.fun)


def worth_of(tables: dict[str, pa.Table], result: pa.Table) -> int:
    """Objective of a result."""
    served = {(row["customer_id"], row["list_code"]) for row in result.to_pylist() if row["served"]}
    return sum(
        worth for row, worth, _ in reference(tables) if (row["customer_id"], row["list_code"]) in served
    )  # fmt: skip


def faults(tables: dict[str, pa.Table], result: pa.Table) -> list[str]:
    """What a result does that it may not, and reasons that are not true."""
    of_list, of_channel = room(tables)
    rows = {(row["customer_id"], row["list_code"]): (row, may) for row, _, may in reference(tables)}
    found: list[str] = []
    told = result.to_pylist()
    if len(told) != len(rows):
        found.append(f"{len(told)} rows for {len(rows)} candidates")
    times = Counter(one["customer_id"] for one in told if one["served"])
    found += [f"{customer} is served {count} times" for customer, count in times.items() if count > 1]
    for one in told:
        row, may = rows[one["customer_id"], one["list_code"]]
        if one["served"]:
            if one["manager_id"] not in may:
                found.append(f"{one} may not go there")
            elif one["manager_id"]:
                of_list[one["manager_id"], one["list_code"]] -= 1
                of_channel[one["manager_id"], row["channel"]] -= 1
    found += [f"{key} over by {-left}" for key, left in (of_list | of_channel).items() if left < 0]
    for one in told:
        row, may = rows[one["customer_id"], one["list_code"]]
        if one["served"]:
            continue
        full_list = [of_list[who, one["list_code"]] == 0 for who in may if who]
        full_time = [of_channel[who, row["channel"]] == 0 for who in may if who]
        reasons = {
            "on_higher_list": times[one["customer_id"]] == 1,
            "no_manager": not may,
            "over_capacity": all(a or b for a, b in zip(full_list, full_time, strict=True))
            and (one["limited_by"] == "list") == all(full_list),
        }
        if not reasons[one["unserved_reason"]]:
            found.append(f"{one}: not true")
    return found


def main() -> None:
    print(f"{'instance':<10}{'rows':>8}{'served':>8}{'of greedy':>11}{'of exact':>10}")
    for seed in range(INSTANCES):
        tables = instance(seed, customers=200 + 40 * seed, managers=6 + seed)
        result = dispatched(**tables)
        if wrong := faults(tables, result):
            fail(f"instance {seed}: {wrong[0]} and {len(wrong) - 1} more")
        got, least, best = worth_of(tables, result), greedy(tables), exact(tables)
        served = sum(result["served"].to_pylist())
        print(f"{seed:<10}{result.num_rows:>8,}{served:>8,}{got / least:>11.4f}{got / best:>10.6f}")
        if got < least or got != best:
            fail(f"instance {seed}: worth {got}, greedy {least}, exact {best}")
    tables = instance(0, CUSTOMERS, MANAGERS, lists=31, per_customer=1)
    began = time.perf_counter()
    result = dispatched(**tables)
    seconds = time.perf_counter() - began
    if wrong := faults(tables, result):
        fail(f"county size: {wrong[0]} and {len(wrong) - 1} more")
    got, least = worth_of(tables, result), greedy(tables)
    if got < least or seconds > SECONDS:
        fail(f"county size: worth {got}, greedy {least}, {seconds:.1f} s of {SECONDS}")
    print(
        f"{INSTANCES} of {INSTANCES} instances exact and at least greedy, no limit exceeded;"
        f" {result.num_rows:,} candidates x {MANAGERS} managers in {seconds:.1f} s"
    )


if __name__ == "__main__":
    main()
