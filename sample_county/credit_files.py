"""Credit: daily CSV files, and the roster workbooks as village committees fill them in."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sample_county import parameters as p
from sample_county.county import County
from sample_county.economy import MAIN_TYPES
from sample_county.identifiers import NULL_DAY, Ints, day_number, fifteen_digits, mistyped, padded, phones
from sample_county.lending import outstanding
from sample_county.names import miswritten, with_given_swapped
from sample_county.places import named_rows
from sample_county.randomness import stream
from sample_county.writing import day_text, money, text, time_text, write_csv, write_workbook

_RELATIONS = ("户主", "配偶", "子女", "父母", "其他")
_EVALUATIONS = ("优秀", "良好", "合格", "不合格")
_TYPES = {
    "large_grower": "种养大户",
    "individual_business": "个体工商户",
    "agri_small_enterprise_owner": "涉农小微企业主",
}
_HEADER = (
    "序号", "村(社区)名称", "村(社区)代码", "村民小组", "户编号", "成员序号", "姓名", "与户主关系", "身份证号",
    "联系电话", "建档日期", "评议日期", "评议结果", "经营主体类型", "备注",
)  # fmt: skip
_FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
TOWNS_WITH_TOTAL = (3, 7, 11)
"""Towns whose workbook ends in a row 合计, to be quarantined."""
_BUSINESS_LOANS = ("LN_ENTERPRISE", "LN_MICRO", "LN_POS")
CLEAN, FIFTEEN, MISTYPED, MISSING, AS_NUMBER, FIFTEEN_AS_NUMBER = range(6)


def write_credit_day(county: County, folder: Path, business_date: date) -> None:
    """The seven daily files: everything up to the first date, then what each date brought."""
    day = day_number(business_date)
    is_first = business_date == county.first
    stamp = f"{business_date:%Y%m%d}"
    people, customers, lending = county.people, county.customers, county.lending
    employee = text(county.staff.employees["employee_id"])
    branch = text(county.places.towns["branch_code"])

    def of_day(days: pd.Series) -> Ints:
        values = days.to_numpy()
        return np.flatnonzero(values <= day if is_first else values == day)

    def handled_by(customer: Ints) -> dict[str, pa.Array]:
        rows = customers.frame.iloc[customer]
        manager = np.where(rows["manager"] >= 0, rows["manager"], county.staff.village_manager[rows["village"]])
        return {"org_no": branch.take(pa.array(rows["town"].to_numpy())), "mgr_no": employee.take(pa.array(manager))}

    listed = county.credit.whitelist if is_first else county.credit.whitelist[:0]
    batch = np.arange(len(listed)) % 8
    granted = day_number(county.first) - 40 - 60 * batch
    write_csv(
        folder / f"whitelist_{stamp}.csv",
        {
            "batch_no": padded(batch + 1, 2, "WL"),
            "id_no": people.id_number.take(pa.array(listed)),
            "name": people.name.take(pa.array(listed)),
            "village_cd": text(county.places.villages["village_code"]).take(
                pa.array(people.frame["village"].to_numpy()[listed])
            ),
            "pre_limit": money(county.credit.whitelist_yuan[: len(listed)] * 100),
            "grant_date": day_text(granted),
            # assumed: a pre-approval holds for eighteen months, so the oldest batch runs out within the quarter
            "expire_date": day_text(granted + 545),
        },
    )
    chosen = of_day(lending.line["approved"])
    rows = lending.line.iloc[chosen]
    write_csv(
        folder / f"credit_line_{stamp}.csv",
        {
            "contract_no": padded(chosen + 1, 9, "HT"),
            "cif_no": customers.number.take(pa.array(rows["customer"].to_numpy())),
            "prod_code": text(rows["product"]),
            "credit_limit": money(rows["limit"].to_numpy()),
            "approve_date": day_text(rows["approved"].to_numpy()),
            "sign_date": day_text(rows["signed"].to_numpy()),
            "expire_date": day_text(rows["expiry"].to_numpy()),
            "channel": text(rows["channel"]),
            "rate": text(rows["rate"].round(6).astype(str)),
            "rate_type": text(rows["rate_type"]),
            "state": text(rows["state"]),
            **handled_by(rows["customer"].to_numpy()),
        },
    )
    paid = lending.repayment.iloc[of_day(lending.repayment["day"])]
    moved = np.unique(paid.loc[paid["principal"] > 0, "loan"].to_numpy())
    chosen = of_day(lending.loan["disbursed"]) if is_first else np.union1d(of_day(lending.loan["disbursed"]), moved)
    rows = lending.loan.iloc[chosen]
    settled = np.where((rows["settled"] != NULL_DAY) & (rows["settled"] <= day), rows["settled"], NULL_DAY)
    late = rows["overdue_class"].to_numpy()
    customer = lending.line["customer"].to_numpy()[rows["line"]]
    write_csv(
        folder / f"loan_{stamp}.csv",
        {
            "due_bill_no": padded(chosen + 1, 9, "JJ"),
            "contract_no": padded(rows["line"].to_numpy() + 1, 9, "HT"),
            "cif_no": customers.number.take(pa.array(customer)),
            "prod_code": text(lending.line["product"]).take(pa.array(rows["line"].to_numpy())),
            "loan_amt": money(rows["amount"].to_numpy()),
            "balance": money(outstanding(lending, day)[chosen]),
            "put_date": day_text(rows["disbursed"].to_numpy()),
            "end_date": day_text(rows["matures"].to_numpy()),
            "settle_date": day_text(settled),
            "rate": text(pd.Series(lending.line["rate"].to_numpy()[rows["line"]]).round(6).astype(str)),
            "state": text(pd.Series(np.select([settled != NULL_DAY, late > 0], ["3", "2"], "1"))),
            "class5": text(pd.Series(np.maximum(late, 1))),
        },
    )
    write_csv(
        folder / f"repayment_{stamp}.csv",
        {
            "serial_no": padded(paid.index.to_numpy() + 1, 10, "HK"),
            "due_bill_no": padded(paid["loan"].to_numpy() + 1, 9, "JJ"),
            "repay_date": day_text(paid["day"].to_numpy()),
            "principal": money(paid["principal"].to_numpy()),
            "interest": money(paid["interest"].to_numpy()),
        },
    )
    signed = lending.line["signed"].to_numpy()[lending.guarantee["line"]]
    chosen = of_day(pd.Series(signed))
    rows = lending.guarantee.iloc[chosen]
    guarantor = pa.array(rows["guarantor"].to_numpy())
    write_csv(
        folder / f"guarantee_{stamp}.csv",
        {
            "guar_no": padded(chosen + 1, 8, "DB"),
            "contract_no": padded(rows["line"].to_numpy() + 1, 9, "HT"),
            "guar_name": people.name.take(guarantor),
            "guar_id_no": people.id_number.take(guarantor),
            "guar_amt": money(rows["amount"].to_numpy()),
            "begin_date": day_text(signed[chosen]),
            "end_date": day_text(lending.line["expiry"].to_numpy()[rows["line"]]),
        },
    )
    checks = post_loan_checks(county)
    chosen = of_day(checks["day"])
    rows = checks.iloc[chosen]
    # Written by another system than the rest: GB18030 and vertical bars.
    write_csv(
        folder / f"post_loan_check_{stamp}.txt",
        {
            "检查编号": padded(chosen + 1, 8, "DH"),
            "客户号": customers.number.take(pa.array(rows["customer"].to_numpy())),
            "检查日期": day_text(rows["day"].to_numpy(), "%Y%m%d"),
            "预计年营业收入": money(rows["turnover"].to_numpy()),
            "他行贷款余额": money(rows["other_loans"].to_numpy()),
            "他行家数": text(rows["other_banks"].astype(str)),
            "他行最大一家": money(rows["largest_other"].to_numpy()),
            "检查人": handled_by(rows["customer"].to_numpy())["mgr_no"],
        },
        delimiter="|",
        encoding="gb18030",
    )
    rows = lending.event.iloc[of_day(lending.event["day"])]
    customer = rows["customer"].to_numpy()
    person = customers.frame["person"].to_numpy()[customer]
    referrer = rows["referrer"].to_numpy()
    write_csv(
        folder / f"application_event_{stamp}.csv",
        {
            "apply_no": padded(rows["application"].to_numpy() + 1, 8, "SQ"),
            "cif_no": customers.number.take(pa.array(customer)),
            "id_no": people.id_number.take(pa.array(person, mask=person < 0)),
            "prod_code": text(rows["product"]),
            "stage": text(rows["stage"]),
            "event_time": time_text(rows["day"].to_numpy(), rows["second"].to_numpy()),
            "channel": text(rows["channel"]),
            **handled_by(customer),
            "list_no": text(rows["list_code"]),
            "apply_amt": money(rows["amount"].to_numpy()),
            "ref_cif_no": customers.number.take(pa.array(referrer, mask=referrer < 0)),
            # A release of the lending system after the first date writes one field more, still empty.
            **({"备用字段": pa.nulls(len(rows), pa.string())} if not is_first else {}),
        },
    )


def post_loan_checks(county: County) -> pd.DataFrame:
    """Columns customer, day, turnover, other_loans, other_banks, largest_other; money in cents. Ordered by day.

    Most borrowers of business loans were seen within the quarter, a few never; some are seen again on each later day.
    """
    random = stream(county.seed, "post loan checks")
    today = day_number(county.first)
    lines = county.lending.line
    business = lines[lines["product"].isin(_BUSINESS_LOANS) & (lines["signed"] <= today) & (lines["state"] == "10")]
    own = business.groupby("customer")["limit"].sum()
    n = len(own)
    other_banks = np.where(random.random(n) < 0.35, 0, random.integers(1, 4, n))
    others = np.where(other_banks > 0, own * random.lognormal(0.1, 0.9, n), 0.0).astype(np.int64)
    # assumed: with several other banks the largest of them holds 45 to 90 per cent of what they lent
    largest = np.where(other_banks > 1, others * random.uniform(0.45, 0.9, n), others).astype(np.int64)
    firm = county.customers.frame["person"].to_numpy()[own.index] < 0
    turnover = np.where(firm, p.FIRM_TURNOVER, p.SHOP_TURNOVER) * random.lognormal(0, 0.7, n)
    checks = pd.DataFrame(
        {
            "customer": own.index, "day": today - random.integers(0, 90, n),
            "turnover": np.round(turnover, -4).astype(np.int64) * 100, "other_loans": others,
            "other_banks": other_banks, "largest_other": largest,
        }
    )[random.random(n) < p.CHECKED_SHARE]  # fmt: skip
    again = [
        checks.sample(min(len(checks), p.scaled(p.CHECKS_DAY, county.scale)), random_state=delta).assign(
            day=today + delta, turnover=lambda seen: seen["turnover"] * 11 // 10
        )
        for delta in range(1, (county.last - county.first).days + 1)
    ]
    return pd.concat([checks, *again]).sort_values(["day", "customer"], kind="stable", ignore_index=True)


def make_roster(county: County) -> pd.DataFrame:
    """Rows as the committees hold them: person, household_no, member_no, id_form, id_text, evaluation, main_type, …

    A person listed in two villages has a second row. Only rows without credit are damaged, so that S2's ratios hold.
    """
    people, credit = county.people, county.credit
    frame = people.frame
    random = stream(county.seed, "roster")
    person = np.flatnonzero(frame["on_roster"])
    today = day_number(county.first)
    roster = pd.DataFrame({"person": person})
    roster["household"] = frame["household"].to_numpy()[person]
    roster["village"] = frame["village"].to_numpy()[person]
    roster["member_no"] = frame["member"].to_numpy()[person]
    roster["relation"] = frame["relation"].to_numpy()[person]
    roster["is_copy"] = False
    # Children who moved to another village and were listed there as well.
    movable = np.flatnonzero((roster["relation"] == 2) & (frame["age"].to_numpy()[person] >= 20))
    chosen = random.permutation(movable)[: p.scaled(p.DUPLICATE_ROSTER, county.scale)]
    heads = np.flatnonzero(roster["member_no"] == 1)
    hosts = random.choice(heads, len(chosen), replace=False)
    copies = roster.iloc[chosen].copy()
    copies["household"] = roster["household"].to_numpy()[hosts]
    copies["village"] = roster["village"].to_numpy()[hosts]
    copies["member_no"] = 90
    copies["relation"] = 4
    copies["is_copy"] = True
    roster = pd.concat([roster, copies], ignore_index=True)
    n = len(roster)
    person = roster["person"].to_numpy()
    evaluated = np.isin(person, credit.evaluated) & ~roster["is_copy"].to_numpy()
    credited = np.isin(person, credit.credited)
    grade = np.select([random.random(n) < 0.3, random.random(n) < 0.6, random.random(n) < 0.93], [0, 1, 2], 3)
    on_list = np.isin(person, credit.whitelist)
    roster["evaluation"] = np.where(evaluated, np.where(on_list, np.minimum(grade, 2), grade), -1)
    main_type = np.full(len(people), -1, dtype=np.int64)
    main_type[credit.main] = credit.main_type
    roster["main_type"] = np.where(roster["is_copy"], -1, main_type[person])
    roster["filed"] = today - random.integers(1000, 2400, n)
    roster["evaluated_day"] = np.where(evaluated, today - random.integers(60, 950, n), NULL_DAY)

    damageable = np.flatnonzero(~credited & ~on_list & ~roster["is_copy"])
    damaged = random.permutation(damageable)[: round(n * p.DAMAGED_ROSTER_SHARE)]
    form = np.full(n, CLEAN, dtype=np.int64)
    form[damaged] = np.array([MISTYPED, MISSING, AS_NUMBER])[np.arange(len(damaged)) % 3]
    born_1900s = frame["birth"].to_numpy()[person] < day_number(date(2000, 1, 1))
    old = random.permutation(np.flatnonzero((form == CLEAN) & born_1900s))[: round(n * p.OLD_ROSTER_SHARE)]
    form[old] = np.where(np.arange(len(old)) % 2 == 0, FIFTEEN, FIFTEEN_AS_NUMBER)
    roster["id_form"] = form
    ids = people.id_number.take(pa.array(person))
    shown = pc.if_else(pa.array(form == MISTYPED), mistyped(ids), ids)
    shown = pc.if_else(pa.array((form == FIFTEEN) | (form == FIFTEEN_AS_NUMBER)), fifteen_digits(ids), shown)
    roster["id_text"] = shown.to_pandas()
    roster["name_text"], roster["phone_text"] = _as_written(county, roster, damaged)
    roster["lower_x"] = random.random(n) < 0.5
    roster["stray"] = random.integers(0, 40, n)
    order = np.lexsort((roster["member_no"], roster["household"], roster["village"]))
    return roster.iloc[order].reset_index(drop=True)


def _as_written(county: County, roster: pd.DataFrame, damaged: Ints) -> tuple[pd.Series, pd.Series]:
    """Names and phones of the roster; those of the damaged rows partly wrong, too."""
    random = stream(county.seed, "damaged roster")
    people = county.people
    person = roster["person"].to_numpy()
    name, phone = (texts.take(pa.array(person)).to_pandas() for texts in (people.name, people.phone))
    # Somebody whom the bank does not know may bear the name of a customer of the same village.
    stranger = damaged[
        (county.customers.of_person[person[damaged]] < 0) & (people.frame["issuer"].to_numpy()[person[damaged]] == 0)
    ]
    # those without an ID number first: the name is all that could tell them apart
    stranger = stranger[np.argsort(roster["id_form"].to_numpy()[stranger] != MISSING, kind="stable")]
    stranger = stranger[: max(2, round(len(stranger) * p.NAMESAKE_SHARE))]
    village = people.frame["village"].to_numpy()
    known = np.flatnonzero(county.customers.of_person >= 0)
    known = known[np.argsort(village[known], kind="stable")]
    first, last = (np.searchsorted(village[known], village[person[stranger]], side) for side in ("left", "right"))
    has_namesake = last > first
    namesake = known[(first + random.random(len(stranger)) * (last - first)).astype(np.int64)[has_namesake]]
    name.iloc[stranger[has_namesake]] = people.name.take(pa.array(namesake)).to_pandas()
    damaged = np.setdiff1d(damaged, stranger)
    wrong = _shared(random.permutation(damaged), p.DAMAGED_NAME_MIX)
    true = {how: pa.array(name.iloc[rows]) for how, rows in wrong.items()}
    name.iloc[wrong["sound"]] = miswritten(true["sound"], "sound").to_pandas()
    name.iloc[wrong["shape"]] = miswritten(true["shape"], "shape").to_pandas()
    name.iloc[wrong["swapped"]] = with_given_swapped(true["swapped"]).to_pandas()
    wrong = _shared(random.permutation(damaged), p.DAMAGED_PHONE_MIX)
    phone.iloc[wrong["changed"]] = phones(5_500_000 + person[wrong["changed"]]).to_pandas()
    phone.iloc[wrong["missing"]] = None
    head = people.frame["head"].to_numpy()[person[wrong["family"]]]
    phone.iloc[wrong["family"]] = people.phone.take(pa.array(head)).to_pandas()
    return name, phone


def _shared(rows: Ints, mix: dict[str, float]) -> dict[str, Ints]:
    """Parts of the rows, each as large as its share says."""
    ends = np.round(np.cumsum([0.0, *mix.values()]) * len(rows)).astype(np.int64)
    return {how: rows[ends[at] : ends[at + 1]] for at, how in enumerate(mix)}


def write_decisions(county: County, roster: pd.DataFrame, folder: Path, business_date: date) -> None:
    """What reviewers decided, on the second date: rows without ID number and phone that they linked by hand, and one
    link by phone and name that its person denies. A customer is told by its core number, as on paper."""
    if (business_date - county.first).days != 1:
        return
    of_person = county.customers.of_person[roster["person"]]
    unknown = roster["id_form"].eq(MISSING) & (of_person >= 0)
    true = county.people.phone.take(pa.array(roster["person"].to_numpy())).to_pandas()
    accepted = roster[unknown & roster["phone_text"].isna()].head(p.scaled(p.ACCEPTED_LINKS, county.scale, least=2))
    denied = roster[unknown & roster["phone_text"].eq(true)].head(1)
    rows = pd.concat([accepted, denied])
    villages = county.places.villages["village_code"].to_numpy()[rows["village"]]
    decision = pd.DataFrame(
        {
            "source_table": "credit.village_roster",
            "source_key": villages + (rows["household"] + 1).map("|{:06d}|".format) + rows["member_no"].astype(str),
            "customer_id": county.customers.number.take(pa.array(of_person[rows.index])),
            "decision": ["accept"] * len(accepted) + ["reject"] * len(denied),
            "reviewer": "hq01",
            "decided_date": business_date.isoformat(),
            "note": ["入户核实"] * len(accepted) + ["本人否认"] * len(denied),
        }
    )
    folder.mkdir(parents=True, exist_ok=True)
    decision.to_csv(folder / "identity_decision.csv", index=False, lineterminator="\n")


def write_rosters(county: County, roster: pd.DataFrame, folder: Path, business_date: date) -> None:
    """One workbook per town on the first date; on the second date one town sends corrected IDs."""
    delta = (business_date - county.first).days
    town_of = county.places.villages["town"].to_numpy()[roster["village"]]
    if delta == 0:
        for town, row in enumerate(named_rows(county.places.towns)):
            part = roster[town_of == town]
            if len(part):
                path = folder / f"{row.town_code}_{row.town_name}.xlsx"
                _write_roster(county, part, path, row.town_name, has_total=town in TOWNS_WITH_TOTAL)
    elif delta == 1:
        wrong = corrected_rows(county, roster)
        if len(wrong):
            name = county.places.towns["town_name"][int(town_of[wrong.index[0]])]
            code = county.places.towns["town_code"][int(town_of[wrong.index[0]])]
            _write_roster(county, wrong, folder / f"{code}_{name}_更正.xlsx", name, is_correction=True)


def corrected_rows(county: County, roster: pd.DataFrame) -> pd.DataFrame:
    """Mistyped rows of the town with most of them, at most five: their true IDs come on the second date."""
    wrong = roster[roster["id_form"] == MISTYPED]
    if not len(wrong):
        return wrong
    town_of = county.places.villages["town"].to_numpy()[wrong["village"]]
    mine: pd.DataFrame = wrong[town_of == np.bincount(town_of).argmax()]
    return mine.head(5)


def _write_roster(
    county: County,
    part: pd.DataFrame,
    path: Path,
    town_name: str,
    *,
    is_correction: bool = False,
    has_total: bool = False,
) -> None:
    people, villages = county.people, county.places.villages
    person = pa.array(part["person"].to_numpy())
    filed = day_text(part["filed"].to_numpy(), "%Y.%m.%d").to_pylist()
    evaluated = day_text(part["evaluated_day"].to_numpy(), "%Y-%m-%d").to_pylist()
    names = part["name_text"].tolist()
    mobiles = text(part["phone_text"]).to_pylist()
    true_ids = people.id_number.take(person).to_pylist()
    groups = people.frame["group"].to_numpy()[part["person"]]
    codes, titles = villages["village_code"].tolist(), villages["village_name"].tolist()

    def rows() -> Iterator[tuple[Any, ...]]:
        for i, row in enumerate(named_rows(part)):
            stray = row.stray
            shown: Any = true_ids[i] if is_correction else row.id_text
            if not is_correction:
                if row.id_form == MISSING:
                    shown = None
                elif row.id_form == AS_NUMBER:
                    shown = float(shown[:15] + "000")  # a cell keeps fifteen digits of a number
                elif row.id_form == FIFTEEN_AS_NUMBER:
                    shown = int(shown)
                elif row.lower_x:
                    shown = shown.lower()
                if isinstance(shown, str) and stray == 0:
                    shown = shown.translate(_FULL_WIDTH)
                if isinstance(shown, str) and stray == 1:
                    shown = f" {shown[:6]} {shown[6:]}"
            name = names[i]
            if stray == 2:
                name = f"{name[0]} {name[1:]}" if len(name) == 2 else f"{name} "
            member = str(row.member_no).translate(_FULL_WIDTH) if stray == 3 else row.member_no
            household = f"{row.household + 1:06d}"
            yield (
                i + 1,
                titles[row.village],
                codes[row.village],
                f"{groups[i]}组",
                household.translate(_FULL_WIDTH) if stray == 4 else household,
                member,
                name,
                _RELATIONS[row.relation],
                shown,
                mobiles[i].translate(_FULL_WIDTH) if stray == 5 and mobiles[i] else mobiles[i],
                filed[i],
                evaluated[i],
                _EVALUATIONS[row.evaluation] if row.evaluation >= 0 else None,
                _TYPES[MAIN_TYPES[row.main_type]] if row.main_type >= 0 else "无",
                "身份证号更正" if is_correction else None,
            )
        if has_total:  # which is no person, and must be rejected
            total: list[Any] = [None] * len(_HEADER)
            total[1], total[4], total[5] = "合计", f"{part['household'].nunique()}户", len(part)
            yield tuple(total)

    write_workbook(
        path,
        "建档评议表",
        _HEADER,
        rows(),
        county.first,
        titles=(
            f"{county.places.county_name}{town_name}整村授信建档评议登记表",
            f"填报单位:{town_name}人民政府    填报日期:{county.first:%Y年%m月%d日}",
        ),
        footer=None if is_correction else "填表人:        审核人:        村委会(盖章):",
    )
