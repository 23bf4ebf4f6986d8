"""Visits and calls as managers enter them: honest ones, planted cheats, and honest ones that look like cheats."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from qianmo.definitions import holidays
from sample_county import parameters as p
from sample_county.customers import Customers
from sample_county.identifiers import Ints, day_number
from sample_county.places import Places, Staff
from sample_county.randomness import stream

HISTORY_DAYS = 150
_SATURDAY = 5
"""Day 0 is a Thursday: (day + 3) % 7 is 0 on Mondays and 5 on Saturdays."""
_MINUTE, _HOUR = 60, 3600
_WORK_STARTS, _WORK_SECONDS = 8 * _HOUR + 1800, 9 * _HOUR
_CHEATS = ("desk", "travel", "bulk", "late_bulk", "duplicate", "day_off")
_CONTENTS = np.array(["了解经营情况", "介绍农户小额普惠信用贷款", "维护收款码", "回访存款到期安排", "介绍手机银行"])


def make_visits(
    places: Places, staff: Staff, customers: Customers, scale: float, seed: int, today: int, deltas: int
) -> pd.DataFrame:
    """Columns customer, day, second, recorded_day, recorded_second, latitude, longitude, method, kind, content, result,
    manager, story, since.

    Days are since 1970-01-01, seconds of the day; places are missing for calls. story: "" of an ordinary one, else what
    was planted; `is_cheat` tells the cheats among the stories. Ordered by since, day and customer.
    """
    field_work = _FieldWork(places, staff, customers, stream(seed, "visits"), today)
    history = field_work.ordinary(p.scaled(p.VISITS_HISTORY, scale, least=6), p.scaled(p.CALLS_HISTORY, scale, 4), 0)
    told = field_work.stories(scale)
    taken = pd.MultiIndex.from_tuples(field_work.taken)
    free = ~pd.MultiIndex.from_frame(history[["manager", "day"]]).isin(taken)
    history = field_work.copied(history[free], scale)
    parts = [history, told]
    for delta in range(1, deltas + 1):
        parts.append(field_work.ordinary(p.scaled(p.VISITS_DAY, scale, 6), p.scaled(p.CALLS_DAY, scale, 4), delta))
    visit = pd.concat(parts, ignore_index=True)
    random, n = field_work.random, len(visit)
    visit["kind"] = np.where(random.random(n) < 0.7, "普访", "精访")
    visit["content"] = _CONTENTS[random.integers(0, len(_CONTENTS), n)]
    visit["result"] = random.choice(["无", "发现需求", "已申请", "拒绝"], n, p=[0.5, 0.35, 0.08, 0.07])
    return visit.sort_values(["since", "day", "customer", "second"], kind="stable", ignore_index=True)


def is_cheat(story: pd.Series) -> pd.Series:
    """Which of the stories are untrue."""
    found: pd.Series = story.isin(_CHEATS)
    return found


@dataclass
class _FieldWork:
    places: Places
    staff: Staff
    customers: Customers
    random: np.random.Generator
    today: int
    taken: list[tuple[int, int]] = field(default_factory=list)
    """Manager and day of every story, so that nothing else happens to that person on that day."""

    def __post_init__(self) -> None:
        rows = self.customers.frame
        is_firm = (rows["person"] < 0).to_numpy()
        ordinary = ~rows["is_duplicate"].to_numpy() & (rows["since"] == 0).to_numpy()
        self.village = rows["village"].to_numpy()
        self.manager = np.where(rows["manager"] >= 0, rows["manager"], self.staff.village_manager[self.village])
        self.persons = np.flatnonzero(ordinary & ~is_firm & ~rows["is_deceased"].to_numpy())
        self.firms = np.flatnonzero(ordinary & is_firm)
        # S3 表8 asks for a visit to each managed firm a month: half of the work goes there.
        weight = np.where(rows["manager"].to_numpy()[self.persons] >= 0, 1.0, 0.1)
        both = np.r_[weight / weight.sum(), np.full(len(self.firms), 1 / len(self.firms))]
        self.known, self.weight = np.r_[self.persons, self.firms], both / both.sum()
        employees = self.staff.employees
        heads = employees[employees["role"] == "branch_head"]
        self.head_of_town = dict(zip(heads["town"], heads.index, strict=True))
        self.managers = employees.index[(employees["role"] == "manager") & ~employees["has_left"]].to_numpy()
        days = self.today - np.arange(1, HISTORY_DAYS)
        self.weekdays = days[(days + 3) % 7 < _SATURDAY]
        worked = [day_number(day) for holiday in holidays() for day in holiday.working]
        self.saturdays = days[((days + 3) % 7 == _SATURDAY) & ~np.isin(days, worked)]

    def ordinary(self, visits: int, calls: int, since: int) -> pd.DataFrame:
        """Honest work: in hours, from one customer to the next, entered within the hour or so."""
        who = self.random.choice(self.known, visits, p=self.weight)
        called = self.random.choice(self.firms, calls)
        n = visits + calls
        frame = pd.DataFrame({"customer": np.r_[who, called]})
        frame["method"] = np.repeat(["上门", "电话"], [visits, calls])
        frame["day"] = self.random.choice(self.weekdays, n) if since == 0 else self.today + since
        frame = frame.drop_duplicates(["customer", "day"], ignore_index=True)
        n = len(frame)
        frame["manager"] = self.manager[frame["customer"]]
        by_head = np.isin(frame["customer"], self.firms) & (self.random.random(n) < 0.2)
        town = self.places.villages["town"].to_numpy()[self.village[frame["customer"]]]
        heads = np.array([self.head_of_town[one] for one in town])
        frame.loc[by_head, "manager"] = heads[by_head]
        # The day of a person is cut into as many parts as there are customers, and each has one.
        turns = frame.groupby(["manager", "day"])
        turn, of = turns.cumcount().to_numpy(), turns["customer"].transform("size").to_numpy()
        part = _WORK_SECONDS / of
        frame["second"] = (_WORK_STARTS + (turn + self.random.uniform(0.2, 0.8, n)) * part).astype(np.int64) // 60 * 60
        frame = self._at(frame, self.village[frame["customer"]])
        frame.loc[frame["method"] == "电话", ["latitude", "longitude"]] = np.nan
        return self._entered(frame, self.random.integers(5, 60, n)).assign(story="", since=since)

    def _at(self, frame: pd.DataFrame, village: Ints, spread: float = 0.004) -> pd.DataFrame:
        """Where it was entered: about the middle of a village, in degrees."""
        for axis in ("latitude", "longitude"):
            middle = self.places.villages[axis].to_numpy()[village]
            frame[axis] = np.round(middle + self.random.normal(0, spread, len(frame)), 6)
        return frame

    def _entered(self, frame: pd.DataFrame, minutes: Ints) -> pd.DataFrame:
        """When it was entered: so many minutes after the visit."""
        stamp = frame["day"] * 24 * _HOUR + frame["second"] + minutes * _MINUTE
        frame["recorded_day"], frame["recorded_second"] = stamp // (24 * _HOUR), stamp % (24 * _HOUR)
        return frame

    def stories(self, scale: float) -> pd.DataFrame:
        """Days of one person each, true and untrue."""
        runs: list[pd.DataFrame] = []
        turns = self._days(self.weekdays)
        saturdays = self._days(self.saturdays)
        for story, count in p.VISIT_STORIES.items():
            for _ in range(p.scaled(count, scale)):
                days = saturdays if story in ("day_off", "weekend_campaign") else turns
                manager, day = next(days)
                self.taken += [(manager, day - back) for back in range(7 if story == "late_bulk" else 1)]
                runs.append(getattr(self, f"_{story}")(manager, day).assign(manager=manager, story=story))
        return pd.concat(runs, ignore_index=True).assign(method="上门", since=0)

    def _days(self, days: Ints) -> Iterator[tuple[int, int]]:
        """The last such day of a week, for each person and week once, in random order."""
        weeks = np.unique((days + 3) // 7)
        pairs = self.random.permutation(len(self.managers) * len(weeks))
        for pair in pairs:
            manager, week = int(self.managers[pair % len(self.managers)]), weeks[pair // len(self.managers)]
            yield manager, int(days[(days + 3) // 7 == week].max())

    def _mine(self, manager: int, count: int) -> Ints:
        """Customers of a manager, or of the county where there are too few."""
        mine = self.known[self.manager[self.known] == manager]
        return self.random.choice(mine if len(mine) >= count else self.known, count, replace=False)

    def _apart(self, count: int) -> Ints:
        """Customers of different towns, each five kilometres and more from the one before."""
        middle = self.places.villages[["latitude", "longitude"]].to_numpy()[self.village[self.known]]
        chosen = [int(self.random.integers(len(self.known)))]
        while len(chosen) < count:
            north, east = ((middle - middle[chosen[-1]]) * [111.0, 94.0]).T
            away = np.hypot(north, east)
            far = np.setdiff1d(np.flatnonzero((away > 8) & (away < 30)), chosen)
            chosen.append(int(self.random.choice(far)))
        customers: Ints = self.known[chosen]
        return customers

    def _run(self, customer: Ints, day: int | Ints, second: Ints) -> pd.DataFrame:
        frame = pd.DataFrame({"customer": customer, "day": day, "second": second // 60 * 60})
        return self._at(frame, self.village[customer])

    def _spread(self, count: int) -> Ints:
        return np.linspace(9 * _HOUR, 17 * _HOUR, count).astype(np.int64)

    def _travel(self, _manager: int, day: int) -> pd.DataFrame:
        """Three towns within minutes."""
        gaps = np.cumsum(self.random.integers(2, 5, 3)) * _MINUTE
        return self._entered(self._run(self._apart(3), day, 14 * _HOUR + gaps), self.random.integers(3, 20, 3))

    def _fast_trip(self, _manager: int, day: int) -> pd.DataFrame:
        """Honest: by car from one town to another, 8 to 30 kilometres in 35 minutes."""
        return self._entered(
            self._run(self._apart(2), day, 10 * _HOUR + np.array([0, 35 * _MINUTE])), self.random.integers(3, 20, 2)
        )

    def _bulk(self, manager: int, day: int) -> pd.DataFrame:
        """A day's visits, all entered at home in the evening."""
        frame = self._run(self._mine(manager, 6), day, self._spread(6))
        frame["recorded_day"], frame["recorded_second"] = day, 21 * _HOUR + np.arange(6) * 2 * _MINUTE
        return frame

    def _evening_entry(self, manager: int, day: int) -> pd.DataFrame:
        """Honest: a day's visits, entered together at the branch before it closes."""
        frame = self._run(self._mine(manager, 6), day, self._spread(6))
        frame["recorded_day"], frame["recorded_second"] = day, 17 * _HOUR + 1800 + np.arange(6) * 2 * _MINUTE
        return frame

    def _late_bulk(self, manager: int, day: int) -> pd.DataFrame:
        """Visits of three days, entered together at the end of the week."""
        frame = self._run(self._mine(manager, 6), day - np.repeat([4, 3, 2], 2), np.tile(self._spread(2), 3))
        frame["recorded_day"], frame["recorded_second"] = day, 17 * _HOUR + 1800 + np.arange(6) * 2 * _MINUTE
        return frame

    def _day_off(self, manager: int, day: int) -> pd.DataFrame:
        """A Saturday's visit that was thought of on Monday."""
        frame = self._run(self._mine(manager, 1), day, np.array([10 * _HOUR]))
        frame["recorded_day"], frame["recorded_second"] = day + 2, 9 * _HOUR
        return frame

    def _weekend_campaign(self, manager: int, day: int) -> pd.DataFrame:
        """Honest: a Saturday in one village, entered at once."""
        return self._one_village(day, self._mine(manager, 1), 9 * _HOUR)

    def _evening_market(self, manager: int, day: int) -> pd.DataFrame:
        """Honest: after work among the stalls of one village, each entered on the spot."""
        return self._one_village(day, self._mine(manager, 1), 19 * _HOUR)

    def _one_village(self, day: int, first: Ints, second: int) -> pd.DataFrame:
        neighbours = self.known[self.village[self.known] == self.village[first[0]]]
        who = self.random.choice(neighbours, min(6, len(neighbours)), replace=False)
        frame = pd.DataFrame({"customer": who, "day": day, "second": second + np.arange(len(who)) * 8 * _MINUTE})
        frame = self._at(frame, self.village[who], spread=0.0005)
        return self._entered(frame, self.random.integers(2, 6, len(who)))

    def _village_meeting(self, manager: int, day: int) -> pd.DataFrame:
        """Honest: neighbours who came to the village committee, entered from the same chair."""
        frame = self._one_village(day, self._mine(manager, 1), 10 * _HOUR)
        return frame.assign(latitude=frame["latitude"].iloc[0], longitude=frame["longitude"].iloc[0])

    def copied(self, history: pd.DataFrame, scale: float) -> pd.DataFrame:
        """Cheats made of ordinary visits: some were entered at the branch's own desk, some twice."""
        alone = history.groupby(["manager", "day"])["customer"].transform("size") == 1
        visits = np.flatnonzero(alone & (history["method"] == "上门"))
        desk = self.places.branches[["latitude", "longitude"]].to_numpy()[0]
        middle = self.places.villages[["latitude", "longitude"]].to_numpy()
        away = np.hypot(*((middle[self.village[history["customer"].to_numpy()[visits]]] - desk) * [111.0, 94.0]).T)
        # Whoever lives at the branch's door cannot be told from the desk.
        fake = self.random.permutation(visits[away > 1])[: p.scaled(p.FAKE_VISITS, scale, least=4)]
        history = history.reset_index(drop=True)
        for axis, place in zip(("latitude", "longitude"), desk, strict=True):
            history.loc[fake, axis] = place
        history.loc[fake, "story"] = "desk"
        twice = self.random.permutation(np.setdiff1d(visits, fake))[: p.scaled(p.REPEATED_VISITS, scale, least=2)]
        again = history.iloc[twice].assign(story="duplicate")
        later = self.random.integers(20, 120, len(again)) * _MINUTE
        again["second"] += later
        again = self._at(again, self.village[again["customer"]], spread=0.0005)
        again = self._entered(again, self.random.integers(5, 30, len(again)))
        return pd.concat([history, again], ignore_index=True)
