"""Division lists of any county: what is read from them, what follows from them, and what is refused."""

from pathlib import Path

import pytest

from qianmo.errors import ConfigurationError
from sample_county.divisions import BUNDLED, read_divisions
from sample_county.grids import plan_changes
from sample_county.places import make_places
from tests.sample_county.conftest import SEED

SECOND = Path(__file__).parent / "second_county"


def test_the_bundled_county_is_that_of_s2() -> None:
    divisions = read_divisions()
    assert (divisions.code, divisions.name, divisions.short_name) == ("321281", "兴化市", "兴化")
    assert len(divisions.towns) == 26
    places = make_places(divisions, 1.0, SEED)
    towns = places.towns["town_name"]
    markets = {market: towns[town] for market, town in places.market_towns.items()}
    assert markets == {"crab": "千垛镇", "grain": "临城街道", "steel": "戴南镇"}
    assert towns[places.circle_towns["circle_1"]] == "昭阳街道"


def test_a_county_without_places_is_laid_out_by_rule() -> None:
    divisions = read_divisions([SECOND])
    assert (divisions.code, divisions.name, divisions.short_name) == ("990101", "示范县", "示范")
    types = dict(zip(divisions.towns["town_name"], divisions.towns["market_type"], strict=True))
    assert types == {
        "东湖街道": "urban",
        "西湾街道": "suburban",
        "云集镇": "suburban",
        "泽口镇": "rural",
        "柳堤镇": "rural",
        "桃源乡": "rural",
    }
    assert len(set(zip(divisions.towns["latitude"], divisions.towns["longitude"], strict=True))) == 6
    again = read_divisions([SECOND / "villages_990101.csv", SECOND / "towns_990101.csv"])
    assert again.towns.equals(divisions.towns)
    assert again.villages.equals(divisions.villages)


def test_what_changes_is_planned_apart() -> None:
    plan = plan_changes(make_places(read_divisions([SECOND]), 0.001, SEED))
    rows = [plan.moved, plan.subdivided, plan.split, *plan.merged, plan.renamed, plan.without_grid]
    assert len(set(rows)) == 7


TOWNS = "code,name,areaCode\n990101001,甲街道,990101\n990101100,乙镇,990101\n"
VILLAGES = "code,name,streetCode\n" + "".join(
    f"99010{town}{number:03d},{number}号村委会,99010{town}\n" for town in ("1001", "1100") for number in range(1, 5)
)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"towns.csv": TOWNS}, "no list of villages"),
        ({"towns.csv": TOWNS, "villages.csv": "code,name\n1,甲\n"}, r"villages\.csv: expected the columns"),
        ({"towns.csv": TOWNS, "more.csv": TOWNS, "villages.csv": VILLAGES}, "a second list of towns"),
        ({"towns.csv": TOWNS.replace("乙镇,990101", "乙镇,990102"), "villages.csv": VILLAGES}, "towns of one county"),
        ({"towns.csv": TOWNS.replace("990101\n", "9901\n"), "villages.csv": VILLAGES}, "six-digit areaCode"),
        ({"towns.csv": TOWNS, "villages.csv": VILLAGES + VILLAGES.splitlines()[1] + "\n"}, "990101001001 occurs twice"),
        ({"towns.csv": TOWNS, "villages.csv": "\n".join(VILLAGES.splitlines()[:6])}, "found 2 and 5"),
        ({"towns.csv": ""}, r"towns\.csv: cannot be read"),
    ],
)
def test_lists_that_do_not_describe_a_county_are_refused(tmp_path: Path, files: dict[str, str], said: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=said):
        read_divisions([tmp_path])


def test_the_bundled_lists_are_read_like_any_other() -> None:
    assert read_divisions(BUNDLED, "新名县").name == "新名县"
