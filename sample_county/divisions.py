"""The county's division lists: its towns and villages, where they lie and of what market type they are.

Two CSV lists of the form of the public division codes say everything: towns (code, name, areaCode) and villages (code,
name, streetCode). A third one (town_code, latitude, longitude, market_type) gives the real places of the towns; without
it the towns are laid out around a centre and their type follows from their name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from qianmo.errors import ConfigurationError
from sample_county.reference import FOLDER

BUNDLED = tuple(FOLDER / f"{name}.csv" for name in ("towns_321281", "villages_321281", "town_location"))
"""兴化, the county of S2; its real division codes."""
_NAMES = {"321281": "兴化市"}
UNKNOWN_NAME = "示范县"
_CENTRE = (33.0, 119.0)
"""Latitude and longitude of a county whose places are not known; assumed."""
_KM_PER_DEGREE = 111.2
_TOWN_SPACING_KM = 4.5
"""Distance at which the first ring of towns lies around the centre; assumed, about that of 兴化's streets."""
_FORMS = {
    "towns": {"code", "name", "areaCode"},
    "villages": {"code", "name", "streetCode"},
    "locations": {"town_code", "latitude", "longitude", "market_type"},
}
LEAST_TOWNS, LEAST_VILLAGES = 2, 7


@dataclass(frozen=True)
class Divisions:
    """A county's code (six digits), name, and two frames.

    towns: town_code, town_name, latitude, longitude, market_type. villages: village_code, name, town (row of towns).
    """

    code: str
    name: str
    towns: pd.DataFrame
    villages: pd.DataFrame

    @property
    def short_name(self) -> str:
        """The name as firms carry it: 兴化 of 兴化市."""
        return self.name[:-1] if len(self.name) > 2 and self.name[-1] in "市县区旗" else self.name


def read_divisions(paths: Sequence[Path] = BUNDLED, name: str | None = None) -> Divisions:
    """Read division lists, told apart by their columns; a folder stands for the CSV files in it.

    Raises:
        ConfigurationError: a list is missing, is of no known form, or does not describe one county with at least two
            towns and seven villages.
    """
    lists = _lists(paths)
    towns, villages = lists["towns"], lists["villages"]
    codes = sorted(set(towns["areaCode"]))
    if len(codes) != 1 or not codes[0].isdigit() or len(codes[0]) != 6:
        raise ConfigurationError(f"divisions: expected towns of one county with a six-digit areaCode, found {codes}")
    towns = towns.rename(columns={"code": "town_code", "name": "town_name"})[["town_code", "town_name"]]
    towns = towns[towns["town_code"].isin(villages["streetCode"])].reset_index(drop=True)
    if "locations" in lists:
        located = lists["locations"].astype({"latitude": float, "longitude": float})
        towns = towns.merge(located[["town_code", "latitude", "longitude", "market_type"]], on="town_code")
    else:
        towns = _laid_out(towns, villages)
    villages = villages.rename(columns={"code": "village_code"})
    villages["town"] = villages["streetCode"].map({code: row for row, code in enumerate(towns["town_code"])})
    villages = villages.dropna(subset=["town"]).astype({"town": int})[["village_code", "name", "town"]]
    for what, frame, key in (("town", towns, "town_code"), ("village", villages, "village_code")):
        if twice := sorted(frame.loc[frame[key].duplicated(), key]):
            raise ConfigurationError(f"divisions: the {what} code {twice[0]} occurs twice")
    if len(towns) < LEAST_TOWNS or len(villages) < LEAST_VILLAGES:
        raise ConfigurationError(
            f"divisions: expected at least {LEAST_TOWNS} towns and {LEAST_VILLAGES} villages with a town of the list,"
            f" found {len(towns)} and {len(villages)}"
        )
    return Divisions(codes[0], name or _NAMES.get(codes[0], UNKNOWN_NAME), towns, villages.reset_index(drop=True))


def _lists(paths: Sequence[Path]) -> dict[str, pd.DataFrame]:
    files = [file for path in paths for file in (sorted(path.glob("*.csv")) if path.is_dir() else [path])]
    found: dict[str, pd.DataFrame] = {}
    for file in files:
        try:
            frame = pd.read_csv(file, dtype=str, keep_default_na=False)
        except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
            raise ConfigurationError(f"{file}: cannot be read as a UTF-8 CSV file: {error}") from None
        forms = [form for form, columns in _FORMS.items() if columns <= set(frame.columns)]
        if len(forms) != 1:
            wanted = "; ".join(f"{form}: {', '.join(sorted(columns))}" for form, columns in _FORMS.items())
            raise ConfigurationError(
                f"{file}: expected the columns of one of {wanted}; found {', '.join(map(str, frame))}"
            )
        if forms[0] in found:
            raise ConfigurationError(f"{file}: a second list of {forms[0]}; name one county's lists only")
        found[forms[0]] = frame
    if missing := [form for form in ("towns", "villages") if form not in found]:
        raise ConfigurationError(f"divisions: no list of {' and '.join(missing)} among {', '.join(map(str, paths))}")
    return found


def _laid_out(towns: pd.DataFrame, villages: pd.DataFrame) -> pd.DataFrame:
    """Towns on a spiral around the centre, streets 街道 first and then by villages: the same for the same lists.

    The first town is urban, further streets are suburban, and so is the other town with the most villages (the county's
    second centre); all others are rural.
    """
    is_street = towns["town_name"].str.endswith("街道").to_numpy()
    size = towns["town_code"].map(villages["streetCode"].value_counts()).to_numpy()
    order = np.lexsort((towns["town_code"], -size, ~is_street))
    place = np.empty(len(towns), dtype=np.int64)
    place[order] = np.arange(len(towns))
    radius, angle = _TOWN_SPACING_KM * np.sqrt(place) / _KM_PER_DEGREE, place * np.pi * (3 - np.sqrt(5))
    latitude = _CENTRE[0] + radius * np.sin(angle)
    longitude = _CENTRE[1] + radius * np.cos(angle) / np.cos(np.radians(_CENTRE[0]))
    second = next((row for row in order[1:] if not is_street[row]), None)
    rows = np.arange(len(towns))
    market_type = np.select([place == 0, is_street | (rows == second)], ["urban", "suburban"], "rural")
    return towns.assign(latitude=latitude.round(4), longitude=longitude.round(4), market_type=market_type)
