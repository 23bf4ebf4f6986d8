"""How often, at what cost and by how many hands customers are contacted: `definitions/contact_policy.yml`."""

from pathlib import Path
from typing import Annotated, get_args

from pydantic import Field, model_validator

from qianmo.definitions import DEFINITIONS, Channel
from qianmo.reviewed_file import Reviewed, read_reviewed

CONTACT_POLICY = DEFINITIONS / "contact_policy.yml"

Days = Annotated[int, Field(gt=0)]


class ChannelPolicy(Reviewed):
    """What a contact costs, and what one manager works off."""

    needs_manager: bool
    """Somebody has to call or go there; a message is sent by the bank, also where nobody looks after the customer."""
    cost_per_contact: Annotated[float, Field(ge=0)]
    """Yuan: fees and the manager's time."""
    contacts_per_day: Annotated[int, Field(gt=0)]
    """Of one manager on one working day."""
    horizon_days: Days
    """Calendar days, from the next working day on, whose working days a manager's open rows are to fit in."""


class ContactPolicy(Reviewed):
    """The whole file."""

    rest_days: Days
    """A customer who was contacted is on no new list for so many days, that day included."""
    most_listings: Annotated[int, Field(gt=0)]
    """A customer is taken onto lists at most so often ..."""
    listing_window_days: Days
    """... within so many days."""
    approval_days: Days
    """A batch that nobody decided on expires after so many days."""
    channels: dict[Channel, ChannelPolicy]

    @model_validator(mode="after")
    def _every_channel(self) -> "ContactPolicy":
        if missing := sorted(set(get_args(Channel)) - set(self.channels)):
            raise ValueError(f"channels: {missing[0]} is missing: say what a contact costs and how many a day are made")
        return self


def contact_policy(path: Path = CONTACT_POLICY) -> ContactPolicy:
    """The reviewed file.

    Raises:
        ConfigurationError: the file does not follow its form; the message names each field at fault.
    """
    return read_reviewed(path, ContactPolicy)
