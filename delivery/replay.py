"""Making the packages of a past batch again from what was frozen, and comparing them with what was delivered."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from delivery.deliver import encrypted, render, revealed_values, surrogates
from delivery.frozen import packages_file, read_terms
from delivery.rows import PackageRows, packages
from delivery.sheet import Revealed, layout
from ingestion.bank import Bank
from qianmo import ledger
from qianmo.errors import ConfigurationError


@dataclass(frozen=True)
class Replayed:
    """A package made again. It is compared before encryption, which is salted anew each time."""

    delivery_id: str
    rows: int
    removed_rows: int
    same: bool
    """CSV and workbook have the SHA-256 that the ledger recorded."""
    names_missing: int
    """Rows whose name the vault does not give any more."""
    other_layout: bool
    """Other code wrote the files: the same rows may look different."""


def replay(bank: Bank, batch_id: str, output: Path | None = None) -> list[Replayed]:
    """Make every package of the batch's list and date again; with `output` also write the files there, encrypted.

    Only what was frozen and the vault are read, so neither later data nor a lost delivery folder matter.

    Raises:
        ConfigurationError: nothing of that batch was delivered, or its frozen rows were deleted (retention).
    """
    recorded = [row for row in ledger.rows(bank.home, ledger.delivery, batch_id=batch_id) if row["files"] != "{}"]
    if not recorded:
        raise ConfigurationError(
            f"nothing was delivered for {batch_id}: `qianmo list batches` shows what was decided on which batch"
        )
    if any(row["snapshot"] is None for row in recorded):
        raise ConfigurationError(
            f"the frozen rows of {batch_id} were deleted when their retention ended (`retention.list_batches` in"
            " bank.yml): the ledger still has the SHA-256 of every file, and the rows cannot be made again"
        )
    by_id = {row["delivery_id"]: row for row in recorded}
    files = sorted({packages_file(bank.home, row["snapshot"]) for row in recorded})
    return [one for file in files for one in _again(bank, file, by_id, output)]


def _again(
    bank: Bank, file: Path, recorded: Mapping[str, Mapping[str, object]], output: Path | None
) -> Iterator[Replayed]:
    if not file.exists():
        raise ConfigurationError(f"{file} is missing: restore {bank.home.list_batches} from its backup")
    rows = pq.read_table(file)
    made = packages(rows.filter(pc.is_in(rows["delivery_id"], pa.array(sorted(recorded), pa.string()))))
    keys = sorted({key for package in made for key in surrogates(package)})
    terms = read_terms(file)
    revealed = revealed_values(bank.home, keys, f"replay of {terms.facts.list_code} {terms.business_date}")
    for package in made:
        rendered = render(package, terms, revealed)
        row = recorded[package.delivery_id]
        if output:
            folder = output / package.folder
            folder.mkdir(parents=True, exist_ok=True)
            for name, content in encrypted(bank, package, terms.business_date, rendered).items():
                (folder / name).write_bytes(content)
                (folder / name).chmod(0o600)
        yield Replayed(
            package.delivery_id,
            len(package.open_rows),
            len(package.removed_rows),
            [sha256(content).hexdigest() for content in (rendered.csv, rendered.xlsx)]
            == [row["content_sha256"], row["workbook_sha256"]],
            _names_missing(package, revealed),
            row["layout"] != layout(),
        )


def _names_missing(package: PackageRows, revealed: Revealed) -> int:
    return sum(bool(row["name_key"]) and ("name", row["name_key"]) not in revealed for row in package.rows)
