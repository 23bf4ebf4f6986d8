"""Secrets and switches, from the environment or QIANMO_HOME/keys.env (written once by `qianmo keys init`)."""

import secrets
from functools import lru_cache
from pathlib import Path

from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from qianmo.errors import ConfigurationError
from qianmo.home import home_root


class Keys(BaseSettings):
    """Every secret of an installation; 32 random bytes as hex each."""

    model_config = SettingsConfigDict(env_prefix="QIANMO_", extra="ignore")

    surrogate_key: SecretStr
    """HMAC-SHA256 key of the surrogates in landing and marts."""
    vault_key: SecretStr
    """AES key of the vault and of the raw bytes in quarantine."""
    delivery_key: SecretStr
    """From which each recipient's file password is derived."""
    superset_secret_key: SecretStr
    """Superset's SECRET_KEY; the guest token secret is derived from it."""


def keys_file() -> Path:
    """QIANMO_HOME/keys.env: readable by the owner only; the environment goes before it."""
    return home_root() / "keys.env"


@lru_cache
def keys() -> Keys:
    """The installation's secrets.

    Raises:
        ConfigurationError: a key is neither in the environment nor in the keys file.
    """
    try:
        return Keys(_env_file=keys_file())
    except ValidationError as error:
        missing = ", ".join(f"QIANMO_{str(e['loc'][0]).upper()}" for e in error.errors())
        raise ConfigurationError(
            f"no value for {missing}: set it in the environment, or run `qianmo keys init` to create {keys_file()}"
        ) from None


def create_keys() -> Path:
    """Write a keys file with fresh random keys unless one is there; return its path."""
    path = keys_file()
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text("".join(f"QIANMO_{name.upper()}={secrets.token_hex(32)}\n" for name in Keys.model_fields))
        keys.cache_clear()
    return path
