"""Towns, villages, branches, employees and grids of the county."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from sample_county import parameters as p
from sample_county.randomness import apportion, stream
from sample_county.reference import table

HEAD_OFFICE = "8800"
MARKETS = {"crab": "河蟹批发市场", "grain": "粮食批发市场", "steel": "不锈钢批发市场"}
MARKET_TOWNS = {"crab": "千垛镇", "grain": "临城街道", "steel": "戴南镇"}
CIRCLES = {"circle_1": "英武路商圈", "circle_2": "板桥路商圈", "circle_3": "戴南商圈"}
CIRCLE_TOWNS = {"circle_1": "昭阳街道", "circle_2": "昭阳街道", "circle_3": "戴南镇"}


def named_rows(frame: pd.DataFrame) -> Iterator[Any]:
    """Rows as named tuples, for small frames that are walked through."""
    return iter(frame.itertuples())


@dataclass(frozen=True)
class Places:
    """Frames indexed 0…n-1; other modules refer to rows by that index.

    towns: town_code, town_name, latitude, longitude, market_type, branch_code.
    villages: village_code, village_name, town (index), is_community, market_type, latitude, longitude, roster_weight,
    other_weight.
    """

    towns: pd.DataFrame
    villages: pd.DataFrame
    branches: pd.DataFrame


def make_places(scale: float, seed: int) -> Places:
    """All 26 towns; at a small scale fewer villages, so that those there are have people."""
    random = stream(seed, "places")
    towns = table("towns_321281").rename(columns={"code": "town_code", "name": "town_name"})
    located = table("town_location")
    towns = towns.merge(located, on="town_code")[["town_code", "town_name", "latitude", "longitude", "market_type"]]
    towns = towns.astype({"latitude": float, "longitude": float})
    towns["branch_code"] = [f"88{number:02d}" for number in range(1, len(towns) + 1)]

    villages = table("villages_321281").rename(columns={"code": "village_code"})
    villages["town"] = villages["streetCode"].map({code: i for i, code in enumerate(towns["town_code"])})
    villages = villages.dropna(subset=["town"]).astype({"town": int})
    villages["village_name"] = villages["name"].str.replace("居委会", "社区").str.replace("村委会", "村")
    villages["is_community"] = villages["name"].str.endswith("居委会")
    wanted = int(np.clip(round(p.ROSTER_HOUSEHOLDS * scale / 10), 2 * len(towns), len(villages)))
    per_town = np.minimum(apportion(wanted, villages.groupby("town").size().to_numpy(), least=1), 10_000)
    # A town keeps its first community and its first villages in turn.
    rank = villages.groupby(["town", "is_community"]).cumcount() * 2 + ~villages["is_community"]
    villages = villages.assign(rank=rank).sort_values(["town", "rank", "village_code"], kind="stable")
    villages = villages[villages.groupby("town").cumcount() < per_town[villages["town"]]].reset_index(drop=True)

    town = villages["town"].to_numpy()
    town_type = towns["market_type"].to_numpy()[town]
    community = villages["is_community"].to_numpy()
    villages["market_type"] = np.select(
        [(town_type == "urban") | ((town_type == "suburban") & community & (town < 3)), town_type == "suburban"],
        ["urban", "suburban"],
        "rural",
    )
    # Villages lie within some three kilometres of the middle of their town.
    n = len(villages)
    villages["latitude"] = np.round(towns["latitude"].to_numpy()[town] + random.normal(0, 0.012, n), 6)
    villages["longitude"] = np.round(towns["longitude"].to_numpy()[town] + random.normal(0, 0.014, n), 6)
    villages["roster_weight"] = random.lognormal(0, 0.35, n) * np.where(villages["market_type"] == "urban", 0.15, 1.0)
    villages["other_weight"] = random.lognormal(0, 0.35, n) * np.where(
        villages["market_type"] == "urban", 6.0, np.where(community, 1.5, 0.15)
    )
    branches = pd.DataFrame(
        {
            "branch_code": [HEAD_OFFICE, *towns["branch_code"]],
            "branch_name": ["示范农商银行总行", *(name.rstrip("街道镇乡") + "支行" for name in towns["town_name"])],
            "parent": ["", *[HEAD_OFFICE] * len(towns)],
            "level": ["1", *["2"] * len(towns)],
            "town_code": [towns["town_code"][0], *towns["town_code"]],
            "market_type": ["urban", *towns["market_type"]],
            "latitude": [towns["latitude"][0], *towns["latitude"]],
            "longitude": [towns["longitude"][0], *towns["longitude"]],
        }
    )
    return Places(towns, villages, branches)


@dataclass(frozen=True)
class Staff:
    """employees: employee_id, role, town (index, -1 for head office), login, leave_day; managers: rows of employees.

    village_manager: for each village the row of its manager in `employees`.
    """

    employees: pd.DataFrame
    village_manager: np.ndarray
    village_keeper: np.ndarray


def make_staff(places: Places, scale: float) -> Staff:
    """A head, at least two managers and a grid keeper per branch; head office and risk; more roles at large scale."""
    towns, villages = places.towns, places.villages
    managers = apportion(
        max(round(p.MANAGERS * scale), 2 * len(towns) + 8), villages.groupby("town").size().to_numpy(), least=2
    )
    rows: list[tuple[str, int]] = [("head_office", -1)] * 3 + [("risk", -1)]
    for town in range(len(towns)):
        rows.append(("branch_head", town))
        rows += [("manager", town)] * int(managers[town])
        rows.append(("grid_keeper", town))
        if town < 3 or managers[town] >= 6:
            rows += [("team_head", town), ("marketing_assistant", town), ("maintenance_assistant", town)]
    rows.append(("manager", 0))  # one who has left: their customers wait to be given to somebody else
    employees = pd.DataFrame(rows, columns=["role", "town"])
    employees["employee_id"] = [f"E{number:05d}" for number in range(1, len(rows) + 1)]
    employees["branch_code"] = [HEAD_OFFICE if town < 0 else towns["branch_code"][town] for town in employees["town"]]
    employees["has_left"] = [False] * (len(rows) - 1) + [True]
    head_office = (employees["role"] == "head_office").cumsum()
    risk = (employees["role"] == "risk").cumsum()
    employees["login"] = [
        {
            "head_office": f"hq{head_office[i]:02d}",
            "risk": f"risk{risk[i]:02d}",
            "branch_head": f"bh_{row.branch_code}",
            "manager": f"cm_{row.employee_id}",
        }.get(row.role, f"st_{row.employee_id}")
        for i, row in enumerate(named_rows(employees))
    ]
    employees["team_code"] = [
        "" if row.role != "manager" or row.town < 0 else f"{row.branch_code}T1" for row in named_rows(employees)
    ]
    village_manager = np.zeros(len(villages), dtype=np.int64)
    village_keeper = np.zeros(len(villages), dtype=np.int64)
    for town in range(len(towns)):
        here = np.flatnonzero(villages["town"] == town)
        of_town = employees.index[
            (employees["town"] == town) & (employees["role"] == "manager") & ~employees["has_left"]
        ].to_numpy()
        village_manager[here] = of_town[np.arange(len(here)) % len(of_town)]
        village_keeper[here] = employees.index[(employees["town"] == town) & (employees["role"] == "grid_keeper")][0]
    return Staff(employees, village_manager, village_keeper)


@dataclass(frozen=True)
class Grids:
    """Frames with the columns of the contracts master.grid, grid_membership_rule and grid_owner."""

    grid: pd.DataFrame
    rule: pd.DataFrame
    owner: pd.DataFrame


def make_grids(
    places: Places, staff: Staff, government_employers: list[str], park_employers: list[str], first: date, today: date
) -> Grids:
    """County, districts, towns, villages and the other scenes; on the second business date one grid changes owner."""
    towns, villages, employees = places.towns, places.villages, staff.employees
    since = date(2019, 1, 1)  # S2: 2019年,启动农区网格建设整村授信工程
    grids: list[dict[str, object]] = []
    rules: list[tuple[str, str, str, int]] = []
    owners: list[tuple[str, str, str, date, date | None]] = []
    branch_head = {e.town: e.employee_id for e in named_rows(employees) if e.role == "branch_head"}
    head_office = employees["employee_id"][0]

    def add(grid_id: str, name: str, parent: str, kind: str, grid_type: str, scene: str, **more: object) -> None:
        grids.append(
            {
                "grid_id": grid_id,
                "grid_name": name,
                "parent_grid_id": parent,
                "grid_kind": kind,
                "grid_type": grid_type,
                "scene_code": scene,
                "valid_from": since,
                **more,
            }
        )

    def place(frame: pd.DataFrame, row: int) -> dict[str, object]:
        return {"latitude": frame["latitude"][row], "longitude": frame["longitude"][row]}

    add("G-321281", "兴化市", "", "entity", "county", "")
    owners.append(("G-321281", head_office, "grid_head", since, None))
    for market_type, name in (("urban", "城区片区"), ("suburban", "城郊片区"), ("rural", "农村片区")):
        add(f"G-{market_type}", name, "G-321281", "entity", "district", "", market_type=market_type)
        owners.append((f"G-{market_type}", head_office, "grid_head", since, None))
    for town, row in enumerate(named_rows(towns)):
        add(
            f"G-{row.town_code}", row.town_name, f"G-{row.market_type}", "entity", "town", "",
            market_type=row.market_type, branch_code=row.branch_code, **place(towns, town),
        )  # fmt: skip
        owners.append((f"G-{row.town_code}", branch_head[town], "grid_head", since, None))
    moved = 1  # village whose grid changes hands on the second date
    for number, village in enumerate(named_rows(villages)):
        grid_id = f"G-{village.village_code}"
        grid_type, scene = ("community", "community") if village.is_community else ("village", "village")
        add(
            grid_id, village.village_name, f"G-{towns['town_code'][village.town]}", "entity", grid_type, scene,
            market_type=village.market_type, branch_code=towns["branch_code"][village.town], **place(villages, number),
        )  # fmt: skip
        rules.append((grid_id, "village_code", village.village_code, 100))
        owner = employees["employee_id"][staff.village_manager[number]]
        if number == moved and today > first:
            owners.append((grid_id, owner, "grid_head", since, first + timedelta(days=1)))
            colleagues = employees[
                (employees["town"] == village.town)
                & (employees["role"] == "manager")
                & ~employees["has_left"]
                & (employees["employee_id"] != owner)
            ]
            owners.append((grid_id, colleagues["employee_id"].iloc[0], "grid_head", first + timedelta(days=1), None))
        else:
            owners.append((grid_id, owner, "grid_head", since, None))
        owners.append((grid_id, employees["employee_id"][staff.village_keeper[number]], "grid_keeper", since, None))
    # A village that was split in 2024: kept for history, without a rule.
    add(
        "G-321281001900", "牌楼网格(已拆分)", f"G-{towns['town_code'][0]}", "entity", "community", "community",
        market_type="urban", branch_code=towns["branch_code"][0], valid_to=date(2024, 7, 1), **place(towns, 0),
    )  # fmt: skip

    def add_entity(grid_id: str, name: str, town_name: str, grid_type: str, scene: str) -> None:
        town = int(towns.index[towns["town_name"] == town_name][0])
        add(
            grid_id, name, f"G-{towns['town_code'][town]}", "entity", grid_type, scene,
            market_type=towns["market_type"][town], branch_code=towns["branch_code"][town], **place(towns, town),
        )  # fmt: skip
        owner = employees.index[(employees["town"] == town) & (employees["role"] == "manager")][0]
        owners.append((grid_id, employees["employee_id"][owner], "grid_head", since, None))

    for market, name in MARKETS.items():
        add_entity(f"G-M-{market}", name, MARKET_TOWNS[market], "wholesale_market", "cluster")
        rules.append((f"G-M-{market}", "market_code", market, 10))
    for circle, name in CIRCLES.items():
        add_entity(f"G-C-{circle}", name, CIRCLE_TOWNS[circle], "business_circle", "circle")
        rules.append((f"G-C-{circle}", "market_code", circle, 20))
    add_entity("G-P-1", "经济开发园区", "临城街道", "park", "cluster")
    add_entity("G-P-2", "戴南不锈钢产业园", "戴南镇", "park", "cluster")
    rules += [(f"G-P-{1 + i % 2}", "employer_credit_code", code, 30) for i, code in enumerate(park_employers)]

    def add_virtual(grid_id: str, name: str, grid_type: str, scene: str) -> None:
        add(grid_id, name, "G-321281", "virtual", grid_type, scene)
        owners.append((grid_id, head_office, "grid_head", since, None))

    for association in named_rows(table("association")):
        add_virtual(f"G-{association.association_code}", association.association_name, "association", "association")
        rules.append((f"G-{association.association_code}", "association_code", association.association_code, 100))
    add_virtual("G-GOV", "机关单位", "government", "government")
    rules += [("G-GOV", "employer_credit_code", code, 100) for code in government_employers]
    for grid_id, name, grid_type, codes in (
        ("G-L-1", "河蟹产业链", "industry_chain", ("S01", "S02", "S04", "S17")),
        ("G-L-2", "不锈钢产业链", "industry_chain", ("S08", "S09", "S10")),
        ("G-J-1", "水产养殖集群", "cluster", ("S03", "S01")),
        ("G-J-2", "脱水蔬菜集群", "cluster", ("S11", "S12")),
        ("G-J-3", "粮食加工集群", "cluster", ("S06", "S07")),
        ("G-J-4", "机械铸造集群", "cluster", ("S45",)),
    ):
        add_virtual(grid_id, name, grid_type, "chain" if grid_type == "industry_chain" else "cluster")
        rules += [(grid_id, "special_industry_code", value, 100) for value in codes]

    grid = pd.DataFrame(grids).reindex(
        columns=[
            "grid_id", "grid_name", "parent_grid_id", "grid_kind", "grid_type", "scene_code", "market_type",
            "branch_code", "latitude", "longitude", "valid_from", "valid_to",
        ]
    )  # fmt: skip
    rule = pd.DataFrame(rules, columns=["grid_id", "rule_type", "rule_value", "priority"])
    rule.insert(0, "rule_id", [f"R{number:05d}" for number in range(1, len(rule) + 1)])
    owner = pd.DataFrame(owners, columns=["grid_id", "employee_id", "role", "valid_from", "valid_to"])
    return Grids(grid, rule, owner)
