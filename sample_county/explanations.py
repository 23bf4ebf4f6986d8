"""Customers of many kinds with the cause that was planted for each: what `qianmo explain customer` must name."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from sample_county.county import County
from sample_county.credit_files import CLEAN
from sample_county.identifiers import NULL_DAY, Ints, day_number
from sample_county.places import named_rows
from sample_county.social import OWN_BANK


@dataclass(frozen=True)
class Cause:
    """kind: tag, suppression, link or relation. code: tag code, source table, or what the other customer is.
    value: a text that the explanation of that item must hold."""

    case: str
    customer: int
    kind: str
    code: str
    value: str


def explanations(county: County, roster: pd.DataFrame) -> pd.DataFrame:
    """One customer per kind that the county has (a small one may lack some): case, customer_id, kind, code, value."""
    number = county.customers.number.to_pandas()
    candidates = [*(make(county) for make in _KINDS), *(make(county, roster) for make in _ROSTER_KINDS)]
    causes = pd.DataFrame(
        [cause for found in candidates for cause in _first(found)],
        columns=["case", "customer", "kind", "code", "value"],
    )
    causes.insert(1, "customer_id", number.to_numpy()[causes.pop("customer").astype(np.int64)])
    return causes


def _first(found: Iterator[Cause]) -> Iterator[Cause]:
    """The first of a kind who is a customer."""
    for cause in found:
        if cause.customer >= 0:
            yield cause
            return


def _iso(day: int) -> str:
    return date.fromordinal(day + 719_163).isoformat()


def _yuan(cents: float) -> str:
    return f"{cents / 100:,.2f}元"


def _plain(county: County, mask: pd.Series | np.ndarray) -> Ints:
    """Customers of the first date under the mask, one record each and a right ID."""
    rows = county.customers.frame
    return np.flatnonzero(mask & ~rows["is_duplicate"] & (rows["since"] == 0) & (rows["id_form"] != 2))


def _known_member(roster: pd.DataFrame, person: Ints) -> pd.DataFrame:
    """Roster rows, by person, with an undamaged ID: the only row of that person."""
    known = roster[(roster["id_form"] == CLEAN) & roster["person"].isin(person)]
    return known[~known["person"].isin(roster.loc[roster["is_copy"], "person"])].set_index("person", drop=False)


def _household(county: County, row: pd.Series) -> str:
    return f"{county.places.villages['village_code'][row['village']]}-{row['household'] + 1:06d}"


def _mistyped(county: County, roster: pd.DataFrame) -> Iterator[Cause]:
    rows = county.customers.frame
    wrong = np.flatnonzero((rows["id_form"] == 2) & (rows["since"] == 0))
    known = _known_member(roster, rows["person"].to_numpy()[wrong])
    for customer in wrong:
        person = rows["person"][customer]
        if person in known.index:
            row = known.loc[person]
            record = f"{_household(county, row).replace('-', '|')}|{row['member_no']}"
            yield Cause("mistyped core ID linked", int(customer), "link", "credit.village_roster", record)


def _duplicate(county: County) -> Iterator[Cause]:
    rows, number = county.customers.frame, county.customers.number
    for twice in np.flatnonzero(rows["is_duplicate"]):
        in_use = county.customers.of_person[rows["person"][twice]]
        yield Cause("duplicate core records", int(in_use), "link", "core.customer", number[int(twice)].as_py())


def _traders(county: County) -> pd.DataFrame:
    """Living entities whose owner has no other: owner, special, association, name of the trade."""
    frame = county.entities.frame.assign(name=county.entities.name.to_pandas())
    once = frame[~frame["owner"].duplicated(keep=False) & (frame["state"] == "存续")]
    special = county.entities.special["special_industry_name"].to_numpy()
    return once.assign(trade=special[once["special"]], customer=county.customers.of_person[once["owner"]])


def _crab(county: County) -> Iterator[Cause]:
    for row in named_rows(_traders(county)):
        if "蟹" in row.trade:
            yield Cause("crab trader", row.customer, "tag", "crab_season", row.trade)


def _member(county: County) -> Iterator[Cause]:
    for row in named_rows(_traders(county)):
        if row.association:
            yield Cause("association member", row.customer, "tag", "association_member", row.association)


def _legal_person(county: County) -> Iterator[Cause]:
    for row in named_rows(_traders(county)):
        yield Cause("legal person", row.customer, "relation", "represented_enterprise", row.name)


def _shops(county: County) -> pd.DataFrame:
    """Open shops by the customer they settle to, where that customer has one shop only."""
    shops = county.merchants.frame
    settles_to = county.accounts.frame["customer"].to_numpy()[county.accounts.settlement_of]
    shops = shops.assign(customer=settles_to)
    return shops[~shops["customer"].duplicated(keep=False) & (shops["status"] == "1") & (shops["since"] == 0)]


def _good_neighbour(county: County) -> Iterator[Cause]:
    shops, branches = _shops(county), county.places.branches
    at = np.radians(shops[["latitude", "longitude"]].to_numpy())[:, None, :]
    desks = np.radians(branches[["latitude", "longitude"]].to_numpy())[None, :, :]
    half = np.sin((at - desks) / 2) ** 2
    angle = half[..., 0] + np.cos(at[..., 0]) * np.cos(desks[..., 0]) * half[..., 1]
    distance = (2 * 6371.0088 * np.arcsin(np.sqrt(angle))).min(axis=1)
    for i in np.flatnonzero(distance < 0.99):
        near = f"{distance[i]:,.2f}公里"
        yield Cause("good neighbour", int(shops["customer"].iloc[i]), "tag", "good_neighbour", near)


def _market(county: County) -> Iterator[Cause]:
    names = {"crab": "河蟹市场", "grain": "粮食市场", "steel": "不锈钢市场"}
    for row in named_rows(_shops(county)):
        if row.market in names:
            yield Cause("merchant of a market", row.customer, "tag", "market_merchant", names[row.market])


def _borrower_household(county: County, roster: pd.DataFrame) -> Iterator[Cause]:
    people, credit = county.people.frame, county.credit
    borrowing = people["household"].to_numpy()[credit.main[: credit.drawn]]
    member = np.flatnonzero(np.isin(people["household"], borrowing) & people["on_roster"])
    member = np.setdiff1d(member, credit.main)
    member = member[county.customers.of_person[member] >= 0]
    for _, row in _known_member(roster, member).iterrows():
        customer = int(county.customers.of_person[row["person"]])
        yield Cause("household of a borrower", customer, "tag", "borrower_household", _household(county, row))


def _loans(county: County) -> pd.DataFrame:
    """Loans of customers who have one loan only, with the customer."""
    loans = county.lending.loan
    loans = loans.assign(customer=county.lending.line["customer"].to_numpy()[loans["line"]])
    return loans[~loans["customer"].duplicated(keep=False)]


def _guarantor(county: County) -> Iterator[Cause]:
    loans, guarantee = _loans(county), county.lending.guarantee
    good = loans[(loans["overdue_class"] == 0) & (loans["settled"] == NULL_DAY)]
    good = good[good["matures"] > day_number(county.last)]
    borrower = county.lending.line["customer"].to_numpy()[guarantee["line"]]
    guarantor = county.customers.of_person[guarantee["guarantor"]]
    for i in np.flatnonzero(np.isin(borrower, good["customer"]) & (guarantor != borrower)):
        yield Cause(
            "guarantor of a good borrower", int(guarantor[i]), "tag", "guarantor_of_good_borrower", "客户担保人 是"
        )


def _undrawn(county: County) -> Iterator[Cause]:
    line, loan = county.lending.line, county.lending.loan
    idle = line[(line["group"] == "main") & ~line.index.isin(loan["line"]) & (line["expiry"] > day_number(county.last))]
    for row in named_rows(idle):
        yield Cause("credited not drawn", row.customer, "tag", "credited_not_drawn", _yuan(row.limit))


def _maturing(county: County) -> Iterator[Cause]:
    loans, today = _loans(county), day_number(county.first)
    due = loans["matures"].between(day_number(county.last) + 1, today + 30) & (loans["settled"] == NULL_DAY)
    for row in named_rows(loans[due]):
        yield Cause("maturing loan", row.customer, "tag", "loan_maturing_30", _iso(row.matures))


def _settled(county: County) -> Iterator[Cause]:
    loans, group = _loans(county), county.lending.line["group"]
    for row in named_rows(loans[group.to_numpy()[loans["line"]] == "settled"]):
        yield Cause("settled in good standing", row.customer, "tag", "settled_good", _iso(row.settled))


def _cheat(county: County) -> Iterator[Cause]:
    line, loan = county.lending.line, county.lending.loan
    for row in named_rows(line[line["group"] == "cheat"]):
        first = int(loan.loc[loan["line"] == row.Index, "disbursed"].min())
        yield Cause("draw-and-repay cheat", row.customer, "tag", "repeat_draw", _iso(first))


def _overdue(county: County) -> Iterator[Cause]:
    for row in named_rows(_loans(county).query("overdue_class > 0")):
        yield Cause("overdue", row.customer, "suppression", "overdue_or_below_pass", "逾期 是")


def _opted_out(county: County) -> Iterator[Cause]:
    refusals = county.marketing.opt_out
    once = refusals[~refusals["customer"].duplicated(keep=False) & (refusals["since"] == 0)]
    for row in named_rows(once):
        if row.channel in ("短信", "电话", "微信"):
            yield Cause("opted out", row.customer, "suppression", "opted_out", row.channel)


def _staff(county: County) -> Iterator[Cause]:
    for customer in _plain(county, county.customers.frame["is_staff"]):
        yield Cause("staff", int(customer), "suppression", "staff", "本行员工 是")


def _deceased(county: County) -> Iterator[Cause]:
    for customer in _plain(county, county.customers.frame["is_deceased"]):
        yield Cause("deceased", int(customer), "suppression", "deceased", "已故 是")


def _grey(county: County) -> Iterator[Cause]:
    for customer in _plain(county, county.customers.frame["risk"] == 1):
        yield Cause("grey list", int(customer), "suppression", "grey_or_black_list", "灰名单")


def _minor(county: County) -> Iterator[Cause]:
    birth, person = county.people.frame["birth"].to_numpy(), county.customers.frame["person"].to_numpy()
    for customer in _plain(county, person >= 0):
        born = date.fromordinal(int(birth[person[customer]]) + 719_163)
        age = county.first.year - born.year - ((county.first.month, county.first.day) < (born.month, born.day))
        if age < 17:
            yield Cause("minor", int(customer), "suppression", "minor", f"年龄 {age}")


def _dormant_card(county: County) -> Iterator[Cause]:
    card = county.social.card
    idle = card[(card["bank"] == OWN_BANK) & (card["state"] == "1") & (card["used"] < day_number(county.first) - 200)]
    for row in named_rows(idle):
        customer = int(county.customers.of_person[row.person])
        yield Cause("dormant social-security card", customer, "tag", "social_card_dormant", _iso(row.used))


def _payroll(county: County) -> Iterator[Cause]:
    for row in named_rows(county.employers.employees):
        code = county.employers.credit_code[row.employer].as_py()
        yield Cause("payroll employee", int(county.customers.of_person[row.person]), "tag", "payroll_employee", code)


def _whitelisted(county: County) -> Iterator[Cause]:
    for person, yuan in zip(county.credit.whitelist, county.credit.whitelist_yuan, strict=True):
        customer = int(county.customers.of_person[person])
        yield Cause("whitelisted household", customer, "tag", "whitelisted", _yuan(yuan * 100))


def _partner(county: County, is_upstream: bool, case: str, role: str) -> Iterator[Cause]:
    chain, number = county.chains.frame, county.customers.number
    for row in named_rows(chain[chain["is_upstream"] == is_upstream]):
        yield Cause(case, row.partner, "relation", role, number[row.core].as_py())


def _supplier(county: County) -> Iterator[Cause]:
    yield from _partner(county, True, "supplier of a core enterprise", "downstream")


def _buyer(county: County) -> Iterator[Cause]:
    yield from _partner(county, False, "buyer from a core enterprise", "upstream")


def _referrer(county: County) -> Iterator[Cause]:
    event, number = county.lending.event, county.customers.number
    for row in named_rows(event[(event["referrer"] >= 0) & (event["day"] <= day_number(county.first))]):
        yield Cause("referrer", row.referrer, "relation", "referred", number[row.customer].as_py())


_KINDS: tuple[Callable[[County], Iterator[Cause]], ...] = (
    _duplicate, _crab, _good_neighbour, _guarantor, _undrawn, _maturing, _settled, _opted_out, _staff, _deceased,
    _minor, _grey, _dormant_card, _payroll, _cheat, _market, _member, _supplier, _buyer, _referrer, _legal_person,
    _whitelisted, _overdue,
)  # fmt: skip
_ROSTER_KINDS: tuple[Callable[[County, pd.DataFrame], Iterator[Cause]], ...] = (_mistyped, _borrower_household)
