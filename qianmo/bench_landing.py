"""How fast a large unload is landed, against a floor: `iconv` to UTF-8, then DuckDB's reader to zstd Parquet.

The floor decodes and types the same file and checks nothing. Each measurement is a process of its own; floor and
landings take turns, and the ratios are those of the medians. Start-up is left out on both sides.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import yaml

from qianmo.home import PROJECT_ROOT

ROWS = 2_000_000
MANY_ROWS = 20_000_000
RUNS = 5
BOUNDS = {"plain": 1.6, "vault": 3.0}
"""Landing over floor: with every column open, and with two of them in the vault."""
MEMORY_BOUND_MIB = 1024

_DAY = date(2026, 9, 28)
_BATCH_ROWS = 200_000

# Shares, lengths and repetition of the sample county's postings: 22 % transfers to one of 1.1 million people, 41 % QR
# payments through a dozen wallets, 25 % to merchants, 12 % without a counterparty.
_POSTINGS = """
select
    'T20260928' || lpad(n::varchar, 9, '0'),
    'A' || lpad((hash(n) % 1300000)::varchar, 10, '0'),
    '20260928',
    strftime(timestamp '2026-09-28' + to_seconds((hash(n + 1) % 86400)::bigint), '%Y%m%d%H%M%S'),
    printf('%.2f', ((hash(n + 2) % 2000000)::bigint - 1000000) / 100.0),
    printf('%.2f', (hash(n + 3) % 9000000)::bigint / 100.0),
    case when kind < 60 then 'QR' when kind < 82 then 'MB' when kind < 90 then 'PS' else 'CT' end,
    case when kind < 55 then '0401' when kind < 66 then '0201' when kind < 77 then '0202' when kind < 83 then '0402'
        when kind < 88 then '0702' when kind < 94 then '0101' else '0102' end,
    case when kind < 88 then '9600' || lpad((party * 7919 % 1000000007)::varchar, 15, '0') else '' end,
    case when kind < 30 then '财付通支付科技有限公司'
        when kind < 88 then '赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨'[(hash(party) % 16)::int + 1]
            || '伟芳娜敏静丽强磊军洋勇艳杰娟涛明'[(hash(party + 1) % 16)::int + 1]
            || '秀霞平刚桂英华文志建国玉兰红梅海'[(hash(party + 2) % 16)::int + 1]
        else '' end,
    case when kind < 30 then 'TENPAY' when kind < 55 then 'ALIPAY' when kind < 66 then 'own' else 'ABC' end
from (
    select
        n,
        (hash(n + 8) % 100)::int as kind,
        case when kind < 41 then kind % 11 when kind < 55 then 100 + (hash(n + 7) % 20000)::bigint
            when kind < 77 then 30000 + (hash(n + 7) % 1100000)::bigint else 40 + (hash(n + 7) % 800)::bigint
        end as party
    from range({rows}) as numbers(n)
)
"""

_FLOOR_TYPES = {
    "txn_seq": "varchar",
    "acct_id": "varchar",
    "post_dt": "date",
    "txn_tm": "timestamp",
    "txn_amt": "decimal(18,2)",
    "bal_amt": "decimal(18,2)",
    "chnl_cd": "varchar",
    "memo_cd": "varchar",
    "opp_acct_no": "varchar",
    "opp_acct_nm": "varchar",
    "opp_bank": "varchar",
}


@dataclass(frozen=True)
class Taken:
    """One process: wall time without start-up, processor time (seconds) and highest memory (MiB) of the whole."""

    wall: float
    processor: float
    memory: float


def bench_landing(progress: Callable[[str], None], rows: int = ROWS, many_rows: int = MANY_ROWS) -> bool:
    """Print medians and ratios; whether every bound was kept."""
    kept = True
    with tempfile.TemporaryDirectory(prefix="qianmo-bench-") as scratch:
        folder = Path(scratch)
        progress(f"writing an unload of {rows:,} postings")
        unload = write_unload(folder / "unload.dat", rows)
        taken: dict[str, list[Taken]] = {"floor": [], "plain": [], "vault": []}
        for number in range(1, RUNS + 1):
            progress(f"run {number} of {RUNS}")
            for kind, runs in taken.items():
                runs.append(_run(kind, unload, folder))
        median = {kind: statistics.median(run.wall for run in runs) for kind, runs in taken.items()}
        print(f"{rows:,} postings, GB18030, {unload.stat().st_size / 2**20:,.0f} MiB, {os.cpu_count()} cores,")
        print(f"median of {RUNS} runs (fastest to slowest)")
        for kind, runs in taken.items():
            walls = [run.wall for run in runs]
            ratio = median[kind] / median["floor"]
            bound = BOUNDS.get(kind)
            print(
                f"{_LABELS[kind]:<44} {median[kind]:6.2f} s ({min(walls):.2f} to {max(walls):.2f}), processor"
                f" {statistics.median(run.processor for run in runs):6.2f} s, memory"
                f" {max(run.memory for run in runs):5.0f} MiB"
                + (f", {ratio:.2f} times the floor (bound {bound})" if bound else "")
            )
            kept &= bound is None or ratio <= bound
        memory = {rows: max(run.memory for kind in BOUNDS for run in taken[kind])}
        if many_rows:
            progress(f"writing an unload of {many_rows:,} postings")
            unload = write_unload(folder / "unload.dat", many_rows)
            progress("landing it")
            run = _run("vault", unload, folder)
            memory[many_rows] = run.memory
            print(f"{many_rows:,} postings, two columns in the vault: {run.wall:.1f} s, memory {run.memory:.0f} MiB")
        for count, highest in memory.items():
            print(f"highest memory at {count:,} rows: {highest:.0f} MiB (bound {MEMORY_BOUND_MIB})")
            kept &= highest <= MEMORY_BOUND_MIB
    return kept


_LABELS = {
    "floor": "floor: iconv, then DuckDB read_csv to Parquet",
    "plain": "landing, every column open",
    "vault": "landing, two columns in the vault",
}


def write_unload(path: Path, rows: int) -> Path:
    """A clean posting unload in GB18030 with `|!|` between fields."""
    import duckdb
    import pyarrow.compute as pc

    with duckdb.connect() as connection, path.open("wb") as file:
        for batch in connection.execute(_POSTINGS.format(rows=rows)).to_arrow_reader(_BATCH_ROWS):
            lines = pc.binary_join_element_wise(*batch.columns, "|!|")
            file.write(("\n".join(lines.to_pylist()) + "\n").encode("gb18030"))
    return path


def _run(kind: str, unload: Path, folder: Path) -> Taken:
    home = folder / "home"
    subprocess.run(["rm", "-rf", home, folder / "floor.utf8"], check=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "qianmo.bench_landing", kind, str(unload)],
        env=os.environ | {"QIANMO_HOME": str(home)},
        cwd=PROJECT_ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None  # noqa: S101  # it was asked for
    seconds = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{kind} ended with {os.waitstatus_to_exitcode(status)}")
    return Taken(float(seconds), usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def _floor(unload: Path) -> None:
    import duckdb

    decoded = unload.with_name("floor.utf8")
    started = time.monotonic()
    with decoded.open("wb") as file:
        subprocess.run(["iconv", "-f", "GB18030", "-t", "UTF-8", unload], stdout=file, check=True)
    columns = ", ".join(f"{name}: '{kind}'" for name, kind in _FLOOR_TYPES.items())
    with duckdb.connect() as connection:
        connection.execute(
            f"copy (select * from read_csv('{decoded}', delim='|!|', header=false, quote='', escape='',"
            f" auto_detect=false, dateformat='%Y%m%d', timestampformat='%Y%m%d%H%M%S', columns={{{columns}}}))"
            f" to '{decoded}.parquet' (format parquet, compression zstd)"
        )
    print(time.monotonic() - started)


def _land(unload: Path, vaulted: bool) -> None:
    import pandas as pd  # noqa: F401  # start-up too: Arrow loads it when it is first used

    from ingestion.bank import load_bank
    from ingestion.contract import contracts
    from ingestion.land import land
    from qianmo.settings import create_keys

    create_keys()
    if not vaulted:
        contract = contracts()["core.transaction"]
        opened = [column.model_copy(update={"vault": None}) for column in contract.columns]
        contracts()["core.transaction"] = contract.model_copy(update={"columns": opened})
    bank = load_bank(_bank(unload))
    started = time.monotonic()
    land(bank, "core", _DAY)
    print(time.monotonic() - started)


def _bank(unload: Path) -> Path:
    """A bank with one table: the sample bank's postings, plain text, without its control file."""
    described = yaml.safe_load((PROJECT_ROOT / "banks" / "sample" / "sources" / "core.yml").read_text())
    table = described["tables"]["transaction"] | {"files": str(unload)}
    table.pop("control")
    table["format"] = described["defaults"]["format"] | table["format"] | {"compression": "none"}
    table["date_formats"] = described["defaults"]["date_formats"]
    folder = unload.with_name("bank")
    (folder / "sources").mkdir(parents=True, exist_ok=True)
    bank = {"name": "bench", "legal_entity_code": "321281", "legal_entity_name": "bench", "sources": ["core"]}
    (folder / "bank.yml").write_text(yaml.safe_dump(bank))
    source = {"source": "core", "label": "core", "tables": {"transaction": table}}
    (folder / "sources" / "core.yml").write_text(yaml.safe_dump(source, allow_unicode=True))
    return folder


if __name__ == "__main__":
    _kind, _unload = sys.argv[1:]
    if _kind == "floor":
        _floor(Path(_unload))
    else:
        _land(Path(_unload), vaulted=_kind == "vault")
