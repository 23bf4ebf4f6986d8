"""Parquet files encrypted with the installation's vault key (Parquet modular encryption, AES-GCM).

The id of the vault key is the master key identifier in each file: a file says which key it wants, so that files under
the current key and under previous ones are read side by side while a key is being rotated.
"""

import base64
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ingestion.placing import placed
from qianmo.errors import ConfigurationError, ToolBrokenError
from qianmo.settings import keys, setting

_NONCE_BYTES = 12
_MAGIC = b"PARE"
"""How a Parquet file with an encrypted footer ends."""


class _WantedKeyError(Exception):
    """The id of a vault key that a file wants and the installation does not have."""


class _VaultKeys(pe.KmsClient):  # type: ignore[misc]
    """Wraps the data keys of each file with the vault key of the id in the file."""

    def __init__(self, _: pe.KmsConnectionConfig) -> None:
        super().__init__()

    def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        sealed = _cipher(master_key_identifier).encrypt(nonce, key_bytes, master_key_identifier.encode())
        return base64.b64encode(nonce + sealed)

    def unwrap_key(self, wrapped_key: str, master_key_identifier: str) -> bytes:
        sealed = base64.b64decode(wrapped_key)
        cipher = _cipher(master_key_identifier)
        return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], master_key_identifier.encode())


class _NoKeys(pe.KmsClient):  # type: ignore[misc]
    """Opens nothing: tells which key a file wants."""

    def __init__(self, _: pe.KmsConnectionConfig) -> None:
        super().__init__()

    def unwrap_key(self, wrapped_key: str, master_key_identifier: str) -> bytes:  # noqa: ARG002
        raise _WantedKeyError(master_key_identifier)


def _cipher(key_id: str) -> AESGCM:
    if key := keys().known("vault").get(key_id):
        return AESGCM(key.secret)
    raise _WantedKeyError(key_id)


def _decryption(client: type[pe.KmsClient]) -> Any:
    return pe.CryptoFactory(client).file_decryption_properties(pe.KmsConnectionConfig())


def is_encrypted(path: Path) -> bool:
    """Whether a file is one of ours: Parquet with an encrypted footer."""
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) < len(_MAGIC):
            return False
        file.seek(-len(_MAGIC), os.SEEK_END)
        return file.read() == _MAGIC


def vault_key_id(path: Path) -> str:
    """The id of the vault key that a file was written with; the key itself is not needed."""
    try:
        pq.ParquetFile(path, decryption_properties=_decryption(_NoKeys)).close()
    except _WantedKeyError as wanted:
        return str(wanted)
    raise ToolBrokenError(f"{path} is not an encrypted Parquet file")


def encrypted_writer(path: Path, schema: pa.Schema, metadata: Mapping[str, str] | None = None) -> pq.ParquetWriter:
    """A writer of a zstd Parquet file with every column and the footer encrypted under data keys of its own.

    What is written at once becomes a row group; `metadata` (encrypted too) is what `file_metadata` gives back.
    """
    properties = pe.CryptoFactory(_VaultKeys).file_encryption_properties(
        pe.KmsConnectionConfig(),
        pe.EncryptionConfiguration(
            footer_key=keys().current("vault").id, uniform_encryption=True, data_key_length_bits=256
        ),
    )
    stated = schema.with_metadata({**(schema.metadata or {}), **(metadata or {})})
    return pq.ParquetWriter(path, stated, compression="zstd", encryption_properties=properties)


def write_encrypted(
    path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch], metadata: Mapping[str, str] | None = None
) -> None:
    """Place such a file with all its rows."""
    with placed(path) as temporary, encrypted_writer(temporary, schema, metadata) as writer:
        for batch in batches:
            writer.write_batch(batch)


@contextmanager
def open_encrypted(path: Path) -> Iterator[pq.ParquetFile]:
    """An encrypted file, opened: its statistics, row groups and columns can be read one by one.

    Raises:
        ConfigurationError: the file was written with a vault key that this installation does not have.
    """
    try:
        with pq.ParquetFile(path, decryption_properties=_decryption(_VaultKeys)) as file:
            yield file
    except _WantedKeyError as wanted:
        raise ConfigurationError(
            f"{path} was written with vault key {wanted}, found {', '.join(keys().known('vault'))}: "
            f"set {setting('vault_key')} to that key, or add it to {setting('vault_keys_previous')}"
        ) from None
    except InvalidTag:
        raise ToolBrokenError(f"{path} was altered: its key does not fit the vault key that it names") from None


def file_metadata(file: pq.ParquetFile) -> dict[str, str]:
    """What was stated as `metadata` when the file was written."""
    stated: dict[bytes, bytes] = file.metadata.metadata or {}
    return {name.decode(): value.decode() for name, value in stated.items() if name != b"ARROW:schema"}


def read_encrypted(path: Path, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Batches of an encrypted file.

    Raises:
        ConfigurationError: the file was written with a vault key that this installation does not have.
    """
    with open_encrypted(path) as file:
        yield from file.iter_batches(columns=columns)


def read_encrypted_schema(path: Path) -> pa.Schema:
    """Columns and metadata of an encrypted file.

    Raises:
        ConfigurationError: the file was written with a vault key that this installation does not have.
    """
    with open_encrypted(path) as file:
        return file.schema_arrow


def encrypt_again(path: Path) -> None:
    """Place the file anew under the current vault key, with data keys of its own: same rows, row groups, metadata."""
    with open_encrypted(path) as file:
        groups = (file.read_row_group(group) for group in range(file.num_row_groups))
        batches = (batch for table in groups for batch in table.combine_chunks().to_batches())
        write_encrypted(path, file.schema_arrow, batches)
