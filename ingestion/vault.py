"""The vault: surrogate and raw value of names, ID numbers, phones, account numbers and addresses, encrypted."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from ingestion.contract import VaultKind
from ingestion.encryption import read_encrypted
from qianmo.home import BankHome
from qianmo.ledger import put, transaction, vault_access

SCHEMA = pa.schema([("kind", pa.string()), ("key", pa.string()), ("value", pa.string())])


def reveal(
    home: BankHome,
    kinds: Sequence[VaultKind],
    keys: pa.Table | Sequence[str],
    purpose: str,
    recipient: str,
) -> pa.Table:
    """Raw values of surrogates: (kind, key, value), one row per key found. For `delivery/` alone.

    `keys` is a sequence of surrogates or a table with a column `key`. The use is recorded in the ledger before the
    values are handed out.
    """
    asked = pc.unique(keys["key"]) if isinstance(keys, pa.Table) else pa.array(sorted(set(keys)), pa.string())
    kinds_asked = pa.array(sorted(kinds), pa.string())
    found = []
    for path in sorted(home.vault.glob("*/*/*.parquet")):
        for batch in read_encrypted(path):
            wanted = pc.and_(pc.is_in(batch["key"], asked), pc.is_in(batch["kind"], kinds_asked))
            if pc.any(wanted).as_py():
                found.append(batch.filter(wanted))
    values = pa.Table.from_batches(found, SCHEMA)
    values = values.group_by(["kind", "key"]).aggregate([("value", "min")]).rename_columns(SCHEMA.names)
    values = values.sort_by([("kind", "ascending"), ("key", "ascending")])
    with transaction(home) as connection:
        put(
            connection,
            vault_access,
            {
                "purpose": purpose,
                "kinds": ",".join(sorted(kinds)),
                "recipient": recipient,
                "values_read": values.num_rows,
            },
        )
    return values
