"""The password of a recipient's files: derived, never stored, another one each month."""

import hmac
from base64 import b32encode
from datetime import date
from hashlib import sha256
from typing import Literal, get_args

from ingestion.bank import Bank
from qianmo import ledger
from qianmo.errors import ConfigurationError
from qianmo.settings import keys

RecipientType = Literal["branch", "manager"]
RECIPIENT_TYPES: tuple[RecipientType, ...] = get_args(RecipientType)

_GROUPS = 5
_GROUP_LENGTH = 4


def period(business_date: date) -> str:
    """The month in which a password holds, `YYYY-MM`."""
    return f"{business_date:%Y-%m}"


def derive_password(bank_name: str, recipient_type: RecipientType, recipient: str, of_period: str) -> str:
    """100 bits as `XXXX-XXXX-XXXX-XXXX-XXXX` in letters and digits that are not mistaken for one another (base32)."""
    message = f"password\x00{bank_name}\x00{recipient_type}\x00{recipient}\x00{of_period}"
    digest = hmac.new(keys().delivery_key.get_secret_value().encode(), message.encode(), sha256).digest()
    letters = b32encode(digest).decode()
    return "-".join(letters[i * _GROUP_LENGTH : (i + 1) * _GROUP_LENGTH] for i in range(_GROUPS))


def passwords(bank: Bank, recipient: str, business_date: date) -> dict[str, str]:
    """The password of each kind of recipient of that name (`branch`, `manager`) for the month of the date.

    The look-up is recorded in the ledger.

    Raises:
        ConfigurationError: nothing was delivered to the recipient in that month.
    """
    of_period = period(business_date)
    kinds = sorted(
        {
            row["recipient_type"]
            for row in ledger.rows(bank.home, ledger.delivery, recipient=recipient)
            if row["business_date"].startswith(of_period)
        }
    )
    if not kinds:
        raise ConfigurationError(
            f"no list of {of_period} was delivered to {recipient}: expected a branch code or an employee number; "
            f"`qianmo where delivery` shows the folders by list, branch and recipient"
        )
    with ledger.transaction(bank.home) as connection:
        row = {"purpose": f"file password {of_period}", "kinds": "password", "recipient": recipient}
        ledger.put(connection, ledger.vault_access, row | {"values_read": len(kinds)})
    return {kind: derive_password(bank.name, kind, recipient, of_period) for kind in kinds}
