"""Search everything outside the vault and the inbox for the people's raw identifiers, after days with faults and kills.

Without --home: a sample county of its own runs two business dates with faulty rows, refused files and SIGKILLed
landings. With --home: a finished installation, such as the demo's with its Airflow and Superset, is searched as it is.

Looked for are all ID numbers and phones of the sources (inbox and database) and all account numbers, names (three
characters and more, unless also the open name of an employee or a firm) and addresses of the vault. Searched are the
bytes of every file and what Parquet, DuckDB, SQLite, XLSX, ZIP, gzip and JSON files hold; of files cut by a kill or
spilled by DuckDB, their compressed pages. Vault, quarantine and delivered lists are searched as they are on disk, that
is encrypted: what a list reveals to its recipient is not looked at.
"""

import argparse
import gzip
import os
import signal
import subprocess
import tempfile
import time
from hashlib import sha256
from pathlib import Path

from ingestion.encryption import read_encrypted
from qianmo.home import BankHome
from qianmo.settings import keys
from tests.evidence import PROJECT, QIANMO, empty_home, fail, must, qianmo
from tests.raw_values import RawValues, files_to_search, leaky_files, of_sources, of_vault, open_names, search, told

FIRST, SECOND = "2026-09-28", "2026-09-29"
DAY = "20260929"
PLANTED_ID, PLANTED_PHONE, PLANTED_NAME = "321281198807120014", "13951237788", "欧阳漏测甲"
PLANTED = RawValues({PLANTED_ID}, {PLANTED_PHONE}, {PLANTED_NAME})
DEADLINE_SECONDS = 120
WRITTEN_BYTES = 10_000
"""An unfinished file of more bytes holds rows."""


def said(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command and keep what it printed where the search will find it."""
    done = qianmo(home, *arguments)
    folder = home / "messages"
    folder.mkdir(exist_ok=True)
    name = f"{len(list(folder.iterdir())):02d}-{'-'.join(arguments)}.log"
    (folder / name).write_text(done.stdout + done.stderr, encoding="utf-8")
    print(f"{' '.join(arguments)}: exit {done.returncode}", flush=True)
    return done


def plant_faults(inbox: Path) -> dict[Path, bytes]:
    """Faulty rows that hold identifiers, one per way in which a row can be wrong; returns the files as they were."""
    damaged = [
        unload := inbox / "core" / DAY / f"customer_{DAY}.dat.gz",
        unload.with_name(f"customer_{DAY}.ctl"),
        whitelist := inbox / "credit" / DAY / f"whitelist_{DAY}.csv",
        cards := next((inbox / "social_security").rglob("card_holder_*.txt")),
    ]
    clean = {path: path.read_bytes() for path in damaged}
    good = (
        f"C9999999901|!|1|!|{PLANTED_NAME}|!|01|!|{PLANTED_ID}|!|19880712|!|1|!|{PLANTED_PHONE}|!|"
        "江苏省兴化市沙沟镇兴龙村18组69号|!|321281108200|!||!|20220609|!|8812|!|E00067|!|0|!|0|!|0|!|1"
    )
    rows = [
        good.replace("|!|1|!|欧", "|!|9|!|欧"),  # a code nobody knows
        good.replace("01|!|", "", 1),  # a column too few
        good.replace("19880712", PLANTED_ID),  # the number where a date belongs
        good.replace("20220609", PLANTED_PHONE),
    ]
    broken = good.encode("gb18030").replace("沙沟".encode("gb18030"), b"\xc9\x80\xff")
    lines = gzip.decompress(unload.read_bytes()).rstrip(b"\n").split(b"\n")
    lines += [*(row.encode("gb18030") for row in rows), broken]
    write_with_control(unload, b"".join(line + b"\n" for line in lines), len(lines))
    with whitelist.open("a", encoding="utf-8", newline="") as file:
        file.write(f"WL99,{PLANTED_ID},{PLANTED_NAME},321281109001,一千,2026-08-19,2029-08-18\n")
        file.write(f"WL99,{PLANTED_ID},{PLANTED_NAME},{PLANTED_PHONE},1.00,2026-08-19,2029-08-18,{PLANTED_PHONE}\n")
    last = clean[cards].rstrip().rsplit(b"\n", 1)[-1]
    cards.write_bytes(clean[cards] + last[:60] + b"\n")  # a record cut short
    return clean


def write_with_control(unload: Path, content: bytes, rows: int) -> None:
    unload.write_bytes(gzip.compress(content, mtime=0))
    claims = {
        "rows": rows,
        "bytes": unload.stat().st_size,
        "sha256": sha256(unload.read_bytes()).hexdigest(),
    }
    control = unload.with_name(unload.name.replace(".dat.gz", ".ctl"))
    lines = [line.partition("=") for line in control.read_text().splitlines()]
    control.write_text("".join(f"{name}={claims.get(name, value)}\n" for name, _, value in lines))


def refuse_some(home: Path) -> None:
    """Files that are refused whole; each is put back afterwards."""
    inbox = home / "sample" / "inbox"
    for path, damage in (
        (inbox / "core" / DAY / f"customer_{DAY}.dat.gz", lambda content: content[: len(content) // 2]),
        (inbox / "credit" / DAY / f"whitelist_{DAY}.csv", lambda content: content.split(b"\n", 1)[1]),
        (inbox / "credit" / DAY / f"guarantee_{DAY}.csv", lambda content: content.decode().encode("utf-16")),
    ):
        content = path.read_bytes()
        path.write_bytes(damage(content))
        if said(home, "land", "--source", path.relative_to(inbox).parts[0], "--date", SECOND).returncode != 1:
            fail(f"{path.name} was damaged and not refused")
        path.write_bytes(content)


def kill_landing(home: Path, watched: str) -> list[Path]:
    """SIGKILL the landing of core when its first unfinished file of a table is there; returns what it left."""
    process = subprocess.Popen(
        [QIANMO, "land", "--source", "core", "--date", FIRST],
        cwd=PROJECT,
        env=os.environ | {"QIANMO_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + DEADLINE_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if any(
            path.stat().st_size > WRITTEN_BYTES for path in (home / "sample").glob(f"{watched}/.*.tmp") if path.exists()
        ):
            break
        time.sleep(0.002)
    if process.poll() is not None:
        fail(f"the landing ended before it could be killed at {watched}")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    left = [*(home / "sample").rglob(".*.tmp"), *(home / "sample").rglob(".workspace/**/*")]
    print(f"killed at {watched}: {len(left)} unfinished files, {sum(p.stat().st_size for p in left)} bytes", flush=True)
    return left


def values_of(home: Path, banks: list[BankHome]) -> RawValues:
    """Everything that must not be found; read with the keys of the installation."""
    os.environ["QIANMO_HOME"] = str(home)
    keys.cache_clear()
    values = RawValues()
    for bank in banks:
        values = values | of_sources(bank) | of_vault(bank, open_names(bank))
    print(f"looked for: {len(values.numbers)} ID and account numbers, {len(values.phones)} phones,"
          f" {len(values.texts)} names and addresses", flush=True)  # fmt: skip
    return values


def outside(home: Path, banks: list[BankHome]) -> list[Path]:
    """Every file of an installation but the sources' deliveries, the sample's truth and the keys."""
    left_out = [folder for bank in banks for folder in (bank.inbox, bank.root / "truth")]
    return files_to_search(home, [*left_out, home / "keys.env"])


def check(values: RawValues, home: Path, banks: list[BankHome], what: str) -> tuple[int, int]:
    files = outside(home, banks)
    found, size = search(values, files)
    print(f"{what}: {len(files)} files, {size:,} bytes searched, {len(found)} with hits", flush=True)
    if found:
        fail(f"{what}: {told(found, home)}")
    return len(files), size


def check_search(values: RawValues) -> None:
    """The search finds each kind of value in each kind of file, or it proves nothing."""
    for value in (PLANTED_ID, PLANTED_PHONE, PLANTED_NAME, min(values.numbers), min(values.phones), min(values.texts)):
        with tempfile.TemporaryDirectory() as folder:
            files = leaky_files(value, Path(folder))
            found, _ = search(values | PLANTED, files)
            if missed := [path.name for path in files if value not in found.get(path, set())]:
                fail(f"the search does not find what was planted in {', '.join(missed)}")
    print(f"the search finds a planted value in each of {len(files)} kinds of file", flush=True)


def quarantined(bank: BankHome) -> str:
    """The decrypted raw bytes of everything in quarantine, as text."""
    return "\n".join(
        row.decode("gb18030", "replace")
        for path in sorted(bank.quarantine.rglob("*.parquet"))
        for batch in read_encrypted(path, ["raw"])
        for row in batch["raw"].to_pylist()
        if row is not None
    )


def own_county(with_superset: bool) -> None:
    with empty_home() as home:
        bank = BankHome(home / "sample")
        must(said(home, "sample", "generate", "--scale", "0.001", "--from", FIRST, "--to", SECOND))
        clean = plant_faults(bank.inbox)
        for watched in ("vault/core/transaction", "landing/core/transaction"):
            kill_landing(home, watched)
            check(values_of(home, [bank]) | PLANTED, home, [bank], "after the kill")
        must(said(home, "run", "--date", FIRST))
        refuse_some(home)
        if said(home, "run", "--date", SECOND).returncode != 1:
            fail(f"gate 1 let the faulty rows of {SECOND} pass")
        inside = quarantined(bank)
        if not all(value in inside for value in (PLANTED_ID, PLANTED_PHONE)):
            fail("the planted rows are not in quarantine, so this shows nothing")
        check(values_of(home, [bank]) | PLANTED, home, [bank], "with faulty rows, refused files and a failed gate")
        for path, content in clean.items():
            path.write_bytes(content)
        must(said(home, "run", "--date", SECOND))  # the clean files were sent again
        for arguments in (["status"], ["vault", "log"], ["keys", "show"]):
            must(said(home, *arguments))
        if with_superset:
            must(said(home, "superset", "load"))
        values = values_of(home, [bank]) | PLANTED
        check_search(values)
        files, size = check(values, home, [bank], "in the end")
        print(f"{files} files, {size:,} bytes outside vault and inbox searched for {len(values)} raw values: hits: 0")


def finished(home: Path) -> None:
    banks = [BankHome(path.parent) for path in sorted(home.glob("*/ledger.sqlite"))]
    if not banks:
        fail(f"{home} holds no bank that has landed anything")
    values = values_of(home, banks)
    check_search(values)
    files, size = check(values, home, banks, str(home))
    print(f"{files} files, {size:,} bytes outside vault and inbox searched for {len(values)} raw values: hits: 0")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, help="QIANMO_HOME of a finished installation, such as the demo's ./var")
    parser.add_argument("--superset", action="store_true", help="load Superset, too, before searching (half a minute)")
    arguments = parser.parse_args()
    if arguments.home:
        finished(arguments.home.resolve())
    else:
        own_county(arguments.superset)


if __name__ == "__main__":
    main()
