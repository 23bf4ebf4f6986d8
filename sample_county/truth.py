"""What was planted and what must come out: for tests alone, never read by the pipeline."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sample_county import parameters as p
from sample_county.core_files import core_id_numbers
from sample_county.county import County
from sample_county.credit_files import AS_NUMBER, FIFTEEN, FIFTEEN_AS_NUMBER, MISSING, MISTYPED, corrected_rows
from sample_county.explanations import explanations
from sample_county.identifiers import NULL_DAY, day_number, padded
from sample_county.lending import CONTACT_LISTS
from sample_county.social import OWN_BANK
from sample_county.trade import market_cumulative, market_mean_amounts
from sample_county.visits import is_cheat
from sample_county.writing import text, write_csv

_FORMS = {
    FIFTEEN: "fifteen",
    MISTYPED: "mistyped",
    MISSING: "missing",
    AS_NUMBER: "as_number",
    FIFTEEN_AS_NUMBER: "fifteen_as_number",
}


def write_truth(county: County, roster: pd.DataFrame, postings: int, folder: Path, inbox: Path) -> None:
    """`figures.json` and one CSV per kind of planted thing."""
    shutil.rmtree(folder / "resent", ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "figures.json").write_text(
        json.dumps(figures(county, roster, postings), ensure_ascii=False, indent=2) + "\n", encoding="utf-8"
    )
    for name, frame in planted(county, roster).items():
        frame.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
    _resend(county, folder / "resent", inbox)


def figures(county: County, roster: pd.DataFrame, postings: int) -> dict[str, object]:
    """Counts and ratios as they are in the files, on the first date unless named otherwise."""
    credit, lending, shops = county.credit, county.lending, county.merchants.frame
    people = county.people.frame
    today = day_number(county.first)
    line, loan = lending.line, lending.loan
    online = line["channel"] == "线上"
    online_drawn = np.isin(np.flatnonzero(online), loan["line"]).sum()
    events = lending.event[lending.event["list_code"] == "referral_seed"]
    pipeline = events.groupby("application").agg(
        amount=("amount", "max"), landed=("stage", lambda s: (s == "拨付").any())
    )
    landed_lines = np.flatnonzero(line["group"] == "pipeline")
    landed_amount = loan.loc[loan["line"].isin(landed_lines), "amount"].sum()
    own = int((people["issuer"] == 1).sum())
    cards = int((people["issuer"] > 0).sum())
    new = (shops["is_new"] & (shops["since"] == 0)).to_numpy()
    crab = (shops["market"] == "crab").to_numpy()
    target = county.accounts.frame["floor_target"].to_numpy()[county.accounts.settlement_of]
    means = market_mean_amounts()
    year_end = county.first.replace(month=12, day=31)
    market_year = {m: market_cumulative(m, county.scale, year_end) for m in means}
    contacts = lending.contacts
    credited_entities = credit.drawn + credit.undrawn
    return {
        "scale": county.scale,
        "seed": county.seed,
        "first": county.first.isoformat(),
        "last": county.last.isoformat(),
        "registered_population": len(people),
        "roster_people": int(people["on_roster"].sum()),
        "roster_rows": len(roster),
        "roster_households": int(people.loc[people["on_roster"], "household"].nunique()),
        "cards": cards,
        "cards_own": own,
        "card_market_share": own / cards,
        "card_coverage": own / len(people),
        "evaluated_main_entities": len(credit.main),
        "drawn": credit.drawn,
        "credited_undrawn": credit.undrawn,
        "drawdown_rate_evaluated": credit.drawn / len(credit.main),
        "drawdown_rate_credited": credit.drawn / credited_entities,
        "credited_undrawn_share": credit.undrawn / len(credit.main),
        "whitelist": len(credit.whitelist),
        "whitelist_yuan": int(credit.whitelist_yuan.sum()),
        "online_signings": int(online.sum()),
        "online_drawn": int(online_drawn),
        "list_rows": len(contacts),
        "list_batches": int(contacts["batch"].nunique()),
        "list_credited": int(contacts["credited"].sum()),
        "list_held_rows": int(lending.pushed["is_held"].sum()),
        "list_held_credited": int((lending.pushed["is_held"] & lending.pushed["credited"]).sum()),
        "list_effect": float(np.mean([p.LIST_EFFECTS[code] for code in CONTACT_LISTS])),
        "pipeline": len(pipeline),
        "pipeline_landed": int(pipeline["landed"].sum()),
        "pipeline_yuan": int(pipeline["amount"].sum()) / 100,
        "pipeline_landed_yuan": int(landed_amount) / 100,
        "registry_entities": len(county.entities.frame),
        "new_merchants": int(new.sum()),
        "new_merchant_deposits_yuan": int(target[new].sum()) / 100,
        "crab_deposits_yuan": int(target[crab].sum()) / 100,
        "market_transactions_year": sum(market_year.values()),
        "market_yuan_year": sum(market_year[m] * means[m] for m in means),
        "customers": int((county.customers.frame["since"] == 0).sum()),
        "postings": postings,
        "overdue_loans": int((loan["overdue_class"] > 0).sum()),
        "open_loans": int(((loan["settled"] == NULL_DAY) | (loan["settled"] > today)).sum()),
    }


def planted(county: County, roster: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Frames of what was planted, by name; customers by their core number, people by their true ID."""
    rows, number = county.customers.frame, county.customers.number
    ids = county.people.id_number
    person = rows["person"].to_numpy()
    true_id = ids.take(pa.array(person, mask=person < 0)).to_pandas()
    shown = core_id_numbers(county).to_pandas()
    customer_id = number.to_pandas()
    twice = np.flatnonzero(rows["is_duplicate"])
    in_use = county.customers.of_person[person[twice]]
    is_minor = (person >= 0) & (county.people.frame["age"].to_numpy()[person] < 18)

    def listed(mask: np.ndarray) -> pd.DataFrame:
        chosen = np.flatnonzero(mask)
        return pd.DataFrame({"customer_id": customer_id[chosen], "since": rows["since"].to_numpy()[chosen]})

    damaged = roster[roster["id_form"] > 0]
    villages = county.places.villages["village_code"].to_numpy()

    def roster_rows(part: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "village_code": villages[part["village"]],
                "household_no": (part["household"] + 1).map("{:06d}".format).to_numpy(),
                "member_no": part["member_no"].to_numpy(),
                "true_id": ids.take(pa.array(part["person"].to_numpy())).to_pandas(),
                "defect": part["id_form"].map(_FORMS).to_numpy(),
            }
        )

    on_roster = roster[~roster["is_copy"] & (county.customers.of_person[roster["person"]] >= 0)]
    pairs = roster_rows(on_roster).drop(columns="defect")
    pairs["customer_id"] = customer_id.to_numpy()[county.customers.of_person[on_roster["person"]]]
    visits = county.marketing.visit
    asked = county.marketing.authorisation
    event, line, loan = county.lending.event, county.lending.line, county.lending.loan
    late = (loan["overdue_class"] > 0).to_numpy()
    referred = event[event["referrer"] >= 0].drop_duplicates(["referrer", "customer"])
    return {
        "duplicate_customers": pd.DataFrame(
            {
                "customer_id": customer_id.to_numpy()[in_use],
                "duplicate_customer_id": customer_id.to_numpy()[twice],
                "true_id": true_id.to_numpy()[twice],
                "duplicate_id": shown.to_numpy()[twice],
            }
        ),
        "mistyped_core_ids": listed((rows["id_form"] == 2).to_numpy()).assign(
            true_id=true_id.to_numpy()[rows["id_form"] == 2], shown_id=shown.to_numpy()[rows["id_form"] == 2]
        ),
        "damaged_roster_ids": roster_rows(damaged),
        "corrected_roster_ids": roster_rows(corrected_rows(county, roster)),
        "duplicate_roster_people": roster_rows(roster[roster["is_copy"]]).drop(columns="defect"),
        "identity_pairs": pairs,
        "opt_outs": _of_customers(county, county.marketing.opt_out, "channel", "since"),
        "contacts": _of_customers(county, county.marketing.contact, "list_code", day="contacted"),
        "marketing_authorisations": _of_customers(
            county, asked[asked["purpose"] == "营销"], "since", granted="granted", expires="expires", revoked="revoked"
        ),
        "overdue": listed(np.isin(np.arange(len(rows)), line["customer"].to_numpy()[loan["line"].to_numpy()[late]])),
        "minors": listed(is_minor).assign(birth_date=pd.Series(true_id.to_numpy()[is_minor], dtype=str).str[6:14]),
        "deceased": listed(rows["is_deceased"].to_numpy()),
        "staff": listed(rows["is_staff"].to_numpy()),
        "grey_black": listed((rows["risk"] > 0).to_numpy()),
        "explanations": explanations(county, roster),
        "pushed_batches": pushed_batches(county),
        "supply_chains": pd.DataFrame(
            {
                "core_customer_id": customer_id.to_numpy()[county.chains.frame["core"]],
                "partner_customer_id": customer_id.to_numpy()[county.chains.frame["partner"]],
                "direction": np.where(county.chains.frame["is_upstream"], "upstream", "downstream"),
            }
        ),
        "referrals": pd.DataFrame(
            {
                "referrer_customer_id": customer_id.to_numpy()[referred["referrer"]],
                "customer_id": customer_id.to_numpy()[referred["customer"]],
            }
        ),
        "violators": pd.DataFrame(
            {
                "kind": ["draw_and_repay"] * len(county.lending.cheats),
                "key": customer_id.to_numpy()[county.lending.cheats],
            }
        ),
        "visit_stories": pd.DataFrame(
            {
                "visit_id": padded(visits.index.to_numpy() + 1, 8, "ZF").to_pylist(),
                "story": visits["story"],
                "is_cheat": is_cheat(visits["story"]),
            }
        )[visits["story"] != ""],
    }


def _of_customers(county: County, frame: pd.DataFrame, *kept: str, **days: str) -> pd.DataFrame:
    """Core number, some columns as they are, and days as dates under new names; a day that never comes is empty."""
    number = county.customers.number.to_pandas().to_numpy()
    columns: dict[str, object] = {"customer_id": number[frame["customer"]]}
    columns |= {name: frame[name].to_numpy() for name in kept}
    for column, name in days.items():
        day = frame[column].to_numpy()
        columns[name] = np.where(day == NULL_DAY, "", day.astype("datetime64[D]").astype(str))
    return pd.DataFrame(columns)


def pushed_batches(county: County) -> pd.DataFrame:
    """The ten batches with their planted effect, a difference of the rates of being credited in the window.

    depends_on_customer says that the odds of being credited rise with the relation's length and a shop's acquiring.
    """
    rows = county.marketing.pushed_row
    held, credited = rows["is_held"], county.lending.pushed["credited"]
    counted = pd.DataFrame(
        {
            "batch_id": rows["batch_id"],
            "list_code": rows["list_code"],
            "is_by_village": rows["village"] >= 0,
            "treated": ~held,
            "treated_credited": ~held & credited,
            "control": held,
            "control_credited": held & credited,
        }
    )
    found = counted.groupby(["batch_id", "list_code", "is_by_village"], as_index=False).sum()
    return found.assign(
        effect=found["list_code"].map(p.LIST_EFFECTS),
        depends_on_customer=found["list_code"].isin(p.LIST_RESPONSE_BATCHES),
    )


def _resend(county: County, folder: Path, inbox: Path) -> None:
    """The whitelist of the first date sent again with one limit put right, 1,000 yuan more; a test copies it over."""
    source = inbox / "credit" / f"{county.first:%Y%m%d}" / f"whitelist_{county.first:%Y%m%d}.csv"
    lines = source.read_text(encoding="utf-8").splitlines(keepends=True)
    fields = lines[-1].split(",")
    fields[4] = f"{float(fields[4]) + 1000:.2f}"
    target = folder / "credit" / f"{county.first:%Y%m%d}" / source.name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("".join([*lines[:-1], ",".join(fields)]), encoding="utf-8")


def write_records(county: County, roster: pd.DataFrame, folder: Path) -> None:
    """`records.csv`: of every record of a person its table, its key as in the source and the true ID of the person.

    Keys are those of `int_customer__identity` with raw numbers in place of surrogates.
    """
    people, customers = county.people, county.customers
    social, staff = county.social, county.employers.employees
    person = customers.frame["person"].to_numpy()
    in_core = np.flatnonzero((person >= 0) & (customers.frame["since"].to_numpy() == 0))
    own_card = social.card.loc[social.card["bank"] == OWN_BANK, "person"].to_numpy()
    listed = county.credit.whitelist
    benefit = np.unique(social.benefit["person"])
    paid = np.unique(staff["person"])
    fund = np.unique(staff["person"].to_numpy()[social.fund["employee"]])
    shops = county.merchants.frame
    villages = text(county.places.villages["village_code"]).take(pa.array(roster["village"].to_numpy()))
    ids = people.id_number

    def of(rows: np.ndarray) -> pa.Array:
        return ids.take(pa.array(rows))

    entities = county.entities
    parts: list[tuple[str, pa.Array, np.ndarray]] = [
        ("core.customer", customers.number.take(pa.array(in_core)), person[in_core]),
        (
            "credit.village_roster",
            pc.binary_join_element_wise(
                villages, padded(roster["household"].to_numpy() + 1, 6), text(roster["member_no"]), "|"
            ),
            roster["person"].to_numpy(),
        ),
        (
            "credit.whitelist",
            pc.binary_join_element_wise(padded(np.arange(len(listed)) % 8 + 1, 2, "WL"), of(listed), "|"),
            listed,
        ),
        ("social_security.card_holder", padded(own_card + 1, 15, "9801"), own_card),
        ("social_security.benefit_payment", of(benefit), benefit),
        ("social_security.contribution", of(paid), paid),
        ("external.housing_fund", of(fund), fund),
        ("external.business_registry.legal_person", entities.credit_code, entities.frame["owner"].to_numpy()),
        ("acquiring.merchant.legal_person", padded(np.arange(1, len(shops) + 1), 8, "M"), shops["owner"].to_numpy()),
    ]
    write_csv(
        folder / "records.csv",
        {
            "source_table": text(pd.Series([name for name, keys, _ in parts for _ in range(len(keys))])),
            "natural_key": pa.concat_arrays([keys for _, keys, _ in parts]),
            "true_id": of(np.concatenate([persons for _, _, persons in parts])),
        },
    )
