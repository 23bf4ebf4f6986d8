"""Approved marketing material: `dbt_project/definitions/materials.yml`, one reviewed file (银发〔2019〕316号)."""

from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from qianmo.definitions import DEFINITIONS, Channel, Text
from qianmo.errors import ConfigurationError
from qianmo.reviewed_file import Reviewed, read_reviewed

MATERIALS = DEFINITIONS / "materials.yml"


class Material(Reviewed):
    """Text that may be shown or said to customers, for a product, in some channels, until it expires."""

    material_id: Text
    title: Text
    product_code: Text
    channels: Annotated[list[Channel], Field(min_length=1)]
    approved_by: Text
    approved_on: date
    expires_on: date
    """First day on which it may no longer be used."""

    @model_validator(mode="after")
    def _in_order(self) -> "Material":
        if self.expires_on <= self.approved_on:
            raise ValueError(f"expires_on: {self.expires_on} is not after approved_on: correct one of them")
        return self


def materials(path: Path = MATERIALS) -> dict[str, Material]:
    """Every approved material by its id.

    Raises:
        ConfigurationError: the file does not follow its form, or an id is there twice.
    """
    entries = read_reviewed(path, list[Material])
    found = {entry.material_id: entry for entry in entries}
    if len(found) < len(entries):
        ids = [entry.material_id for entry in entries]
        twice = sorted({one for one in ids if ids.count(one) > 1})
        raise ConfigurationError(f"{path}: material_id: {', '.join(twice)}: is there twice: give each its own")
    return found
