"""Village-wide credit roles, business entities, employers and merchants."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sample_county import parameters as p
from sample_county.identifiers import Ints, credit_codes, day_number
from sample_county.people import HEAD, People
from sample_county.places import Places
from sample_county.randomness import apportion, stream
from sample_county.reference import table
from sample_county.writing import code, text

NONE = -1
MAIN_TYPES = tuple(p.MAIN_ENTITY_MIX)


@dataclass(frozen=True)
class VillageCredit:
    """Rows of People. `main` lists the main entities, first the drawn, then the credited undrawn, then the others."""

    evaluated: Ints
    main: Ints
    main_type: Ints
    drawn: int
    undrawn: int
    whitelist: Ints
    whitelist_yuan: Ints

    @property
    def credited(self) -> Ints:
        return self.main[: self.drawn + self.undrawn]


def make_village_credit(people: People, scale: float, seed: int) -> VillageCredit:
    """Who was evaluated, who is a main entity, who is credited, drawn and on the whitelist; exact counts."""
    random = stream(seed, "village credit")
    frame = people.frame
    heads = np.flatnonzero(frame["on_roster"] & (frame["relation"] == HEAD))
    able = heads[(frame["age"].to_numpy()[heads] >= 22) & (frame["age"].to_numpy()[heads] <= 75)]
    count = p.scaled(p.MAIN_ENTITIES, scale)
    main = random.permutation(able)[:count]
    drawn = p.scaled(p.MAIN_ENTITIES * p.DRAWN_SHARE, scale)
    undrawn = p.scaled(p.MAIN_ENTITIES * p.CREDITED_UNDRAWN_SHARE, scale)
    main_type = np.repeat(np.arange(3), apportion(count, np.array(list(p.MAIN_ENTITY_MIX.values()))))
    rest = random.permutation(np.setdiff1d(heads, main))
    more = max(0, round(len(heads) * p.EVALUATED_HEAD_SHARE) - count)
    evaluated = np.r_[main, rest[:more]]
    # The credited come first, then main entities, then the rest of the evaluated.
    listed = np.r_[main[: drawn + undrawn], random.permutation(evaluated[drawn + undrawn :])]
    whitelist = listed[: min(p.scaled(p.WHITELIST, scale), len(listed))]
    thousands = apportion(round(p.WHITELIST_AMOUNT * scale / 1000), random.lognormal(0, 0.5, len(whitelist)), least=20)
    return VillageCredit(evaluated, main, random.permutation(main_type), drawn, undrawn, whitelist, thousands * 1000)


@dataclass(frozen=True)
class Entities:
    """frame: special (row of the special industry table), kind (91 enterprise, 92 individual, 93 cooperative), owner
    (person), village, registered (day), capital (yuan), association (code or ''), is_key, state."""

    frame: pd.DataFrame
    credit_code: pa.Array
    name: pa.Array
    special: pd.DataFrame


_WORDS = list("兴隆盛泰昌顺达恒源鑫瑞丰华茂祥宏利福安康宝信诚永佳美嘉德润泽海天金玉龙凤鹤翔腾飞远")


def _trade_names(random: np.random.Generator, n: int) -> pa.Array:
    words = pa.array(_WORDS)
    first, second = (words.take(pa.array(random.integers(0, len(_WORDS), n))) for _ in range(2))
    return pc.binary_join_element_wise(first, second, "")


def make_entities(
    places: Places, people: People, credit: VillageCredit, scale: float, seed: int, first: date
) -> Entities:
    """The registered business entities in the 48 special industries; most owners are main entities."""
    random = stream(seed, "entities")
    special = table("special_industry")
    n = p.scaled(p.REGISTRY_ENTITIES, scale)
    kind_of = random.permutation(
        np.repeat(np.arange(len(special)), apportion(n, special["weight"].astype(float).to_numpy()))
    )
    frame = people.frame
    age = frame["age"].to_numpy()
    traders = random.permutation(credit.main[credit.main_type > 0])[: round(n * 0.55)]
    adults = np.setdiff1d(np.flatnonzero((age >= 25) & (age <= 65)), credit.main)
    owner = random.permutation(np.r_[traders, random.permutation(adults)[: n - len(traders)]])
    section = special["industry_code"].to_numpy()[kind_of]
    draw = random.random(n)
    makes = np.isin(section, ["13", "17", "18", "30", "31", "33", "34"])
    grows = np.isin(section, ["01", "03", "04", "05"])
    kind = np.select(
        [makes & (draw < 0.6), grows & (draw < 0.3), grows & (draw < 0.4), ~makes & ~grows & (draw < 0.15)],
        ["91", "93", "91", "91"],
        "92",
    )
    village = frame["village"].to_numpy()[owner]
    town_name = text(places.towns["town_name"].str.rstrip("街道镇乡"))
    suffix = {"91": "有限公司", "92": "经营部", "93": "专业合作社"}
    name = pc.binary_join_element_wise(
        town_name.take(pa.array(frame["town"].to_numpy()[owner])),
        _trade_names(random, n),
        text(special["special_industry_name"]).take(pa.array(kind_of)),
        code(kind, suffix),
        "",
    )
    association = special["association_code"].to_numpy()[kind_of]
    joins = (association != "") & (random.random(n) < p.ASSOCIATION_SHARE)
    # The two associations without a trade of their own take members from all trades.
    extra = np.where(random.random(n) < 0.03, np.where(frame["is_male"].to_numpy()[owner], "A17", "A18"), "")
    association = np.where(joins, association, extra)
    today = day_number(first)
    capital = np.where(kind == "92", 0, np.round(random.lognormal(13.5, 1.0, n), -4)).astype(np.int64)
    return Entities(
        pd.DataFrame(
            {
                "special": kind_of,
                "kind": kind,
                "owner": owner,
                "village": village,
                "registered": today - random.integers(30, 7000, n),
                "capital": capital,
                "association": association,
                "is_key": (association != "") & (random.random(n) < 0.06),
                "state": np.where(random.random(n) < 0.96, "存续", np.where(random.random(n) < 0.5, "吊销", "注销")),
            }
        ),
        credit_codes(places.divisions.code, np.arange(1, n + 1), kind.astype("U2")),
        name,
        special,
    )


@dataclass(frozen=True)
class Employers:
    """frame: admission_class (1–12), category, office (line of a public employer, else ''), village, pay_day;
    employees: person, employer, monthly_yuan."""

    frame: pd.DataFrame
    credit_code: pa.Array
    name: pa.Array
    employees: pd.DataFrame


_CATEGORIES = {
    "公务员": ("11", "局", (1, 2, 3, 4), 1.3),
    "国企": ("91", "国有投资有限公司", (5, 6), 1.2),
    "事业单位": ("12", "中心", (7, 8), 1.1),
    "上市公司": ("91", "股份有限公司", (9, 10), 1.15),
    "股份制": ("91", "实业股份有限公司", (11,), 1.0),
    "民营": ("91", "有限公司", (12,), 0.85),
}
_OFFICES = [
    "财政",
    "教育",
    "农业农村",
    "住房建设",
    "水利",
    "交通运输",
    "卫生健康",
    "民政",
    "审计",
    "统计",
    "文旅",
    "税务",
    "市场监管",
    "工业信息",
    "商务",
]


def make_employers(people: People, credit: VillageCredit, places: Places, scale: float, seed: int) -> Employers:
    """Employers of all twelve admission classes and whom they pay."""
    random = stream(seed, "employers")
    m = p.scaled(p.EMPLOYERS, scale, least=14)
    classes = np.r_[np.arange(1, 13), random.choice(12, m - 12, p=np.r_[[0.03] * 8, [0.02] * 2, 0.1, 0.62]) + 1]
    category_of = {number: name for name, (_, _, numbers, _) in _CATEGORIES.items() for number in numbers}
    category = np.array([category_of[int(number)] for number in classes])
    kind = np.array([_CATEGORIES[name][0] for name in category])
    words = _trade_names(random, m).to_pylist()
    office = np.where(np.isin(kind, ("11", "12")), np.array(_OFFICES)[np.arange(m) % len(_OFFICES)], "")
    names = [
        f"{places.county_name}{office[i]}{'' if i < 4 else i}{_CATEGORIES[name][1]}"
        if office[i]
        else f"{places.divisions.short_name}{words[i]}{_CATEGORIES[name][1]}"
        for i, name in enumerate(category)
    ]
    community = np.flatnonzero(places.villages["is_community"])
    community = community if len(community) else np.arange(len(places.villages))
    frame = people.frame
    age = frame["age"].to_numpy()
    working = np.setdiff1d(np.flatnonzero((age >= 22) & (age <= 59)), credit.main)
    # Town people work for employers more often than villagers.
    weight = random.random(len(working)) + np.where(frame["on_roster"].to_numpy()[working], 0.0, 0.35)
    employed = working[np.argsort(-weight, kind="stable")[: p.scaled(p.EMPLOYED, scale)]]
    sizes = apportion(len(employed), random.lognormal(0, 0.8, m) * np.where(classes <= 8, 0.8, 1.0), least=1)
    employer = np.repeat(np.arange(m), sizes)
    factor = np.array([_CATEGORIES[name][3] for name in category])
    pay = np.clip(np.round(random.lognormal(8.65, 0.35, len(employed)) * factor[employer], -1), 2500, 40000)
    return Employers(
        pd.DataFrame(
            {
                "admission_class": classes,
                "category": category,
                "kind": kind,
                "office": office,
                "village": random.choice(community, m),
                "pay_day": random.choice([10, 15, 25], m),
            }
        ),
        credit_codes(places.divisions.code, np.arange(900_000, 900_000 + m), kind),
        pa.array(names),
        pd.DataFrame(
            {"person": random.permutation(employed), "employer": employer, "monthly_yuan": pay.astype(np.int64)}
        ),
    )


@dataclass(frozen=True)
class Merchants:
    """frame: entity (row or -1), owner (person), mcc, market ('' or a market or circle), village, latitude, longitude,
    signed (day), is_new (signed within the year before first), since (0 first load, k: k-th delta day), status and
    weight."""

    frame: pd.DataFrame
    name: pa.Array


def make_merchants(
    places: Places, people: People, entities: Entities, scale: float, seed: int, first: date, deltas: int
) -> Merchants:
    """Merchants of the three markets, the year's new ones and older ones; a few more on every delta day."""
    random = stream(seed, "merchants")
    frame, special = people.frame, entities.special
    entity_market = special["market_code"].to_numpy()[entities.frame["special"]]
    trades = np.isin(
        special["industry_code"].to_numpy()[entities.frame["special"]],
        ["51", "52", "61", "62", "72", "80", "81", "90", "50"],
    )
    alive = (entities.frame["state"] == "存续").to_numpy()
    order = random.permutation(len(entities.frame))
    used = np.zeros(len(entities.frame), dtype=bool)
    age = frame["age"].to_numpy()
    walk_in = random.permutation(np.setdiff1d(np.flatnonzero((age >= 22) & (age <= 65)), entities.frame["owner"]))
    next_walk_in = 0
    parts: list[pd.DataFrame] = []

    def take(count: int, allowed: np.ndarray, market: str, is_new: bool, since: int) -> None:
        nonlocal next_walk_in
        chosen = order[allowed[order] & alive[order] & ~used[order]][:count]
        used[chosen] = True
        others = walk_in[next_walk_in : next_walk_in + count - len(chosen)]
        next_walk_in += len(others)
        parts.append(
            pd.DataFrame(
                {
                    "entity": np.r_[chosen, np.full(len(others), NONE)],
                    "owner": np.r_[entities.frame["owner"].to_numpy()[chosen], others],
                    "market": market,
                    "is_new": is_new,
                    "since": since,
                }
            )
        )

    for market, count in p.MARKET_MERCHANTS.items():
        take(p.scaled(count, scale), entity_market == market, market, False, 0)
    new, old = p.scaled(p.NEW_MERCHANTS, scale), p.scaled(p.OLD_MERCHANTS, scale)
    take(round(new * 0.6), trades, "", True, 0)
    take(new - round(new * 0.6), np.zeros(len(used), dtype=bool), "", True, 0)
    take(round(old * 0.5), trades, "", False, 0)
    take(old - round(old * 0.5), np.zeros(len(used), dtype=bool), "", False, 0)
    for delta in range(1, deltas + 1):
        take(p.scaled(p.NEW_MERCHANTS_DAY, scale), trades, "", True, delta)
    merchants = pd.concat(parts, ignore_index=True)

    n = len(merchants)
    village = frame["village"].to_numpy()[merchants["owner"]].copy()
    villages, towns = places.villages, places.towns
    for market, market_town in places.market_towns.items():
        here = np.flatnonzero(villages["town"] == market_town)
        village[merchants["market"] == market] = here[0]
    circle = random.random(n) < 0.12
    for circle_code, circle_town in places.circle_towns.items():
        here = np.flatnonzero((villages["town"] == circle_town) & villages["is_community"])
        here = here if len(here) else np.flatnonzero(villages["town"] == circle_town)
        chosen = circle & (merchants["market"] == "").to_numpy() & np.isin(village, here)
        chosen &= (np.arange(n) % 2 == 0) | (circle_code != "circle_1")
        village[chosen] = here[0]
        merchants.loc[chosen, "market"] = circle_code
    merchants["village"] = village
    town = villages["town"].to_numpy()[village]
    near = random.random(n) < 0.35  # S2 "好邻居": shops within a kilometre of the branch
    base_latitude = np.where(near, towns["latitude"].to_numpy()[town], villages["latitude"].to_numpy()[village])
    base_longitude = np.where(near, towns["longitude"].to_numpy()[town], villages["longitude"].to_numpy()[village])
    merchants["latitude"] = np.round(base_latitude + random.normal(0, 0.004, n), 6)
    merchants["longitude"] = np.round(base_longitude + random.normal(0, 0.004, n), 6)
    entity = merchants["entity"].to_numpy()
    entity_special = entities.frame["special"].to_numpy()[np.maximum(entity, 0)]
    walk_mcc = np.array(["5411", "5331", "5499", "5812", "5814", "5651", "5912", "7230"])
    merchants["mcc"] = np.where(
        entity >= 0, special["mcc"].to_numpy()[entity_special], walk_mcc[random.integers(0, len(walk_mcc), n)]
    )
    today = day_number(first)
    merchants["signed"] = np.where(
        merchants["since"] > 0,
        today + merchants["since"],
        np.where(merchants["is_new"], today - random.integers(1, 360, n), today - random.integers(370, 2000, n)),
    )
    draw = random.random(n)
    settled = (merchants["is_new"] | (merchants["market"] != "")).to_numpy()
    merchants["status"] = np.where(settled | (draw < 0.93), "1", np.where(draw < 0.96, "2", "3"))
    merchants["weight"] = random.lognormal(0, 0.9, n)  # of its trade, against its neighbours'
    shop = pc.binary_join_element_wise(
        text(towns["town_name"].str.rstrip("街道镇乡")).take(pa.array(town)), _trade_names(random, n), "店", ""
    )
    named = entities.name.take(pa.array(np.maximum(entity, 0)))
    return Merchants(merchants, pc.if_else(pa.array(entity >= 0), named, shop))
