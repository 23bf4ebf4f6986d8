"""Four faults, each in one source: one message, the other sources land, the previous publication stays readable."""

import gzip
from collections.abc import Callable
from pathlib import Path

import duckdb

from tests.evidence import copy, empty_home, fail, must, qianmo, reported

FIRST, SECOND = "2026-09-28", "2026-09-29"
DAY = "20260929"


def truncate_unload(inbox: Path) -> Path:
    path = inbox / "core" / DAY / f"transaction_{DAY}.dat.gz"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def wrong_control_count(inbox: Path) -> Path:
    path = inbox / "core" / DAY / f"account_balance_{DAY}.ctl"
    lines = path.read_text().splitlines()
    path.write_text("".join("rows=999999\n" if line.startswith("rows=") else f"{line}\n" for line in lines))
    return path.with_suffix(".dat.gz")


def wrong_encoding(inbox: Path) -> Path:
    # the same text in UTF-16, with a control file that agrees: only the encoding is wrong
    path = next((inbox / "credit").rglob(f"*loan*{DAY}*.csv*"))
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8-sig")
    changed = text.encode("utf-16")
    path.write_bytes(gzip.compress(changed, mtime=0) if path.suffix == ".gz" else changed)
    return path


def missing_file(inbox: Path) -> Path:
    path = inbox / "core" / DAY / f"account_{DAY}.dat.gz"
    path.unlink()
    return path


FAULTS: dict[str, Callable[[Path], Path]] = {
    "truncated unload": truncate_unload,
    "wrong control count": wrong_control_count,
    "wrong encoding": wrong_encoding,
    "missing file": missing_file,
}


def check(home: Path, fault: str) -> None:
    damaged = FAULTS[fault](home / "sample" / "inbox")
    source = damaged.relative_to(home / "sample" / "inbox").parts[0]
    before = must(qianmo(home, "where", "marts")).stdout.strip()
    ended = qianmo(home, "run", "--date", SECOND)
    message = [line for line in ended.stderr.splitlines() if line.startswith("qianmo:")]
    print(f"--- {fault}: exit {ended.returncode}", *message, sep="\n", flush=True)
    if ended.returncode != 1 or "Traceback" in ended.stderr or len(message) != 1 or damaged.name not in message[0]:
        fail(f"{fault}: expected exit 1 and one line naming {damaged.name}, got {ended.returncode} and {message}")
    if "expected" not in message[0] or "found" not in message[0]:
        fail(f"{fault}: the message does not say what was expected and found: {message[0]}")
    tables = reported(home)["business_dates"][SECOND]["tables"]
    refused = {name for name, table in tables.items() if table["status"] == "refused"}
    landed = {name.split(".")[0] for name, table in tables.items() if table["status"] == "landed"}
    if len(refused) != 1 or not {"master", "core", "acquiring", "credit", "marketing"} <= landed:
        fail(f"{fault}: refused {refused}, sources with landed tables {landed}")
    if must(qianmo(home, "where", "marts")).stdout.strip() != before:
        fail(f"{fault}: the pointer moved")
    with duckdb.connect(before, read_only=True) as connection:
        rows = connection.execute("select count(*) from marts.dim_customer").fetchall()[0][0]
    print(f"{fault}: {source} refused {refused.pop()}, {len(landed)} sources landed, {rows} customers still readable\n")


def main() -> None:
    with empty_home() as home:
        must(qianmo(home, "sample", "generate", "--scale", "0.001", "--from", FIRST, "--to", SECOND))
        must(qianmo(home, "run", "--date", FIRST))
        for fault in FAULTS:
            with empty_home() as faulty:
                for part in ("keys.env", "sample"):
                    copy(home / part, faulty / part)
                check(faulty, fault)
        print(f"{len(FAULTS)} of {len(FAULTS)} faults stopped their source with one message; publication untouched")


if __name__ == "__main__":
    main()
