"""The grids of the county: tree, scenes, membership rules, responsible people, and what changes on later dates."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pandas as pd

from sample_county.economy import Employers
from sample_county.places import MARKETS, Places, Staff, named_rows
from sample_county.reference import table

SINCE = date(2019, 1, 1)
"""S2: 2019年,启动农区网格建设整村授信工程."""
_DISTRICTS = {"urban": "城区片区", "suburban": "城郊片区", "rural": "农村片区"}
_SCENES = {
    "village": ("village",),
    "community": ("community",),
    "business_circle": ("circle",),
    "wholesale_market": ("cluster", "chain"),
    "park": ("cluster",),
    "association": ("association",),
    "government": ("government",),
    "industry_chain": ("chain",),
    "cluster": ("cluster", "chain"),
}
"""Scenes of S0 that a grid of a type serves; some serve two."""
LINES = {
    "财政": (),
    "教育": (),
    "农业农村": ("S01", "S03", "S05", "S12", "S13", "S14", "S15", "S16", "S17", "S18"),
    "住房建设": ("S31", "S33", "S35"),
    "水利": (),
    "交通运输": ("S46", "S47", "S48"),
    "卫生健康": ("S23", "S24"),
    "民政": (),
    "审计": (),
    "统计": (),
    "文旅": ("S40", "S41", "S42", "S43"),
    "税务": (),
    "市场监管": ("S19", "S20", "S25", "S26", "S27", "S28", "S29", "S30", "S37", "S38", "S39"),
    "工业信息": ("S07", "S08", "S10", "S36", "S44", "S45"),
    "商务": ("S02", "S04", "S06", "S09", "S11", "S21", "S22"),
}
"""Government departments by line 条线 (S3 画地图: 纵轴按政府部门归条线) and the special industries they supervise."""
_VIRTUAL = (
    ("G-L-1", "河蟹产业链", "industry_chain", ("S01", "S02", "S04", "S17")),
    ("G-L-2", "不锈钢产业链", "industry_chain", ("S08", "S09", "S10")),
    ("G-J-1", "水产养殖集群", "cluster", ("S03", "S01")),
    ("G-J-2", "脱水蔬菜集群", "cluster", ("S11", "S12")),
    ("G-J-3", "粮食加工集群", "cluster", ("S06", "S07")),
    ("G-J-4", "机械铸造集群", "cluster", ("S45",)),
)
SPLIT_GROUPS = ("5组", "6组", "7组", "8组")
"""Groups of the split village that make its second grid; everybody else is in the first."""


@dataclass(frozen=True)
class Grids:
    """Frames with the columns of the contracts master.grid, grid_scene, grid_membership_rule, grid_owner and
    grid_change."""

    grid: pd.DataFrame
    scene: pd.DataFrame
    rule: pd.DataFrame
    owner: pd.DataFrame
    change: pd.DataFrame


@dataclass(frozen=True)
class ChangePlan:
    """Rows of Places.villages that are something special; the same on every date.

    moved: its grid changes hands on the second date. subdivided: has grids of its groups 组. split, merged (two):
    on the second date. renamed: on the third. without_grid: its grid is not drawn yet, so its people are unassigned.
    """

    moved: int
    subdivided: int
    split: int
    merged: tuple[int, int]
    renamed: int
    without_grid: int


def plan_changes(places: Places) -> ChangePlan:
    """The two villages with the most roster households are subdivided and split, that with the fewest has no grid; the
    others follow in order."""
    villages = places.villages
    moved = 1
    ordered = villages.sort_values("roster_weight", ascending=False, kind="stable").index
    by_size = [int(row) for row in ordered if row != moved]
    subdivided, split = by_size[:2]
    without_grid = by_size[-1]
    rest = sorted(by_size[2:-1])
    town = villages["town"].to_numpy()
    pairs = ((a, b) for place, a in enumerate(rest) for b in rest[place + 1 :] if town[a] == town[b])
    merged = next(pairs, (rest[0], rest[1]))
    renamed = next(row for row in rest if row not in merged)
    return ChangePlan(moved, subdivided, split, merged, renamed, without_grid)


@dataclass
class _Tables:
    """Rows as they are added; a grid that ends takes its rules and people with it."""

    grids: list[dict[str, Any]] = field(default_factory=list)
    scenes: list[tuple[str, str]] = field(default_factory=list)
    rules: list[dict[str, Any]] = field(default_factory=list)
    owners: list[dict[str, Any]] = field(default_factory=list)
    changes: list[tuple[str, str, date, str, str]] = field(default_factory=list)

    def grid(
        self, grid_id: str, name: str, parent: str, kind: str, grid_type: str, since: date = SINCE, **more: Any
    ) -> None:
        self.grids.append(
            {
                "grid_id": grid_id,
                "grid_name": name,
                "parent_grid_id": parent,
                "grid_kind": kind,
                "grid_type": grid_type,
                "valid_from": since,
                **more,
            }
        )
        self.scenes += [(grid_id, scene) for scene in _SCENES.get(grid_type, ())]

    def rule(
        self, grid_id: str, rule_type: str, values: Iterable[str], priority: int, since: date | None = None
    ) -> None:
        self.rules += [
            {"grid_id": grid_id, "rule_type": rule_type, "rule_value": v, "priority": priority, "valid_from": since}
            for v in values
        ]

    def owner(self, grid_id: str, role: str, employee_id: str, since: date = SINCE, until: date | None = None) -> None:
        self.owners.append(
            {"grid_id": grid_id, "employee_id": employee_id, "role": role, "valid_from": since, "valid_to": until}
        )

    def change(self, change_id: str, kind: str, day: date, old: Sequence[str], new: Sequence[str]) -> None:
        """Record what became of the old grids and end them, their rules and their people on that day."""
        self.changes += [(change_id, kind, day, one, other) for one in old for other in new]
        for row in (*self.grids, *self.rules, *self.owners):
            if row["grid_id"] in old and row.get("valid_to") is None:
                row["valid_to"] = day


def make_grids(places: Places, staff: Staff, employers: Employers, first: date, today: date) -> Grids:
    """All master tables of the grids as of `today`: on the second and third date some grids change."""
    tables = _Tables()
    _add_tree(tables, places, staff, first, today)
    _add_trade(tables, places, staff, employers)
    _add_virtual(tables, places, staff, employers)
    _add_changes(tables, places, staff, first, today)
    rule = _frame(tables.rules, ["grid_id", "rule_type", "rule_value", "priority", "valid_from", "valid_to"])
    rule.insert(0, "rule_id", [f"R{number:05d}" for number in range(1, len(rule) + 1)])
    return Grids(
        _frame(
            tables.grids,
            [
                "grid_id", "grid_name", "parent_grid_id", "grid_kind", "grid_type", "market_type", "branch_code",
                "latitude", "longitude", "valid_from", "valid_to",
            ],
        ),
        pd.DataFrame(tables.scenes, columns=["grid_id", "scene_code"]),
        rule,
        _frame(tables.owners, ["grid_id", "employee_id", "role", "valid_from", "valid_to"]),
        pd.DataFrame(tables.changes, columns=["change_id", "kind", "effective_date", "old_grid_id", "new_grid_id"]),
    )  # fmt: skip


def _frame(rows: list[dict[str, Any]], columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame(rows).reindex(columns=columns)


def _place(frame: pd.DataFrame, row: int) -> dict[str, Any]:
    return {"latitude": frame["latitude"][row], "longitude": frame["longitude"][row]}


def _grid_of(places: Places, village: int) -> str:
    return f"G-{places.villages['village_code'][village]}"


def _village_columns(places: Places, village: int) -> dict[str, Any]:
    """What every grid made of a village carries besides its name."""
    town = places.villages["town"][village]
    return {
        "parent": f"G-{places.towns['town_code'][town]}",
        "market_type": places.villages["market_type"][village],
        "branch_code": places.towns["branch_code"][town],
        **_place(places.villages, village),
    }


def _first_of(staff: Staff, role: str, town: int) -> str | None:
    here = staff.employees[
        (staff.employees["role"] == role) & (staff.employees["town"] == town) & ~staff.employees["has_left"]
    ]
    return None if here.empty else str(here["employee_id"].iloc[0])


def _add_tree(tables: _Tables, places: Places, staff: Staff, first: date, today: date) -> None:
    """County, districts 片区, towns, villages and communities, the groups 组 of one village."""
    towns, villages, employees = places.towns, places.villages, staff.employees
    plan = plan_changes(places)
    county = f"G-{places.divisions.code}"
    tables.grid(county, places.county_name, "", "entity", "county")
    tables.owner(county, "head_office", employees["employee_id"][0])
    for market_type in dict.fromkeys(towns["market_type"]):
        tables.grid(
            f"{county}-{market_type}", _DISTRICTS[market_type], county, "entity", "district", market_type=market_type
        )
    for town, row in enumerate(named_rows(towns)):
        grid_id = f"G-{row.town_code}"
        tables.grid(
            grid_id, row.town_name, f"{county}-{row.market_type}", "entity", "town",
            market_type=row.market_type, branch_code=row.branch_code, **_place(towns, town),
        )  # fmt: skip
        for role in ("branch_head", "marketing_assistant", "maintenance_assistant"):
            if employee := _first_of(staff, role, town):
                tables.owner(grid_id, role, employee)
    handover = first + timedelta(days=1)
    for number, village in enumerate(named_rows(villages)):
        if number == plan.without_grid:
            continue
        grid_id = _grid_of(places, number)
        grid_type = "community" if village.is_community else "village"
        tables.grid(
            grid_id, village.village_name, kind="entity", grid_type=grid_type, **_village_columns(places, number)
        )
        tables.rule(grid_id, "village_code", [village.village_code], 100)
        owner = employees["employee_id"][staff.village_manager[number]]
        if number == plan.moved and today > first:
            tables.owner(grid_id, "grid_head", owner, until=handover)
            colleagues = employees[
                (employees["town"] == village.town)
                & (employees["role"] == "manager")
                & ~employees["has_left"]
                & (employees["employee_id"] != owner)
            ]
            tables.owner(grid_id, "grid_head", colleagues["employee_id"].iloc[0], since=handover)
        else:
            tables.owner(grid_id, "grid_head", owner)
        tables.owner(grid_id, "grid_keeper", employees["employee_id"][staff.village_keeper[number]])
    # A grid that was split in 2024: kept for history, without a rule.
    old = f"G-{towns['town_code'][0]}900"
    tables.grid(
        old, "老城网格(已拆分)", f"G-{towns['town_code'][0]}", "entity", "community",
        market_type=towns["market_type"][0], branch_code=towns["branch_code"][0], **_place(towns, 0),
    )  # fmt: skip
    heirs = [row["grid_id"] for row in tables.grids if row["grid_type"] in ("village", "community")][:2]
    tables.change("C0000", "split", date(2024, 7, 1), [old], heirs)
    village = _village_columns(places, plan.subdivided) | {"parent": _grid_of(places, plan.subdivided)}
    code = villages["village_code"][plan.subdivided]
    for number in (1, 2):
        grid_id = f"{_grid_of(places, plan.subdivided)}-{number}"
        name = f"{villages['village_name'][plan.subdivided]}{number}组"
        tables.grid(grid_id, name, kind="entity", grid_type="group", **village)
        tables.rule(grid_id, "group_name", [f"{code}|{number}组"], 90)


def _add_trade(tables: _Tables, places: Places, staff: Staff, employers: Employers) -> None:
    """Markets, business circles and parks, with a rule of every kind that finds a shop or a firm."""
    towns, villages = places.towns, places.villages
    short = towns["town_name"].str.replace("(街道|镇|乡)$", "", regex=True)

    def add(grid_id: str, name: str, town: int, grid_type: str) -> None:
        tables.grid(
            grid_id, name, f"G-{towns['town_code'][town]}", "entity", grid_type,
            market_type=towns["market_type"][town], branch_code=towns["branch_code"][town], **_place(towns, town),
        )  # fmt: skip
        if manager := _first_of(staff, "manager", town):
            tables.owner(grid_id, "grid_head", manager)

    urban, steel, grain = places.circle_towns["circle_1"], places.market_towns["steel"], places.market_towns["grain"]
    for market, name in MARKETS.items():
        add(f"G-M-{market}", name, places.market_towns[market], "wholesale_market")
        tables.rule(f"G-M-{market}", "market_code", [market], 10)
    circles = {"circle_1": f"{short[urban]}商圈", "circle_2": "步行街商圈", "circle_3": f"{short[steel]}商圈"}
    for circle, name in circles.items():
        add(f"G-C-{circle}", name, places.circle_towns[circle], "business_circle")
        tables.rule(f"G-C-{circle}", "market_code", [circle], 20)
    # Half a kilometre around the middle of the urban town, as a ring of longitude and latitude.
    latitude, longitude = towns["latitude"][urban], towns["longitude"][urban]
    corners = ((-0.005, -0.0045), (0.005, -0.0045), (0.005, 0.0045), (-0.005, 0.0045))
    ring = ",".join(f"{longitude + x:.6f} {latitude + y:.6f}" for x, y in corners)
    tables.rule("G-C-circle_1", "polygon", [ring], 21)
    add("G-C-near", f"{short[steel]}支行好邻居商圈", steel, "business_circle")
    tables.rule("G-C-near", "distance", [f"1|{towns['branch_code'][steel]}"], 40)
    add("G-P-1", "经济开发园区", grain, "park")
    tables.rule("G-P-1", "distance", ["0.6"], 35)
    add("G-P-2", f"{short[steel]}产业园", steel, "park")
    here = villages[villages["town"] == steel]
    tables.rule("G-P-2", "address", [f"{towns['town_name'][steel]}{here['village_name'].iloc[-1]}"], 31)
    frame = employers.frame
    listed = frame["category"].isin(["上市公司", "股份制"]).to_numpy()
    codes = [code for code, wanted in zip(employers.credit_code.to_pylist(), listed, strict=True) if wanted]
    for number in (1, 2):
        tables.rule(f"G-P-{number}", "employer_credit_code", codes[number - 1 :: 2], 30)


def _add_virtual(tables: _Tables, places: Places, staff: Staff, employers: Employers) -> None:
    """Associations, departments by line, chains and clusters; head office answers for them, in turn."""
    head_office = staff.employees.loc[staff.employees["role"] == "head_office", "employee_id"].tolist()
    county = f"G-{places.divisions.code}"

    def add(grid_id: str, name: str, grid_type: str) -> None:
        virtual = sum(row["grid_kind"] == "virtual" for row in tables.grids)
        tables.grid(grid_id, name, county, "virtual", grid_type)
        tables.owner(grid_id, "grid_head", head_office[virtual % len(head_office)])

    for association in named_rows(table("association")):
        add(f"G-{association.association_code}", association.association_name, "association")
        tables.rule(f"G-{association.association_code}", "association_code", [association.association_code], 100)
    codes, office = employers.credit_code.to_pylist(), employers.frame["office"].to_numpy()
    for number, (line, industries) in enumerate(LINES.items(), start=1):
        of_line = [code for code, name in zip(codes, office, strict=True) if name == line]
        if of_line or industries:
            add(f"G-D-{number:02d}", f"{line}条线", "government")
            tables.rule(f"G-D-{number:02d}", "employer_credit_code", of_line, 100)
            tables.rule(f"G-D-{number:02d}", "special_industry_code", industries, 100)
    for grid_id, name, grid_type, industries in _VIRTUAL:
        add(grid_id, name, grid_type)
        tables.rule(grid_id, "special_industry_code", industries, 100)


def _add_changes(tables: _Tables, places: Places, staff: Staff, first: date, today: date) -> None:
    """One village split by groups and two merged on the second date, one renamed on the third."""
    plan, villages = plan_changes(places), places.villages
    names, codes = villages["village_name"], villages["village_code"]

    def add(grid_id: str, name: str, village: int, since: date) -> None:
        grid_type = "community" if villages["is_community"][village] else "village"
        tables.grid(grid_id, name, kind="entity", grid_type=grid_type, since=since, **_village_columns(places, village))
        employees = staff.employees["employee_id"]
        tables.owner(grid_id, "grid_head", employees[staff.village_manager[village]], since=since)
        tables.owner(grid_id, "grid_keeper", employees[staff.village_keeper[village]], since=since)

    day = first + timedelta(days=1)
    if today >= day:
        old, code, name = _grid_of(places, plan.split), codes[plan.split], names[plan.split]
        tables.change("C0001", "split", day, [old], [f"{old}-1", f"{old}-2"])
        add(f"{old}-1", f"{name}东网格", plan.split, day)
        tables.rule(f"{old}-1", "village_code", [code], 100, since=day)
        add(f"{old}-2", f"{name}西网格", plan.split, day)
        tables.rule(f"{old}-2", "group_name", [f"{code}|{group}" for group in SPLIT_GROUPS], 90, since=day)
        merged = [_grid_of(places, village) for village in plan.merged]
        new = f"{merged[0]}-M"
        tables.change("C0002", "merge", day, merged, [new])
        add(new, "、".join(names[village] for village in plan.merged) + "联合网格", plan.merged[0], day)
        tables.rule(new, "village_code", [codes[village] for village in plan.merged], 100, since=day)
    day = first + timedelta(days=2)
    if today >= day:
        old = _grid_of(places, plan.renamed)
        tables.change("C0003", "rename", day, [old], [f"{old}-N"])
        add(f"{old}-N", f"{names[plan.renamed]}幸福网格", plan.renamed, day)
        tables.rule(f"{old}-N", "village_code", [codes[plan.renamed]], 100, since=day)
