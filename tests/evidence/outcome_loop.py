"""The outcome loop on the home of a demo: delivered, filled in, landed, matched, and seen in the lift dashboard.

`answers.json` beside the files that came back says what was filled in on the delivered workbooks, with faults.
Every line must be where it belongs: faulty words and missing times in quarantine with file and line, the others in
`mart_list_return` with their status; of several answers for a row the one that the rule says.
"""

import argparse
import json
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from qianmo.home import BankHome
from tests.evidence import fail

QUARANTINED = {"accepted", "required"}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--home", type=Path, default=Path("var"), help="QIANMO_HOME of a demo (default: ./var)")
    bank = BankHome(options.parse_args().home.resolve() / "sample")
    [planted] = sorted(bank.inbox.glob("returned/*/answers.json")) or [None]
    if planted is None:
        fail(f"no lists came back in {bank.root}: run `qianmo demo` first")
    answers: list[dict[str, Any]] = json.loads(planted.read_text(encoding="utf-8"))["answers"]
    day = date.fromisoformat(planted.parent.name).isoformat()
    pointer = json.loads((bank.published / "current.json").read_text(encoding="utf-8"))
    with duckdb.connect(str(bank.published / pointer["file"]), read_only=True) as connection:
        returned = {
            (row_id, recipient, f"{contacted_at:%Y-%m-%d %H:%M:%S}", outcome): (status, is_contact)
            for row_id, recipient, contacted_at, outcome, status, is_contact in connection.execute(
                "select row_id, recipient, contacted_at, contact_outcome, return_status, is_contact"
                " from marts.mart_list_return"
            ).fetchall()
        }
        answered = connection.execute(
            "select coalesce(sum(answered_rows), 0) from marts.mart_list_outcome"
            " where origin = 'warehouse' and is_whole_list"
        ).fetchall()[0][0]
        looks = connection.execute(
            f"select count(*) from marts.mart_list_lift where origin = 'warehouse' and business_date = date '{day}'"
        ).fetchall()[0][0]
    faults = 0
    for answer in answers:
        key = (answer["row_id"], answer["recipient"], answer["contacted_at"], answer["outcome"])
        status = returned.get(key, ("quarantined", False))[0]
        expected = "quarantined" if answer["fault"] in QUARANTINED else answer["fault"] or status
        if status != expected or (not answer["fault"] and status not in {"counted", "superseded", "removed"}):
            faults += 1
            print(f"{key}: {status}, expected {expected}")
    good: dict[str, list[dict[str, Any]]] = {}
    for answer in answers:
        if not answer["fault"]:
            good.setdefault(answer["row_id"], []).append(answer)
    strength = ["applied", "interested", "refused", "reached", "not_reached"]
    for row_id, several in good.items():
        latest = max(answer["contacted_at"] for answer in several)
        of_latest = [answer for answer in several if answer["contacted_at"] == latest]
        best = min(of_latest, key=lambda answer: strength.index(answer["outcome"]))
        key = (row_id, best["recipient"], best["contacted_at"], best["outcome"])
        if not returned.get(key, ("", False))[1]:
            faults += 1
            print(f"{row_id}: {best['outcome']} of {best['recipient']} should hold")
    conflicts = sum(len(several) > 1 for several in good.values())
    print(dict(Counter(status for status, _ in returned.values())))
    if faults or not conflicts or not looks or answered < len(good):
        fail(
            f"{faults} lines are not where they belong; {conflicts} conflicts, {answered} answered rows, {looks} looks"
        )
    print(
        f"{len(answers)} lines filled in, {len(returned)} landed and matched, {conflicts} conflicts settled,"
        f" {len(answers) - len(returned)} in quarantine; {answered} answered rows in {looks} rows of the lift dashboard"
    )


if __name__ == "__main__":
    main()
