"""Dispatch of list rows to customer managers: one minimum-cost flow over all lists of a date (OR-tools).

What is worth most: a row is worth its list's priority, then its score. A priority counts three times the next one, and
more than any score, so a customer wanted by two lists, or two customers wanting one place, are decided by priority
first. Among equals the grid owner comes before the rest of the branch's team, then whose portfolio is short of the
customer's class, then who has more room left, then the lower customer id.

Who may take a row: the customer's own manager and nobody else; without one the owner of the grid, of the same branch,
or else any manager of the branch's team. What the bank itself sends (SMS) goes to the own manager or grid owner, who
answers for it, and without either to the branch, which has no limit.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from qianmo.errors import ToolBrokenError

CANDIDATES = pa.schema(
    [
        ("list_code", pa.string()),
        ("customer_id", pa.string()),
        ("channel", pa.string()),
        ("needs_manager", pa.bool_()),
        ("priority", pa.int32()),
        ("capacity_per_manager", pa.int32()),
        ("branch_code", pa.string()),
        ("own_manager_id", pa.string()),
        ("grid_manager_id", pa.string()),
        ("portfolio_class", pa.string()),
        ("score", pa.float64()),
    ]
)
"""One row per list and customer that may be served. `needs_manager`: somebody calls or goes there. Priority is 1
(first) to 5; score in yuan.
"""

PORTFOLIO_CLASSES = ("offline_credit", "online_credit", "non_credit")

CAPACITIES = pa.schema(
    [
        ("manager_id", pa.string()),
        ("channel", pa.string()),
        ("branch_code", pa.string()),
        ("is_team", pa.bool_()),
        ("free", pa.int32()),
        *((f"short_{name}", pa.float64()) for name in PORTFOLIO_CLASSES),
    ]
)
"""One row per manager and channel. `is_team`: takes customers of the branch who have no manager. `free`: rows the
manager can take on. `short_…`: 0 (portfolio of the class is full) to 1 (empty).
"""

HELD = pa.schema([("manager_id", pa.string()), ("list_code", pa.string()), ("held", pa.int32())])
"""Open rows of a list that a manager has already; they use up `capacity_per_manager`."""

DISPATCHED = pa.schema(
    [
        ("list_code", pa.string()),
        ("customer_id", pa.string()),
        ("manager_id", pa.string()),
        ("served", pa.bool_()),
        ("unserved_reason", pa.string()),
        ("limited_by", pa.string()),
        ("assignment_basis", pa.string()),
    ]
)
"""One row per candidate. `unserved_reason`: on_higher_list, over_capacity or no_manager; `limited_by` says which
capacity was full: list (rows of the list per manager) or channel (the manager's time). `assignment_basis`: own_manager,
grid_owner or branch_team; a served row without a manager is the branch's.
"""

SCORE_LEVELS = 1_000_000
"""Scores are told apart to this part of the highest one."""
LOWEST_PRIORITY = 5
PRIORITY_RATIO = 3
"""Above 2: giving up one row can make room for two others at most, the customer's and the place's."""

_TIE = 256  # of rows of one group and score so many are ordered by customer id
_GRID_OWNER, _SHORT, _ROOM = 8, 2, 3  # preferences among equals; a row has the first or the second, and the third
_FINE = 16 * _TIE  # more than all preferences and the order of ties together

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]


def row_worth(priority: Ints, score: Floats) -> Ints:
    """What serving each row adds to the objective, in score levels of the highest score given."""
    known = np.nan_to_num(np.maximum(score, 0.0))
    highest = float(known.max(initial=0.0)) or 1.0
    levels = np.rint(known / highest * SCORE_LEVELS).astype(np.int64)
    return levels + SCORE_LEVELS * PRIORITY_RATIO ** (LOWEST_PRIORITY - priority)


def dispatched(candidates: pa.Table, capacities: pa.Table, held: pa.Table) -> pa.Table:
    """Give candidates to managers so that the sum of `row_worth` is the largest possible.

    The result depends on the rows alone, not on their order.

    Args:
        candidates, capacities, held: rows of `CANDIDATES`, `CAPACITIES` and `HELD`.

    Returns:
        Rows of `DISPATCHED`, sorted by customer and list. A customer is served by one list at most.

    Raises:
        ToolBrokenError: the solver found no optimum.
    """
    if not candidates.num_rows:
        return DISPATCHED.empty_table()
    problem = _problem(candidates, capacities, held)
    kept = _can_be_served(problem)
    manager = np.full(problem.rows, -1)
    served = np.zeros(problem.rows, dtype=bool)
    _solve(problem, kept, manager, served)
    return _told(problem, manager, served)


@dataclass(frozen=True)
class _Problem:
    """The tables as codes; -1 is none. Rows are sorted by customer and list."""

    table: pa.Table
    manager_ids: pa.Array
    customer: Ints
    list: Ints
    own: Ints
    owner: Ints
    """The grid owner, where the customer has no own manager."""
    branch: Ints
    portfolio: Ints
    worth: Ints
    to_branch: Booleans
    """The row goes to the branch itself: the bank sends it and nobody knows the customer."""
    from_team: Booleans
    """Any manager of the branch's team may take the row."""
    list_channel: Ints
    list_free: Ints
    """Managers × lists."""
    channel_free: Ints
    """Managers × channels."""
    manager_branch: Ints
    is_team: Booleans
    short: Floats
    """Managers × portfolio classes, 0 to 1."""

    @property
    def rows(self) -> int:
        return len(self.customer)

    @property
    def is_reachable(self) -> Booleans:
        """Somebody could take the row, were there room."""
        return (self.own >= 0) | (self.owner >= 0) | self.from_team | self.to_branch

    @property
    def group(self) -> Ints:
        """Rows of one list that the same managers may take, with the same preferences but for the grid owner's."""
        managers = len(self.manager_ids)
        alone = np.where(self.own >= 0, self.own, np.where(self.from_team, -1, self.owner))
        team = (self.branch + 1) * (len(PORTFOLIO_CLASSES) + 1) + self.portfolio + 1
        return np.where(alone >= 0, alone, managers + team) * len(self.list_channel) + self.list

    @property
    def is_open(self) -> Booleans:
        """Managers × lists: there is room for a row."""
        return (self.list_free > 0) & (self.channel_free[:, self.list_channel] > 0)


def _problem(candidates: pa.Table, capacities: pa.Table, held: pa.Table) -> _Problem:
    table = candidates.select(CANDIDATES.names).cast(CANDIDATES).combine_chunks()
    table = table.take(pc.sort_indices(table, [("customer_id", "ascending"), ("list_code", "ascending")]))
    capacities = (
        capacities.select(CAPACITIES.names)
        .cast(CAPACITIES)
        .sort_by([("manager_id", "ascending"), ("channel", "ascending")])
    )
    held = held.select(HELD.names).cast(HELD)
    manager_ids = pc.unique(capacities["manager_id"])
    list_codes = pc.unique(table["list_code"]).sort()
    list_at = _codes(table["list_code"], list_codes)
    channels = pc.unique(pa.chunked_array([*table["channel"].chunks, *capacities["channel"].chunks])).sort()
    branches = pc.unique(
        pa.chunked_array([*table["branch_code"].chunks, *capacities["branch_code"].chunks])
    ).drop_null()

    at, used = _codes(capacities["manager_id"], manager_ids), _codes(capacities["channel"], channels)
    channel_free = np.zeros((len(manager_ids), len(channels)), dtype=np.int64)
    channel_free[at, used] = _whole(capacities["free"])
    manager_branch = np.full(len(manager_ids), -1)
    manager_branch[at] = _codes(capacities["branch_code"], branches)
    is_team = np.zeros(len(manager_ids), dtype=bool)
    is_team[at] = capacities["is_team"].to_numpy()
    is_team &= manager_branch >= 0
    short = np.zeros((len(manager_ids), len(PORTFOLIO_CLASSES)))
    for column, name in enumerate(PORTFOLIO_CLASSES):
        short[at, column] = capacities[f"short_{name}"].to_numpy()

    lists = table.take(np.unique(list_at, return_index=True)[1])
    list_free = np.tile(_whole(lists["capacity_per_manager"]), (len(manager_ids), 1))
    holder, holding = _codes(held["manager_id"], manager_ids), _codes(held["list_code"], list_codes)
    here = (holder >= 0) & (holding >= 0)
    np.subtract.at(list_free, (holder[here], holding[here]), _whole(held["held"])[here])

    branch = _codes(table["branch_code"], branches)
    own = _codes(table["own_manager_id"], manager_ids)
    owner = np.where(own < 0, _codes(table["grid_manager_id"], manager_ids), -1)
    owner = np.where((branch >= 0) & (np.r_[manager_branch, -1][owner] == branch), owner, -1)
    has_team = np.zeros(len(branches) + 1, dtype=bool)  # the last is no branch
    has_team[manager_branch[is_team]] = True
    list_channel = _codes(lists["channel"], channels)
    needs_manager = table["needs_manager"].to_numpy()
    return _Problem(
        table=table,
        manager_ids=manager_ids,
        customer=_codes(table["customer_id"], pc.unique(table["customer_id"])),  # sorted already
        list=list_at,
        own=own,
        owner=owner,
        branch=branch,
        portfolio=_codes(table["portfolio_class"], pa.array(PORTFOLIO_CLASSES)),
        worth=row_worth(_whole(table["priority"], LOWEST_PRIORITY), table["score"].to_numpy()),
        to_branch=~needs_manager & (own < 0) & (owner < 0),
        from_team=needs_manager & (own < 0) & has_team[branch],
        list_channel=list_channel,
        list_free=np.maximum(list_free, 0),
        channel_free=np.maximum(channel_free, 0),
        manager_branch=manager_branch,
        is_team=is_team,
        short=np.clip(short, 0.0, 1.0),
    )


def _can_be_served(problem: _Problem) -> Booleans:
    """Rows that can be part of an optimum; the others are left out without loss.

    Of customers who can only be served by some managers, at most F are, F being the rows these managers can take on.
    So a row that F others of the same list, with the same ways to be served, precede, is in no optimum that one of
    the F, which is served by nobody, would not make better in its place. Those who may go to the branch are kept.
    """
    takes = np.zeros(len(problem.manager_ids) + 1, dtype=np.int64)  # the last is nobody
    for channel in range(problem.channel_free.shape[1]):
        rows = problem.list_free[:, problem.list_channel == channel].sum(axis=1)
        takes[:-1] += np.minimum(rows, problem.channel_free[:, channel])
    branch_takes = np.zeros(max(problem.branch.max(), problem.manager_branch.max(initial=-1)) + 2, dtype=np.int64)
    np.add.at(branch_takes, problem.manager_branch, takes[:-1])
    most = np.where(problem.own >= 0, takes[problem.own], branch_takes[problem.branch])

    to_branch = np.zeros(int(problem.customer.max()) + 1, dtype=bool)
    to_branch[problem.customer[problem.to_branch]] = True
    unbounded = to_branch[problem.customer]
    # equals count as preceding nobody: a preference among them may still decide
    preceded = _preceding(np.where(unbounded, -1, problem.group), problem.worth) >= most
    return problem.is_reachable & (unbounded | ~preceded)


def _preceding(group: Ints, worth: Ints) -> Ints:
    """Rows of the same group that are worth more."""
    order = np.lexsort((-worth, group))
    first_of_group, first_equal = _firsts(group[order]), _firsts(group[order], worth[order])
    found = np.empty(len(order), dtype=np.int64)
    found[order] = first_equal - first_of_group
    return found


def _firsts(*sorted_keys: Ints) -> Ints:
    """For each row of sorted keys the position of the first row with the same ones."""
    new = np.any([np.r_[True, key[1:] != key[:-1]] for key in sorted_keys], axis=0)
    return np.maximum.accumulate(np.where(new, np.arange(len(new)), 0))


def _ties(group: Ints, worth: Ints) -> Ints:
    """For each row `_TIE` - 1 less the equal rows of its group before it, at least 0: rows are in customer order."""
    order = np.lexsort((worth, group))
    before = np.arange(len(order)) - _firsts(group[order], worth[order])
    found = np.empty(len(order), dtype=np.int64)
    found[order] = _TIE - 1 - np.minimum(before, _TIE - 1)
    return found


class _Arcs:
    """Arcs of the network, gathered as arrays."""

    def __init__(self) -> None:
        self.parts: list[tuple[Ints, Ints, Ints, Ints]] = []
        self.count = 0

    def add(self, tail: Ints, head: Ints, capacity: Ints | int, gain: Ints | int) -> slice:
        """Where the flows of these arcs will stand."""
        size = len(tail)
        self.parts.append(
            (tail, head, np.broadcast_to(np.asarray(capacity), size), np.broadcast_to(-np.asarray(gain), size))
        )
        self.count += size
        return slice(self.count - size, self.count)


def _solve(problem: _Problem, kept: Booleans, manager: Ints, served: Booleans) -> None:
    """Fill in `manager` and `served` of the rows kept.

    Customer → (list, manager), or → (list, branch, class) of the team → (list, manager) → (manager, channel) → sink.
    """
    lists = len(problem.list_channel)
    is_open = problem.is_open
    row = np.flatnonzero(kept)
    own, owner = row[problem.own[row] >= 0], row[problem.owner[row] >= 0]
    own = own[is_open[problem.own[own], problem.list[own]]]
    owner = owner[is_open[problem.owner[owner], problem.list[owner]]]
    team, branch = row[problem.from_team[row]], row[problem.to_branch[row]]

    customers = np.unique(problem.customer[row])
    classes = len(PORTFOLIO_CLASSES) + 1
    pool_key = (problem.branch * lists + problem.list) * classes + problem.portfolio + 1
    pools, pool_of_team = np.unique(pool_key[team], return_inverse=True)
    pool_branch, pool_list, pool_class = pools // classes // lists, pools // classes % lists, pools % classes - 1
    # every pool with every open manager of its branch's team
    member = is_open[:, pool_list] & problem.is_team[:, None] & (problem.manager_branch[:, None] == pool_branch)
    pool_manager, from_pool = np.nonzero(member)

    first_pool = len(customers)
    first_list = first_pool + len(pools)
    first_channel = first_list + problem.list_free.size
    sink = first_channel + problem.channel_free.size

    def list_node(of_manager: Ints, of_list: Ints) -> Ints:
        return first_list + of_manager * lists + of_list

    def customer_node(of_row: Ints) -> Ints:
        return np.searchsorted(customers, problem.customer[of_row])

    worth = problem.worth * _FINE + _ties(problem.group, problem.worth)
    arcs = _Arcs()
    own_arcs = arcs.add(customer_node(own), list_node(problem.own[own], problem.list[own]), 1, worth[own])
    owner_arcs = arcs.add(
        customer_node(owner), list_node(problem.owner[owner], problem.list[owner]), 1, worth[owner] + _GRID_OWNER * _TIE
    )
    team_arcs = arcs.add(customer_node(team), first_pool + pool_of_team, 1, worth[team])
    branch_arcs = arcs.add(customer_node(branch), np.full(len(branch), sink), 1, worth[branch])
    arcs.add(np.arange(len(customers)), np.full(len(customers), sink), 1, 0)
    shortage = np.c_[problem.short, np.zeros(len(problem.short))][pool_manager, pool_class[from_pool]]
    pool_arcs = arcs.add(
        first_pool + from_pool,
        list_node(pool_manager, pool_list[from_pool]),
        problem.list_free[pool_manager, pool_list[from_pool]],
        np.rint(shortage * _SHORT).astype(np.int64) * _TIE,
    )
    to_manager, to_list = np.nonzero(is_open)
    to_channel = problem.list_channel[to_list]
    arcs.add(
        list_node(to_manager, to_list),
        first_channel + to_manager * problem.channel_free.shape[1] + to_channel,
        problem.list_free[to_manager, to_list],
        0,
    )
    # the first places of a manager are preferred to the last ones of another, so that work spreads over a team
    channel_free = np.minimum(problem.channel_free.ravel(), len(customers))
    for part in range(_ROOM + 1):
        places = (channel_free + part) // (_ROOM + 1)
        some = np.flatnonzero(places)
        arcs.add(first_channel + some, np.full(len(some), sink), places[some], part * _TIE)

    flow = _flow(arcs, sink, len(customers))
    taken = own[flow[own_arcs] > 0]
    manager[taken], served[taken] = problem.own[taken], True
    taken = owner[flow[owner_arcs] > 0]
    manager[taken], served[taken] = problem.owner[taken], True
    served[branch[flow[branch_arcs] > 0]] = True
    in_pool = flow[team_arcs] > 0
    _deal(problem, team[in_pool], pool_of_team[in_pool], from_pool, pool_manager, flow[pool_arcs], manager)
    served[team[in_pool]] = True


def _flow(arcs: _Arcs, sink: int, customers: int) -> Ints:
    """Flow of each arc when every customer sends one unit to the sink at the least cost."""
    from ortools.graph.python import min_cost_flow

    tail, head, capacity, cost = (np.concatenate(part).astype(np.int64) for part in zip(*arcs.parts, strict=True))
    solver = min_cost_flow.SimpleMinCostFlow()
    every = solver.add_arcs_with_capacity_and_unit_cost(tail, head, capacity, cost)
    solver.set_nodes_supplies(np.r_[np.arange(customers), sink], np.r_[np.ones(customers, dtype=np.int64), -customers])
    status = solver.solve()
    if status != solver.OPTIMAL:
        raise ToolBrokenError(f"dispatch of {customers:,} customers over {len(tail):,} arcs: the solver ended {status}")
    flow: Ints = solver.flows(every)
    return flow


def _deal(
    problem: _Problem, rows: Ints, pool: Ints, from_pool: Ints, pool_manager: Ints, places: Ints, manager: Ints
) -> None:
    """The rows of each pool go round the managers who take from it, the best row first: any other deal is worth as
    much, and this one gives everybody good and lesser ones.
    """
    rows_in_order = np.lexsort((rows, -problem.worth[rows], pool))
    slot_pool, slot_manager = np.repeat(from_pool, places), np.repeat(pool_manager, places)
    turn = np.arange(len(slot_pool)) - np.repeat(np.cumsum(places) - places, places)
    slots_in_order = np.lexsort((slot_manager, turn, slot_pool))
    manager[rows[rows_in_order]] = slot_manager[slots_in_order]


def _told(problem: _Problem, manager: Ints, served: Booleans) -> pa.Table:
    """The result as a table, with the reason of every row not served."""
    used = np.zeros(problem.list_free.shape, dtype=np.int64)
    with_manager = manager >= 0
    np.add.at(used, (manager[with_manager], problem.list[with_manager]), 1)
    has_room = used < problem.list_free
    branches = max(problem.branch.max(), problem.manager_branch.max(initial=-1)) + 1
    team_has_room = np.zeros((branches, has_room.shape[1]), dtype=bool)
    np.logical_or.at(team_has_room, problem.manager_branch[problem.is_team], has_room[problem.is_team])

    in_time = np.zeros(problem.rows, dtype=bool)
    for ways, of, rooms in (
        (problem.own >= 0, problem.own, has_room),
        (problem.owner >= 0, problem.owner, has_room),
        (problem.from_team, problem.branch, team_has_room),
    ):
        in_time[ways] |= rooms[of[ways], problem.list[ways]]
    elsewhere = np.zeros(int(problem.customer.max()) + 1, dtype=bool)
    elsewhere[problem.customer[served]] = True
    reason = np.select(
        [served, elsewhere[problem.customer], ~problem.is_reachable],
        ["", "on_higher_list", "no_manager"],
        "over_capacity",
    )
    limited_by = np.where(reason == "over_capacity", np.where(in_time, "channel", "list"), "")
    basis = np.select(
        [~served, with_manager & (manager == problem.own), with_manager & (manager == problem.owner)],
        ["", "own_manager", "grid_owner"],
        "branch_team",
    )
    nobody = pa.array(manager, mask=~with_manager)
    return pa.table(
        [
            problem.table["list_code"],
            problem.table["customer_id"],
            problem.manager_ids.take(nobody),
            pa.array(served),
            pa.array(reason, mask=reason == ""),
            pa.array(limited_by, mask=limited_by == ""),
            pa.array(basis, mask=basis == ""),
        ],
        schema=DISPATCHED,
    )


def _codes(column: pa.ChunkedArray, values: pa.Array) -> Ints:
    """Place of each value among `values`; -1 where it is null or not there."""
    found: Ints = pc.index_in(column, values.cast(pa.string())).fill_null(-1).to_numpy().astype(np.int64)
    return found


def _whole(column: pa.ChunkedArray, missing: int = 0) -> Ints:
    found: Ints = column.cast(pa.int64()).fill_null(missing).to_numpy()
    return found
