"""Social security, external, marketing and master data as files."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sample_county import parameters as p
from sample_county.county import County
from sample_county.grids import make_grids
from sample_county.identifiers import day_number, padded
from sample_county.reference import table
from sample_county.writing import (
    code,
    day_text,
    money,
    text,
    time_text,
    write_basis,
    write_csv,
    write_fixed_width,
    write_workbook,
)

HISTORY_MONTHS = 6


# --- Social security ------------------------------------------------------------------------------------------------
def _months(business_date: date, is_first: bool) -> list[date]:
    """Months that a delivery covers: the month of the date; the first delivery also the five before it."""
    month = business_date.replace(day=1)
    months = [month]
    while is_first and len(months) < HISTORY_MONTHS:
        month = (month - timedelta(days=1)).replace(day=1)
        months.insert(0, month)
    return months


def social_folder(root: Path, business_date: date, is_first: bool) -> Path | None:
    """Where a delivery lies: each 28th, or as `opening` on a first date that is no 28th; None when none is due."""
    folder = root / "social_security" / f"{business_date:%Y%m%d}"
    if business_date.day == 28:
        return folder
    return folder / "opening" if is_first else None


def write_social_security(county: County, folder: Path, business_date: date, is_first: bool) -> None:
    """card_holder and benefit_payment in fixed-width GBK, contribution as one workbook a month."""
    people, social, stamp = county.people, county.social, f"{business_date:%Y%m%d}"
    cards = social.card
    person = pa.array(cards["person"].to_numpy())
    village = people.frame["village"].to_numpy()[cards["person"]]
    write_fixed_width(
        folder / f"card_holder_{stamp}.txt",
        [
            (padded(cards["person"].to_numpy() + 1, 15, "9801"), 19),
            (people.name.take(person), 20),
            (people.id_number.take(person), 18),
            (people.phone.take(person), 11),
            (text(county.places.villages["village_code"]).take(pa.array(village)), 12),
            (text(cards["bank"]), 4),
            (day_text(cards["issued"].to_numpy(), "%Y%m%d"), 8),
            (text(cards["state"]), 1),
            (day_text(cards["used"].to_numpy(), "%Y%m%d"), 8),
        ],
    )
    months = _months(business_date, is_first)
    benefit = social.benefit
    person = pa.array(np.tile(benefit["person"].to_numpy(), len(months)))
    n = len(benefit)
    write_fixed_width(
        folder / f"benefit_payment_{stamp}.txt",
        [
            (people.id_number.take(person), 18),
            (people.name.take(person), 20),
            (text(pd.concat([benefit["kind"]] * len(months))), 2),
            (text(pd.Series([f"{month:%Y%m}" for month in months]).repeat(n)), 6),
            (padded(np.tile(benefit["cents"].to_numpy(), len(months)), 12), 12),
        ],
    )
    staff = county.employers.employees
    person = pa.array(staff["person"].to_numpy())
    ids, names = people.id_number.take(person).to_pylist(), people.name.take(person).to_pylist()
    employer = pa.array(staff["employer"].to_numpy())
    codes = county.employers.credit_code.take(employer).to_pylist()
    titles = county.employers.name.take(employer).to_pylist()
    base = staff["monthly_yuan"].tolist()
    for month in months:
        rows = ((ids[i], names[i], f"{month:%Y%m}", codes[i], titles[i], base[i]) for i in range(len(ids)))
        write_workbook(
            folder / f"contribution_{stamp}_{month:%Y%m}.xlsx",
            "缴费明细",
            ("身份证号", "姓名", "费款所属期", "单位统一社会信用代码", "单位名称", "缴费基数"),
            rows,
            business_date,
            titles=(f"{county.places.county_name}社会保险费缴费明细表",),
        )


# --- External -------------------------------------------------------------------------------------------------------
_KINDS = {"91": "企业", "92": "个体工商户", "93": "农民专业合作社"}
_BASES = {
    "business_registry": ("市场监督管理局政务数据共享平台", "政务信息资源共享管理办法、数据共享协议〔2025〕12号"),
    "association_member": ("各商会协会秘书处", "会员入会授权书、合作协议〔2025〕31号"),
    "housing_fund": ("住房公积金管理中心", "客户授权查询、数据合作协议〔2025〕18号"),
    "employer_list": ("单位人事部门", "公私联动合作协议、员工本人授权书"),
}


def write_external(county: County, folder: Path, business_date: date) -> None:
    """All four tables on the first date; the housing fund's newest month again on each 28th after it."""
    stamp = f"{business_date:%Y%m%d}"
    is_first = business_date == county.first
    people, entities, employers = county.people, county.entities, county.employers
    villages = text(county.places.villages["village_code"])

    def basis(name: str) -> None:
        source, law = _BASES[name]
        expires = business_date.replace(year=business_date.year + 1, day=1)
        if name == "association_member":  # renewed month by month, so that something is about to run out
            expires = business_date + timedelta(days=30)
        write_basis(folder / f"{name}_{stamp}.basis.json", source, law, "信贷客户营销", expires)

    if is_first or business_date.day == 28:
        months = _months(business_date, is_first)
        fund = county.social.fund
        staff = employers.employees.iloc[np.tile(fund["employee"].to_numpy(), len(months))]
        person = pa.array(staff["person"].to_numpy())
        write_csv(
            folder / f"housing_fund_{stamp}.csv",
            {
                "id_no": people.id_number.take(person),
                "name": people.name.take(person),
                "uscc": employers.credit_code.take(pa.array(staff["employer"].to_numpy())),
                "fund_month": text(pd.Series([f"{month:%Y-%m}" for month in months]).repeat(len(fund))),
                "month_amt": money(np.tile(fund["yuan"].to_numpy() * 100, len(months))),
            },
        )
        basis("housing_fund")
    if not is_first:
        return
    frame = entities.frame
    owner = pa.array(frame["owner"].to_numpy())
    nobody = pa.nulls(len(employers.frame), pa.string())
    village = np.r_[frame["village"].to_numpy(), employers.frame["village"].to_numpy()]
    special = pa.array(frame["special"].to_numpy())
    public = employers.frame["kind"].isin(["11", "12"])
    write_csv(
        folder / f"business_registry_{stamp}.csv",
        {
            "uscc": pa.concat_arrays([entities.credit_code, employers.credit_code]),
            "ent_name": pa.concat_arrays([entities.name, employers.name]),
            "ent_type": pa.concat_arrays([code(frame["kind"], _KINDS), text(pd.Series(["企业"]).repeat(len(public)))]),
            "industry": pa.concat_arrays(
                [
                    text(entities.special["industry_code"]).take(special),
                    text(pd.Series(np.where(public, "92", "72"))),
                ]
            ),
            "special_ind": pa.concat_arrays([text(entities.special["special_industry_code"]).take(special), nobody]),
            "lr_name": pa.concat_arrays([people.name.take(owner), nobody]),
            "lr_id": pa.concat_arrays([people.id_number.take(owner), nobody]),
            "lr_phone": pa.concat_arrays([people.phone.take(owner), nobody]),
            "address": pc.binary_join_element_wise(
                county.places.county_name,
                text(county.places.towns["town_name"]).take(
                    pa.array(county.places.villages["town"].to_numpy()[village])
                ),
                text(county.places.villages["village_name"]).take(pa.array(village)),
                "",
            ),
            "village_cd": villages.take(pa.array(village)),
            "est_date": day_text(
                np.r_[frame["registered"].to_numpy(), np.full(len(public), day_number(date(2001, 7, 1)))]
            ),
            "reg_capital": money(np.r_[frame["capital"].to_numpy() * 100, np.full(len(public), 100_000_000)]),
            "state": pa.concat_arrays([text(frame["state"]), text(pd.Series(["存续"]).repeat(len(public)))]),
        },
    )
    basis("business_registry")
    member = np.flatnonzero(frame["association"] != "")
    joined = np.maximum(frame["registered"].to_numpy()[member], day_number(date(2018, 1, 1)))
    write_csv(
        folder / f"association_member_{stamp}.csv",
        {
            "assoc_cd": text(frame["association"].iloc[member]),
            "uscc": entities.credit_code.take(pa.array(member)),
            "duty": text(pd.Series(np.where(frame["is_key"].to_numpy()[member], "副会长", "会员"))),
            "join_date": day_text(joined),
        },
    )
    basis("association_member")
    # Lists come from the employers the bank works with 公私联动: one of each class, and two in three of the others.
    chosen = np.flatnonzero((employers.employees["employer"] < 12) | (employers.employees["employer"] % 3 != 1))
    staff = employers.employees.iloc[chosen]
    employer = pa.array(staff["employer"].to_numpy())
    person = pa.array(staff["person"].to_numpy())
    write_csv(
        folder / f"employer_list_{stamp}.csv",
        {
            "uscc": employers.credit_code.take(employer),
            "employer": employers.name.take(employer),
            "category": text(employers.frame["category"]).take(employer),
            "admit_class": text(employers.frame["admission_class"]).take(employer),
            "id_no": people.id_number.take(person),
            "name": people.name.take(person),
        },
    )
    basis("employer_list")


# --- Marketing ------------------------------------------------------------------------------------------------------
_VISIT_HEADER = (
    "走访编号", "客户号", "客户经理", "拜访形式", "走访方式", "走访时间", "登记时间", "纬度", "经度", "走访内容",
    "走访结果",
)  # fmt: skip


def write_marketing(county: County, folder: Path, business_date: date) -> None:
    """Contacts, refusals and authorisations as CSV, visits as the workbook of the managers' app."""
    stamp = f"{business_date:%Y%m%d}"
    delta = (business_date - county.first).days
    number, marketing = county.customers.number, county.marketing
    employee = text(county.staff.employees["employee_id"])

    def of_day(frame: pd.DataFrame) -> pd.DataFrame:
        return frame[frame["since"] == delta]

    def customer(frame: pd.DataFrame) -> pa.Array:
        return number.take(pa.array(frame["customer"].to_numpy()))

    rows = of_day(marketing.contact)
    write_csv(
        folder / f"contact_outcome_{stamp}.csv",
        {
            "outcome_no": padded(rows.index.to_numpy() + 1, 9, "CD"),
            "list_no": text(rows["list_code"]),
            "batch_no": text(rows["batch_id"]),
            "cust_no": customer(rows),
            "contact_time": time_text(rows["day"].to_numpy(), rows["second"].to_numpy()),
            "channel": text(rows["channel"]),
            "result": text(rows["result"]),
            "mgr_no": employee.take(pa.array(rows["manager"].to_numpy())),
        },
    )
    if len(rows := of_day(marketing.pushed_row)):
        villages = text(county.places.villages["village_code"])
        village = rows["village"].to_numpy()
        write_csv(
            folder / f"pushed_row_{stamp}.csv",
            {
                "batch_no": text(rows["batch_id"]),
                "list_no": text(rows["list_code"]),
                "cust_no": customer(rows),
                "push_date": day_text(rows["pushed"].to_numpy()),
                "arm": code(rows["is_held"], {False: "推送", True: "对照"}),
                "village_no": villages.take(pa.array(village, mask=village < 0)),
                "channel": text(rows["channel"]),
                "mgr_no": employee.take(pa.array(rows["manager"].to_numpy())),
                "goal": text(pd.Series("授信", index=rows.index)),
                "window_days": text(pd.Series(p.LIST_WINDOW_DAYS, index=rows.index)),
            },
        )
    rows = of_day(marketing.opt_out)
    write_csv(
        folder / f"opt_out_{stamp}.csv",
        {"cust_no": customer(rows), "channel": text(rows["channel"]), "refuse_date": day_text(rows["day"].to_numpy())},
    )
    rows = of_day(marketing.authorisation)
    write_csv(
        folder / f"authorisation_{stamp}.csv",
        {
            "cust_no": customer(rows),
            "purpose": text(rows["purpose"]),
            "channel": text(rows["channel"]),
            "grant_date": day_text(rows["granted"].to_numpy()),
            "expire_date": day_text(rows["expires"].to_numpy()),
            "revoke_date": day_text(rows["revoked"].to_numpy()),
        },
    )
    rows = of_day(marketing.visit)
    columns = (
        padded(rows.index.to_numpy() + 1, 8, "ZF").to_pylist(),
        customer(rows).to_pylist(),
        employee.take(pa.array(rows["manager"].to_numpy())).to_pylist(),
        rows["method"].tolist(),
        rows["kind"].tolist(),
        time_text(rows["day"].to_numpy(), rows["second"].to_numpy()).to_pylist(),
        time_text(rows["recorded_day"].to_numpy(), rows["recorded_second"].to_numpy()).to_pylist(),
        *(rows[axis].astype(object).where(rows[axis].notna(), None).tolist() for axis in ("latitude", "longitude")),
        rows["content"].tolist(),
        rows["result"].tolist(),
    )
    lines: Iterator[tuple[Any, ...]] = zip(*columns, strict=True)
    write_workbook(
        folder / f"visit_{stamp}.xlsx",
        "走访记录",
        _VISIT_HEADER,
        lines,
        business_date,
        titles=("客户经理走访登记表",),
    )
    for name, source in (
        ("contact_outcome", "客户经理触达回执"),
        *([("pushed_row", "原名单系统推送记录")] if len(of_day(marketing.pushed_row)) else []),
        ("visit", "客户经理走访登记"),
        ("opt_out", "客户拒绝营销登记"),
        ("authorisation", "客户营销授权书"),
    ):
        write_basis(
            folder / f"{name}_{stamp}.basis.json",
            source,
            "客户授权、个人信息保护法第十三条",
            "精准营销",
            date(business_date.year + 2, 12, 31),
        )


# --- Master data ----------------------------------------------------------------------------------------------------
_STOCK_TARGETS = {  # measure: target at the year's end of a bank at scale 1.0; a count or an amount in yuan (assumed)
    "managed_customers": 1_000_000,
    "managed_customers_offline_credit": 60_000,
    "managed_customers_online_credit": 40_000,
    "managed_customers_non_credit": 900_000,
    "merchants": 25_000,
    "deposits": 84_000_000_000,
    "settlement_deposits": 25_000_000_000,
    "outstanding": 15_500_000_000,
}
_FLOW_TARGETS = {  # measure: target of each month of a bank at scale 1.0 (assumed)
    "visits": 18_000,
    "new_customers": 6_000,
    "new_credited": 4_000,
    "new_drawn": 4_000,
    "disbursed_amount": 900_000_000,
}
_DERIVED_TARGETS = {  # stated for the bank's year alone; everything below follows from it (assumed)
    "contacts": 130_000,
    "applications": 36_000,
}
_RATE_TARGETS = {"drawdown_rate_credited_all": 0.65}  # of the bank's year (assumed)
_GAP_MEASURE, _GAP_MONTH, _GAP_SHARE = "deposits", 2, 0.02
"""Planted: the bank's target of this measure and month is so much more than its branches' together."""


def _targets(county: County) -> pd.DataFrame:
    """Year, quarters and months; bank, branches, managers. Parts add up to their whole but for the planted gap."""
    employees = county.staff.employees
    managers = employees[(employees["role"] == "manager") & ~employees["has_left"]]
    customers = np.bincount(np.maximum(county.customers.frame["manager"], 0), minlength=len(employees))
    share = customers[managers.index] + 10.0
    ends = np.cumsum(share / share.sum())
    bank, year = county.places.divisions.code, county.first.year
    # Kind of period, its first day, and the months of the year that have passed at its end.
    periods = [("year", date(year, 1, 1), 12)]
    periods += [("quarter", date(year, 1 + 3 * q, 1), 3 * (q + 1)) for q in range(4)]
    periods += [("month", date(year, month, 1), month) for month in range(1, 13)]
    months = {"year": 12, "quarter": 3, "month": 1}
    rows: list[tuple[str, str, str, str, str, float]] = []
    for measure, figure in (_STOCK_TARGETS | _FLOW_TARGETS).items():
        # The stocks of last year's end are known, so that the line of this year has a beginning.
        last_year = [("year", date(year - 1, 1, 1), 0)] if measure in _STOCK_TARGETS else []
        for kind, start, passed in last_year + periods:
            # A stock grows in a straight line from nine tenths of the year's target; a flow is the same every month.
            path = 1 if measure in _FLOW_TARGETS else 0.9 + 0.1 * passed / 12
            mine = np.diff(np.round(ends * round(figure * county.scale * path)), prepend=0.0)
            mine *= months[kind] if measure in _FLOW_TARGETS else 1
            of = (measure, kind, start.isoformat())
            rows += [("manager", m, *of, v) for m, v in zip(managers["employee_id"], mine, strict=True)]
            by_branch = pd.Series(mine).groupby(managers["branch_code"].to_numpy()).sum()
            rows += [("branch", str(b), *of, v) for b, v in by_branch.items()]
            is_gap = (measure, kind, start.month) == (_GAP_MEASURE, "month", _GAP_MONTH)
            rows.append(("bank", bank, *of, round(float(mine.sum()) * (1 + is_gap * _GAP_SHARE), 2)))
    first = date(year, 1, 1).isoformat()
    rows += [("bank", bank, m, "year", first, round(v * county.scale, 2)) for m, v in _DERIVED_TARGETS.items()]
    rows += [("bank", bank, m, "year", first, v) for m, v in _RATE_TARGETS.items()]
    rows += _village_targets(county, [period for period in periods if period[0] != "month"])
    names = ["organisation_level", "organisation_code", "measure_code", "period_type", "period_start", "target_value"]
    return pd.DataFrame(rows, columns=names)


def _village_targets(
    county: County, periods: list[tuple[str, date, int]]
) -> Iterator[tuple[str, str, str, str, str, float]]:
    """Signed customers 签约户数 of each village by the end of a period, and of the bank: their sum."""
    people, villages = county.people.frame, county.places.villages["village_code"]
    heads = people.loc[people["on_roster"] & (people["member"] == 1), "village"]
    households = np.bincount(heads, minlength=len(villages))
    for kind, start, passed in periods:
        path = 0.9 + 0.1 * passed / 12
        wanted = np.maximum(np.round(households * p.VILLAGE_SIGNED_SHARE * path), 1.0)
        for village, figure in zip(villages, wanted, strict=True):
            yield "village", village, "village_signed", kind, start.isoformat(), float(figure)
        bank = county.places.divisions.code
        yield "bank", bank, "village_signed", kind, start.isoformat(), float(wanted.sum())


def write_master(county: County, folder: Path, business_date: date) -> None:
    """Every master table, whole, each day."""
    villages, towns = county.places.villages, county.places.towns
    population = np.bincount(county.people.frame["village"], minlength=len(villages))
    households = (
        county.people.frame.drop_duplicates("household")
        .groupby("village")
        .size()
        .reindex(range(len(villages)), fill_value=0)
        .to_numpy()
    )
    grids = make_grids(county.places, county.staff, county.employers, county.first, business_date)
    written = {
        "village": pd.DataFrame(
            {
                "village_code": villages["village_code"],
                "village_name": villages["village_name"],
                "town_code": towns["town_code"].to_numpy()[villages["town"]],
                "town_name": towns["town_name"].to_numpy()[villages["town"]],
                "market_type": villages["market_type"],
                "registered_population": population,
                "households": households,
                "latitude": villages["latitude"],
                "longitude": villages["longitude"],
            }
        ),
        "grid": grids.grid,
        "grid_scene": grids.scene,
        "grid_change": grids.change,
        "grid_membership_rule": grids.rule,
        "grid_owner": grids.owner,
        "target": _targets(county),
        **{name: table(name) for name in ("product", "scene", "segment", "admission_class", "association", "industry")},
        "special_industry": table("special_industry")[
            ["special_industry_code", "special_industry_name", "industry_code", "segment_code"]
        ],
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in written.items():
        rows.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
