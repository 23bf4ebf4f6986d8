"""Who was linked to whom, against the planted truth of a sample county that is landed and built here, without Airflow.

Every record of a person in any source has a true person (`truth/records.csv`). A link is right when it leads to that
person.

Deterministic links are those by what a record carries or by a rule (id_number, phone_name, id_repaired,
doubtful_id_name). A pair of records with such links is predicted when both lead to one customer, and true when both are
of one person. The stricter recall beside it is over the true pairs of all records, those without such a link included.

The probabilistic remainder are the records without such a link. Known are those whose person is a customer by another
record with one. Not known are people of whom there is nothing else, who are to stay alone, and those of whom there is
nothing but a payment (contribution, benefit, housing fund), which has no phone or village to tell them by and makes
nobody a customer. A link to anybody but the true person is wrong, whoever is known. Recall is over the known ones, so
that what is left to a reviewer counts as missed.
"""

import os
from pathlib import Path

import duckdb

from ingestion.surrogate import define
from qianmo.home import BankHome
from qianmo.settings import keys
from tests.evidence import fail, on_county

DAY = "2026-09-28"
PRECISION, RECALL, F1 = 0.999, 0.98, 0.95

_RECORDS = """
create table records as
with truth as (
    select
        source_table,
        case
            when source_table = 'credit.whitelist'
                then split_part(natural_key, '|', 1) || '|' || surrogate('id_number', split_part(natural_key, '|', 2))
            when source_table = 'social_security.card_holder' then surrogate('account_number', natural_key)
            when source_table in (
                'social_security.benefit_payment', 'social_security.contribution', 'external.housing_fund'
            ) then surrogate('id_number', natural_key)
            else natural_key
        end as source_key,
        'P' || left(surrogate('id_number', true_id), 16) as person
    from read_csv($truth, all_varchar = true)
)
select
    links.source_table,
    links.source_key,
    links.customer_id,
    links.method,
    truth.person,
    links.method in ('id_number', 'phone_name', 'id_repaired', 'doubtful_id_name') as is_deterministic
from warehouse.intermediate.int_customer__identity as links
inner join warehouse.intermediate.int_identity__record as record using (legal_entity_code, source_table, source_key)
left join truth on links.source_table = truth.source_table and links.source_key = truth.source_key
where record.customer_type = 'person'
"""
# A customer without a person's id is the person of the record that it was made from.
_JUDGED = """
create table judged as
select
    records.*,
    coalesce(alone.person, records.customer_id) = records.person as is_right,
    records.person in (
        select person from records
        where is_deterministic and source_table not in (
            'social_security.contribution', 'social_security.benefit_payment', 'external.housing_fund'
        )
    ) as is_known,
    records.person in (select person from records where is_deterministic) as is_paid,
    records.method in ('unlinked', 'core_number') as is_alone
from records
left join (
    select customer_id, min(person) as person from records where method in ('unlinked', 'core_number') group by all
) as alone on records.customer_id = alone.customer_id
"""


def pairs(connection: duckdb.DuckDBPyConnection, by: str, where: str = "true") -> int:
    """Pairs of records that agree in the columns `by`."""
    counted = f"select count(*) as n from records where {where} group by {by}"
    return int(
        connection.execute(f"select coalesce(sum(n * (n - 1) // 2), 0)::bigint from ({counted})").fetchall()[0][0]
    )


def judged(home: BankHome) -> duckdb.DuckDBPyConnection:
    """A database with the tables `records` and `judged` of the built warehouse."""
    connection = duckdb.connect()
    define(connection, keys().current("surrogate").secret)
    connection.execute(f"attach '{home.warehouse}' as warehouse (read_only)")
    connection.execute(_RECORDS, {"truth": str(home.root / "truth" / "records.csv")})
    connection.execute(_JUDGED)
    return connection


def harmonic(precision: float, recall: float) -> float:
    """F1."""
    return 2 * precision * recall / max(precision + recall, 1e-9)


def by_method(connection: duckdb.DuckDBPyConnection) -> None:
    print(f"{'method':<18}{'records':>10}{'right':>10}{'wrong':>8}{'precision':>11}")
    rows = connection.execute(
        "select method, count(*), count(*) filter (is_right), count(*) filter (not is_right) from judged"
        " where not is_alone group by 1 order by 2 desc"
    ).fetchall()
    for method, records, right, wrong in rows:
        print(f"{method:<18}{records:>10,}{right:>10,}{wrong:>8,}{right / records:>11.5f}")
    alone, known = connection.execute(
        "select count(*), count(*) filter (is_known) from judged where is_alone"
    ).fetchall()[0]
    print(f"{'left alone':<18}{alone:>10,}{alone - known:>10,}{known:>8,}{'':>11}  (wrong: the person is known)")


def main() -> None:
    on_county(__doc__, "0.01", "15,000 people", [DAY], report, ("land", "build"))


def report(home: Path) -> None:
    """Print the figures of a built sample county; ends this script when they fall short."""
    os.environ["QIANMO_HOME"] = str(home)
    keys.cache_clear()
    with judged(BankHome(home / "sample")) as connection:
        if unknown := connection.execute("select count(*) from records where person is null").fetchall()[0][0]:
            fail(f"{unknown} records of persons are not in the truth")
        by_method(connection)
        sure = "is_deterministic"
        both = pairs(connection, "customer_id, person", sure)
        predicted, true = pairs(connection, "customer_id", sure), pairs(connection, "person", sure)
        precision, recall = both / predicted, both / true
        print(
            f"deterministic: {predicted:,} pairs, {both:,} right: precision {precision:.6f}, recall {recall:.6f};"
            f" of the pairs of all records, the remainder's too, {both / pairs(connection, 'person'):.6f}"
        )
        records, linked, right, known, found, paid = connection.execute(
            "select count(*), count(*) filter (not is_alone), count(*) filter (not is_alone and is_right),"
            " count(*) filter (is_known), count(*) filter (is_known and not is_alone and is_right),"
            " count(*) filter (is_paid and not is_known) from judged where not is_deterministic"
        ).fetchall()[0]
    exact = right / max(linked, 1)
    f1 = harmonic(exact, found / max(known, 1))
    strict = harmonic(exact, right / max(known + paid, 1))
    print(
        f"remainder: {records:,} records, {known:,} of known persons; {linked:,} linked, {right:,} right:"
        f" precision {exact:.4f}, recall {found / max(known, 1):.4f}, F1 {f1:.4f};"
        f" with the {paid} of whom there is but a payment counted as missed F1 {strict:.4f}"
    )
    if precision < PRECISION or recall < RECALL or f1 < F1:
        fail(f"expected precision {PRECISION}, recall {RECALL} and F1 {F1} at least")


if __name__ == "__main__":
    main()
