"""Secrets and switches, from the environment or QIANMO_HOME/keys.env (written once by `qianmo keys init`)."""

import os
import secrets
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Literal, get_args

from pydantic import SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from ingestion.placing import placed
from qianmo.errors import ConfigurationError
from qianmo.home import home_root

KeyKind = Literal["vault", "surrogate"]
"""The keys that can be rotated: what they protect is kept, and the previous key can be needed to read it."""
KEY_KINDS: tuple[KeyKind, ...] = get_args(KeyKind)

_KEY_BYTES = 32
_KEY_ID_DIGITS = 8


@dataclass(frozen=True)
class Key:
    """A secret and its id: 8 hex digits of SHA-256 over a label and the key, which say nothing about the key."""

    kind: KeyKind
    secret: bytes = field(repr=False)

    @property
    def id(self) -> str:
        return sha256(f"qianmo {self.kind} key id\x00".encode() + self.secret).hexdigest()[:_KEY_ID_DIGITS]


class Keys(BaseSettings):
    """Every secret of an installation; 32 random bytes as hex each."""

    model_config = SettingsConfigDict(env_prefix="QIANMO_", extra="ignore")

    surrogate_key: SecretStr
    """HMAC-SHA256 key of the surrogates in landing and marts."""
    surrogate_keys_previous: SecretStr = SecretStr("")
    """Surrogate keys before it, newest first, separated by commas: marts published under them can still be served."""
    vault_key: SecretStr
    """AES key of the vault and of the raw bytes in quarantine."""
    vault_keys_previous: SecretStr = SecretStr("")
    """Vault keys before it, newest first, separated by commas: files written with them stay readable."""
    delivery_key: SecretStr
    """From which each recipient's file password is derived."""
    superset_secret_key: SecretStr
    """Superset's SECRET_KEY; the guest token secret is derived from it."""

    @field_validator("surrogate_key", "surrogate_keys_previous", "vault_key", "vault_keys_previous")
    @classmethod
    def _is_hex(cls, value: SecretStr) -> SecretStr:
        if any(len(bytes.fromhex(one)) != _KEY_BYTES for one in _split(value)):
            raise ValueError
        return value

    def current(self, kind: KeyKind) -> Key:
        """The key that is written with."""
        secret: SecretStr = getattr(self, f"{kind}_key")
        return Key(kind, bytes.fromhex(secret.get_secret_value()))

    def previous(self, kind: KeyKind) -> list[Key]:
        """Keys that are only read with, newest first."""
        return [Key(kind, bytes.fromhex(one)) for one in _split(getattr(self, f"{kind}_keys_previous"))]

    def known(self, kind: KeyKind) -> dict[str, Key]:
        """Every key of a kind by its id, the current one first."""
        return {key.id: key for key in (self.current(kind), *self.previous(kind))}


class TargetCredentials(BaseSettings):
    """How to log in to the delivery target, which `bank.yml` names without credentials."""

    model_config = SettingsConfigDict(env_prefix="QIANMO_DELIVERY_", env_ignore_empty=True, extra="ignore")

    user: str | None = None
    """SFTP user, or S3 access key."""
    password: SecretStr | None = None
    """SFTP password, or S3 secret key."""
    key_file: Path | None = None
    """Private key for SFTP."""
    known_hosts: Path | None = None
    """Host keys of SFTP servers, as OpenSSH keeps them; no other host is trusted."""
    endpoint_url: str | None = None
    """Of an S3-compatible store; without it Amazon's."""


def target_credentials() -> TargetCredentials:
    """From the environment, or from the keys file."""
    return TargetCredentials(_env_file=keys_file())


def _split(value: SecretStr) -> list[str]:
    return [one.strip() for one in value.get_secret_value().split(",") if one.strip()]


def setting(name: str) -> str:
    """The environment variable of a field of `Keys`."""
    return f"QIANMO_{name.upper()}"


def keys_file() -> Path:
    """QIANMO_HOME/keys.env: readable by the owner only; the environment goes before it."""
    return home_root() / "keys.env"


@lru_cache
def keys() -> Keys:
    """The installation's secrets.

    Raises:
        ConfigurationError: a key is neither in the environment nor in the keys file, or is not 32 bytes as hex.
    """
    try:
        return Keys(_env_file=keys_file())
    except ValidationError as error:
        missing = [setting(str(e["loc"][0])) for e in error.errors() if e["type"] == "missing"]
        wrong = [setting(str(e["loc"][0])) for e in error.errors() if e["type"] != "missing"]
    if wrong:
        raise ConfigurationError(
            f"{', '.join(wrong)}: expected {_KEY_BYTES} bytes as {2 * _KEY_BYTES} hexadecimal digits (several previous"
            " keys separated by commas), found something else"
        )
    raise ConfigurationError(
        f"no value for {', '.join(missing)}: set it in the environment, or run `qianmo keys init` to create"
        f" {keys_file()}"
    )


def create_keys() -> Path:
    """Write a keys file with fresh random keys unless one is there; return its path."""
    path = keys_file()
    if not path.exists():
        write_keys({name: fresh_key() for name, one in Keys.model_fields.items() if one.is_required()})
    return path


def fresh_key() -> str:
    """32 random bytes as hex."""
    return secrets.token_hex(_KEY_BYTES)


def write_keys(values: dict[str, str]) -> None:
    """Put fields of `Keys` into the keys file, whole or not at all; other lines stay, an empty value takes one out."""
    path = keys_file()
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    replaced = {setting(name) for name in values}
    lines = [line for line in lines if line.partition("=")[0].strip() not in replaced]
    lines += [f"{setting(name)}={value}" for name, value in values.items() if value]
    with placed(path) as temporary:
        temporary.touch(mode=0o600)
        temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    keys.cache_clear()


def from_environment(*names: str) -> list[str]:
    """Those of the fields' environment variables that are set, and so go before the keys file."""
    return [setting(name) for name in names if setting(name) in os.environ]
