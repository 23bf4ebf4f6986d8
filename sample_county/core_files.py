"""Core banking as it is unloaded: full on the first date, what changed on the later ones."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sample_county import parameters as p
from sample_county.county import County
from sample_county.customers import ID_FIFTEEN, ID_LOWER_X, ID_MISTYPED
from sample_county.identifiers import NULL_DAY, Ints, day_number, fifteen_digits, mistyped, phones, resident_ids
from sample_county.names import FOUR_BYTE, full_names, surnames
from sample_county.randomness import stream
from sample_county.writing import code, day_text, money, text, unload

_ROLES = {
    "head_office": "00", "branch_head": "01", "team_head": "02", "manager": "03", "grid_keeper": "04",
    "marketing_assistant": "05", "maintenance_assistant": "06", "risk": "07",
}  # fmt: skip
_FORM = "%Y%m%d"


def write_organisation(county: County, folder: Path, business_date: date) -> None:
    """branch and employee: full on the first date, no rows on the later ones."""
    branches, employees = county.places.branches, county.staff.employees
    if business_date != county.first:
        branches, employees = branches.iloc[:0], employees.iloc[:0]
    with unload(folder, "branch", business_date) as out:
        out.write(
            {
                "org_no": text(branches["branch_code"]),
                "org_nm": text(branches["branch_name"]),
                "up_org_no": text(branches["parent"]),
                "org_lvl": text(branches["level"]),
                "town_cd": text(branches["town_code"]),
                "mkt_typ": code(branches["market_type"], {"urban": "1", "suburban": "2", "rural": "3"}),
                "lat": text(branches["latitude"].astype(str)),
                "lon": text(branches["longitude"].astype(str)),
            }
        )
    with unload(folder, "employee", business_date) as out:
        if len(employees):
            random = stream(county.seed, "employees")
            n, today = len(employees), day_number(county.first)
            # Small counties run out of adults; the rest of the staff live elsewhere.
            known = len(county.staff_person)
            males = random.random(n) < 0.6
            births = today - random.integers(25 * 365, 55 * 365, n)
            identity = resident_ids(county.places.divisions.code, births, males, serial_from=400)
            names = full_names(random, surnames(random, n), males)
            inside = pa.array(county.staff_person)
            identity = pa.concat_arrays([county.people.id_number.take(inside), identity[known:]])
            names = pa.concat_arrays([county.people.name.take(inside), names[known:]])
            mobile = pa.concat_arrays(
                [county.people.phone.take(inside), phones(np.arange(9_000_000, 9_000_000 + n))[known:]]
            )
            hired = today - random.integers(300, 7000, n)
            left = np.where(employees["has_left"], today - 40, NULL_DAY)
            out.write(
                {
                    "emp_no": text(employees["employee_id"]),
                    "emp_nm": names,
                    "login_id": text(employees["login"]),
                    "post_cd": code(employees["role"], _ROLES),
                    "org_no": text(employees["branch_code"]),
                    "team_no": text(employees["team_code"]),
                    "cert_no": identity,
                    "mobile": mobile,
                    "hire_dt": day_text(hired, _FORM),
                    "leave_dt": day_text(left, _FORM),
                }
            )


def core_id_numbers(county: County) -> pa.Array:
    """ID number of each customer as core holds it; null for enterprises."""
    rows = county.customers.frame
    person = rows["person"].to_numpy()
    ids = county.people.id_number.take(pa.array(person, mask=person < 0))
    form = rows["id_form"].to_numpy()
    filled = pc.fill_null(ids, "000000000000000000")
    ids = pc.if_else(pa.array((form == ID_FIFTEEN) & (person >= 0)), fifteen_digits(filled), ids)
    ids = pc.if_else(pa.array((form == ID_MISTYPED) & (person >= 0)), mistyped(filled), ids)
    return pc.if_else(pa.array(form == ID_LOWER_X), pc.utf8_lower(ids), ids)


def write_customers(county: County, folder: Path, business_date: date) -> None:
    """customer: all on the first date; later the new ones and those whose phone or manager changed."""
    delta = (business_date - county.first).days
    rows = county.customers.frame
    since = rows["since"].to_numpy()
    person, entity, employer = (rows[c].to_numpy() for c in ("person", "entity", "employer"))
    # The changes of a date, and of the dates before it, are drawn again here: a changed phone stays changed.
    changed_phone = np.zeros(len(rows), dtype=np.int64)
    changed = np.array([], dtype=np.int64)
    existing = np.flatnonzero((since == 0) & (person >= 0) & ~rows["is_duplicate"])
    manager = rows["manager"].to_numpy().copy()
    for number in range(1, delta + 1):
        random = stream(county.seed, "changed customers", number)
        renewing = random.choice(
            existing, min(p.scaled(p.CHANGED_CUSTOMERS_DAY, county.scale, 2), len(existing)), replace=False
        )
        changed_phone[renewing] = number
        handed_over = _hand_over(county, manager, existing, number)
        changed = np.union1d(renewing, handed_over)
    chosen = np.flatnonzero(since == 0) if delta == 0 else np.union1d(np.flatnonzero(since == delta), changed)
    subset = pa.array(chosen)
    rows = rows.iloc[chosen]
    is_person = person >= 0
    former = phones(4_000_000 + person)
    has_former = is_person & (stream(county.seed, "former phones").random(len(person)) < p.FORMER_PHONE_SHARE)
    phone = county.people.phone.take(pa.array(person, mask=~is_person))
    phone = pc.if_else(pa.array(has_former), former, phone)
    owner = np.where(entity >= 0, county.entities.frame["owner"].to_numpy()[entity], 0)
    phone = pc.coalesce(phone, county.people.phone.take(pa.array(owner, mask=entity < 0)))
    renewed = phones(7_000_000 + np.arange(len(person)) * 3 + changed_phone)
    phone = pc.if_else(pa.array(changed_phone > 0), renewed, phone)
    credit_code = pc.coalesce(
        county.entities.credit_code.take(pa.array(entity, mask=entity < 0)),
        county.employers.credit_code.take(pa.array(employer, mask=employer < 0)),
    )
    birth = np.where(is_person, county.people.frame["birth"].to_numpy()[person], NULL_DAY)
    sex = np.where(county.people.frame["is_male"].to_numpy()[person], "1", "2")
    work = np.full(len(person), -1, dtype=np.int64)
    paid = county.customers.of_person[county.employers.employees["person"]]
    told = (paid >= 0) & (np.arange(len(paid)) % 2 == 0)  # core knows the employer of every other one
    work[paid[told]] = county.employers.employees["employer"].to_numpy()[told]
    villages = county.places.villages
    village = pa.array(rows["village"].to_numpy())
    names = county.customer_names
    # A few names hold a character of four bytes, which only GB18030 can write.
    rare = np.zeros(len(person), dtype=bool)
    rare[np.flatnonzero(is_person & (since == 0))[:: max(500, len(person) // 50)]] = True
    names = pc.if_else(pa.array(rare), pc.binary_join_element_wise(names, FOUR_BYTE, ""), names)
    address = pc.binary_join_element_wise(
        county.places.county_name,
        text(county.places.towns["town_name"]).take(pa.array(rows["town"].to_numpy())),
        text(villages["village_name"]).take(village),
        text(pd.Series(chosen % 18 + 1)),
        "组",
        text(pd.Series(chosen % 97 + 1)),
        "号",
        "",
    )
    manager = manager[chosen]
    with unload(folder, "customer", business_date) as out:
        out.write(
            {
                "cust_no": county.customers.number.take(subset),
                "cust_typ": code(is_person[chosen], {True: "1", False: "2"}),
                "cust_nm": names.take(subset),
                "cert_typ": code(is_person[chosen], {True: "01", False: "02"}),
                "cert_no": pc.coalesce(core_id_numbers(county), credit_code).take(subset),
                "birth_dt": day_text(birth[chosen], _FORM),
                "sex_cd": pc.if_else(pa.array(is_person[chosen]), text(sex[chosen]), None),
                "mobile": phone.take(subset),
                "addr": address,
                "village_cd": text(villages["village_code"]).take(village),
                "emp_uscc": county.employers.credit_code.take(pa.array(work[chosen], mask=work[chosen] < 0)),
                "open_dt": day_text(rows["opened"].to_numpy(), _FORM),
                "org_no": text(county.places.towns["branch_code"]).take(pa.array(rows["town"].to_numpy())),
                "mgr_no": text(county.staff.employees["employee_id"]).take(pa.array(manager, mask=manager < 0)),
                "staff_flg": code(rows["is_staff"], {True: "1", False: "0"}),
                "death_flg": code(rows["is_deceased"], {True: "1", False: "0"}),
                "risk_lst": text(rows["risk"]),
                "cust_sts": text(pd.Series(["1"]).repeat(len(chosen))),
            }
        )


def _hand_over(county: County, manager: Ints, existing: Ints, number: int) -> Ints:
    """Give some customers to another manager, in `manager`: of the same branch where it has one, every third elsewhere.

    Returns the rows of those customers.
    """
    random = stream(county.seed, "handed over customers", number)
    employees = county.staff.employees
    serving = np.flatnonzero(((employees["role"] == "manager") & ~employees["has_left"]).to_numpy())
    branch = employees["branch_code"].to_numpy()
    managed = existing[np.isin(manager[existing], serving)]
    count = min(p.scaled(p.HANDED_OVER_CUSTOMERS_DAY, county.scale, 6), len(managed))
    chosen = random.choice(managed, count, replace=False)
    for position, row in enumerate(chosen):
        others = serving[serving != manager[row]]
        near = others[branch[others] == branch[manager[row]]]
        manager[row] = random.choice(others if position % 3 == 0 or not len(near) else near)
    return chosen


def write_accounts(county: County, folder: Path, business_date: date) -> None:
    """account and product_signup: all on the first date, the new ones later."""
    delta = (business_date - county.first).days
    chosen = np.flatnonzero(county.accounts.frame["since"] == delta)
    rows = county.accounts.frame.iloc[chosen]
    subset = pa.array(chosen)
    town = county.customers.frame["town"].to_numpy()[rows["customer"]]
    with unload(folder, "account", business_date) as out:
        out.write(
            {
                "acct_id": county.accounts.identifier.take(subset),
                "cust_no": county.customers.number.take(pa.array(rows["customer"].to_numpy())),
                "acct_no": county.accounts.number.take(subset),
                "prod_cd": text(rows["product"]),
                "acct_typ": text(rows["kind"]),
                "dep_cls": text(rows["deposit_class"]),
                "basic_flg": code(rows["is_basic"], {True: "1", False: "0"}),
                "ccy_cd": text(pd.Series(["CNY"]).repeat(len(rows))),
                "open_dt": day_text(rows["opened"].to_numpy(), _FORM),
                "close_dt": pa.nulls(len(rows), pa.string()),
                "mature_dt": day_text(rows["matures"].to_numpy(), _FORM),
                "org_no": text(county.places.towns["branch_code"]).take(pa.array(town)),
                "acct_sts": text(rows["status"]),
            }
        )
    signups = county.signups[county.signups["since"] == delta]
    with unload(folder, "product_signup", business_date) as out:
        out.write(
            {
                "cust_no": county.customers.number.take(pa.array(signups["customer"].to_numpy())),
                "prod_cd": text(signups["product"]),
                "sign_dt": day_text(signups["signed"].to_numpy(), _FORM),
                "cancel_dt": day_text(signups["cancelled"].to_numpy(), _FORM),
                "chnl_cd": text(signups["channel"]),
            }
        )


def balance_columns(identifier: pa.Array, accounts: Ints, days: Ints, cents: Ints) -> dict[str, pa.Array]:
    """Rows of account_balance."""
    return {
        "acct_id": identifier.take(pa.array(accounts)),
        "bal_dt": day_text(days, _FORM),
        "bal_amt": money(cents),
    }
