"""Which keys a bank's files need, as the ledger knows it: so that a wrong key is told before it writes anything."""

from collections.abc import Iterable

from sqlalchemy import Connection, update
from sqlalchemy.dialects.sqlite import insert

from qianmo import ledger
from qianmo.errors import ConfigurationError, DataRefusedError
from qianmo.home import BankHome
from qianmo.settings import KEY_KINDS, KeyKind, keys, setting


def record_key_use(connection: Connection, kinds: Iterable[KeyKind] = KEY_KINDS) -> None:
    """Note that files were written with the current keys."""
    for kind in kinds:
        moment = ledger.now()
        row = {"kind": kind, "key_id": keys().current(kind).id, "first_used": moment, "last_used": moment}
        connection.execute(
            insert(ledger.key_use)
            .values(row)
            .on_conflict_do_update(index_elements=["kind", "key_id"], set_={"last_used": moment, "retired_at": None})
        )


def retire_key(connection: Connection, kind: KeyKind, key_id: str) -> None:
    """Note that no file needs a key any more."""
    table = ledger.key_use
    of_key = (table.c.kind == kind) & (table.c.key_id == key_id) & table.c.retired_at.is_(None)
    connection.execute(update(table).where(of_key).values(retired_at=ledger.now()))


def keys_in_use(home: BankHome, kind: KeyKind) -> list[str]:
    """Ids of the keys that files of the bank were written with, without those that were retired."""
    return [row["key_id"] for row in ledger.rows(home, ledger.key_use, kind=kind, retired_at=None)]


def check_keys(home: BankHome) -> None:
    """Before anything is written: the installation has every key that the bank's files need.

    Raises:
        ConfigurationError: it has not; the message names the id of the key wanted and the setting to fill.
    """
    for kind in KEY_KINDS:
        known = keys().known(kind)
        if unknown := [key_id for key_id in keys_in_use(home, kind) if key_id not in known]:
            found = ", ".join(known)
            if kind == "vault":
                advice = (
                    f"set {setting('vault_key')} to that key, or add it to {setting('vault_keys_previous')}"
                    " (docs/runbooks/keys.md says what to do when it is lost)"
                )
            else:
                advice = (
                    f"set {setting('surrogate_key')} to that key; when it is lost or was replaced on purpose,"
                    " `qianmo keys rotate surrogate` re-keys everything to the one that is set"
                )
            raise ConfigurationError(
                f"{home.root.name} holds files made with {kind} key {', '.join(unknown)}, found {found}: {advice}"
            )


def check_one_surrogate_key(home: BankHome) -> None:
    """Before a build: every landed file has surrogates of the same key, or equal people would look different.

    Raises:
        DataRefusedError: a rotation of the surrogate key is not finished.
    """
    if len(found := keys_in_use(home, "surrogate")) > 1:
        raise DataRefusedError(
            f"landing of {home.root.name} holds surrogates of several keys: expected {keys().current('surrogate').id},"
            f" found {', '.join(found)}: finish the rotation with `qianmo keys rotate surrogate`, then build"
        )
