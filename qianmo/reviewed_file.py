"""Reviewed YAML files: read into the form that they follow, or every field at fault is told."""

from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from qianmo.errors import ConfigurationError

Form = TypeVar("Form")


class Reviewed(BaseModel):
    """A part of such a file: nothing beside what is named, and as it was read for good."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def read_reviewed(path: Path, form: type[Form]) -> Form:
    """The file's content in its form.

    Raises:
        ConfigurationError: it is not YAML or does not follow the form; a line for each field at fault.
    """
    try:
        return TypeAdapter(form).validate_python(yaml.safe_load(path.read_text(encoding="utf-8")))
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path}: not YAML: {error}") from None
    except ValidationError as error:
        faults = [f"{path}: {'.'.join(map(str, fault['loc'])) or '(file)'}: {fault['msg']}" for fault in error.errors()]
        raise ConfigurationError("\n".join(faults)) from None
