"""Towns, villages, branches and employees of the county."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sample_county import parameters as p
from sample_county.divisions import Divisions
from sample_county.randomness import apportion, stream

HEAD_OFFICE = "8800"
MARKETS = {"crab": "河蟹批发市场", "grain": "粮食批发市场", "steel": "不锈钢批发市场"}


def named_rows(frame: pd.DataFrame) -> Iterator[Any]:
    """Rows as named tuples, for small frames that are walked through."""
    return iter(frame.itertuples())


@dataclass(frozen=True)
class Places:
    """Frames indexed 0…n-1; other modules refer to rows by that index.

    towns: town_code, town_name, latitude, longitude, market_type, branch_code.
    villages: village_code, village_name, town (index), is_community, market_type, latitude, longitude, roster_weight,
    other_weight. market_towns, circle_towns: town (index) of each market and of each
    business circle.
    """

    divisions: Divisions
    towns: pd.DataFrame
    villages: pd.DataFrame
    branches: pd.DataFrame
    market_towns: dict[str, int]
    circle_towns: dict[str, int]

    @property
    def county_name(self) -> str:
        return self.divisions.name


def _trade_towns(divisions: Divisions) -> tuple[dict[str, int], dict[str, int]]:
    """Where the markets and the business circles are, by rules that hold for any county.

    Steel lies in the largest town outside the urban one, crab in the largest rural town but that, grain in the first
    suburban town but that; a county without such a town takes the next best.
    """
    towns = divisions.towns
    size = divisions.villages.groupby("town").size().reindex(range(len(towns)), fill_value=0).to_numpy()
    kind = towns["market_type"].to_numpy()
    largest = sorted(range(len(towns)), key=lambda row: (-size[row], row))
    urban = next((row for row in range(len(towns)) if kind[row] == "urban"), 0)
    outside = [row for row in largest if row != urban]
    steel = outside[0]
    others = [row for row in outside if row != steel] or [steel]
    crab = next((row for row in others if kind[row] == "rural"), others[0])
    grain = next((row for row in sorted(others) if kind[row] == "suburban"), others[-1])
    return {"crab": crab, "grain": grain, "steel": steel}, {"circle_1": urban, "circle_2": urban, "circle_3": steel}


def make_places(divisions: Divisions, scale: float, seed: int) -> Places:
    """All towns; at a small scale fewer villages, so that those there are have people."""
    random = stream(seed, "places")
    towns = divisions.towns.copy()
    towns["branch_code"] = [f"88{number:02d}" for number in range(1, len(towns) + 1)]

    villages = divisions.villages.copy()
    villages["village_name"] = villages["name"].str.replace("居委会", "社区").str.replace("村委会", "村")
    villages["is_community"] = villages["village_name"].str.endswith("社区")
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
        [
            (town_type == "urban")
            | ((town_type == "suburban") & community & towns["town_name"].str.endswith("街道").to_numpy()[town]),
            town_type == "suburban",
        ],
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
    return Places(divisions, towns, villages, branches, *_trade_towns(divisions))


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
