"""Parquet files encrypted with the installation's vault key (Parquet modular encryption, AES-GCM)."""

import base64
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ingestion.placing import placed
from qianmo.errors import ConfigurationError
from qianmo.settings import keys

_KEY_NAME = "vault"
_NONCE_BYTES = 12


class _VaultKey(pe.KmsClient):  # type: ignore[misc]
    """Wraps the data key of each file with the vault key."""

    def __init__(self, _: pe.KmsConnectionConfig) -> None:
        super().__init__()
        self._cipher = AESGCM(bytes.fromhex(keys().vault_key.get_secret_value()))

    def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, key_bytes, master_key_identifier.encode())
        return base64.b64encode(nonce + sealed)

    def unwrap_key(self, wrapped_key: str, master_key_identifier: str) -> bytes:
        sealed = base64.b64decode(wrapped_key)
        return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], master_key_identifier.encode())


def encrypted_writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """A writer of a zstd Parquet file with every column and the footer encrypted under a key of its own."""
    properties = pe.CryptoFactory(_VaultKey).file_encryption_properties(
        pe.KmsConnectionConfig(),
        pe.EncryptionConfiguration(footer_key=_KEY_NAME, uniform_encryption=True, data_key_length_bits=256),
    )
    return pq.ParquetWriter(path, schema, compression="zstd", encryption_properties=properties)


def write_encrypted(path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
    """Place such a file with all its rows."""
    with placed(path) as temporary, encrypted_writer(temporary, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


def read_encrypted(path: Path, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Batches of an encrypted file.

    Raises:
        ConfigurationError: the file was written with another vault key.
    """
    with _opened(path) as file:
        yield from file.iter_batches(columns=columns)


def read_encrypted_schema(path: Path) -> pa.Schema:
    """Columns and metadata of an encrypted file.

    Raises:
        ConfigurationError: the file was written with another vault key.
    """
    with _opened(path) as file:
        return file.schema_arrow


@contextmanager
def _opened(path: Path) -> Iterator[pq.ParquetFile]:
    try:
        properties = pe.CryptoFactory(_VaultKey).file_decryption_properties(pe.KmsConnectionConfig())
        with pq.ParquetFile(path, decryption_properties=properties) as file:
            yield file
    except InvalidTag:
        raise ConfigurationError(f"{path}: QIANMO_VAULT_KEY is not the key this file was written with") from None
