"""What every section of the config shares: unknown keys are refused, and a section cannot change."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, ConfigDict

NO_TABLE = 'it is no table of tables, by name; in JSON {"NAME": {"KEY": VALUE}}'


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def parsed(value: Any) -> Any:
    """A table of the file, or a table as JSON from an environment variable.

    >>> parsed('{"tickets": {"mode": "auto"}}')
    {'tickets': {'mode': 'auto'}}
    """
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except json.JSONDecodeError as error:
        raise ValueError(NO_TABLE) from error
    if not isinstance(found, dict) or not all(isinstance(one, dict | BaseModel) for one in found.values()):
        raise ValueError(NO_TABLE)
    return found


def listed(value: Any) -> Any:
    """A list of the file, or names with commas from an environment variable; of an empty one there are none.

    >>> listed("sunday, monday"), listed("")
    (['sunday', 'monday'], [])
    """
    if not isinstance(value, str):
        return value
    return [name.strip() for name in value.split(",")] if value.strip() else []
