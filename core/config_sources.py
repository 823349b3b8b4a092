"""Where the values of the config come from: the file, the environment, the options of a command; else the defaults."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.config import FILE_NAME, file_values, overrides_of

VARIABLE = "RETUNE_SOURCES"
"""Tells a child process the sources of its parent, whose whole config it gets in the environment."""
OPTION = "an option of the command"
Sources = Mapping[str, str]
"""Source of each key that is not as by default, in words."""
NONE_KNOWN: Sources = {}


def sources_of(path: Path | None = None, *, environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """As `load_config` finds the values; raises as it does.

    >>> sources_of(environment={"RETUNE_SERVICE__PORT": "3001", "RETUNE_CONFIG": "/dev/null"})
    {'service.port': 'RETUNE_SERVICE__PORT in the environment'}
    """
    variables = os.environ if environment is None else environment
    if path is None and VARIABLE in variables:
        return _told(variables[VARIABLE])
    source, values = file_values(path, variables)
    of_file = f"the file {(source or Path(FILE_NAME)).absolute()}"
    of_environment = {key: f"{_variable(key)} in the environment" for key in _keys(overrides_of(variables))}
    return {**dict.fromkeys(_keys(values), of_file), **of_environment}


def as_variable(sources: Sources) -> dict[str, str]:
    return {VARIABLE: json.dumps(dict(sources))}


def _told(written: str) -> dict[str, str]:
    try:
        found = json.loads(written)
    except ValueError:
        return {}
    return {str(key): str(source) for key, source in found.items()} if isinstance(found, dict) else {}


def _keys(values: Mapping[str, Any]) -> list[str]:
    """
    >>> _keys({"home": "x", "service": {"port": 1}, "policy": {"models": {"a": {"mode": "auto"}}}})
    ['home', 'service.port', 'policy.models']
    """
    return [
        key
        for name, value in values.items()
        for key in ([f"{name}.{inner}" for inner in value] if isinstance(value, dict) else [name])
    ]


def _variable(key: str) -> str:
    return f"RETUNE_{key.replace('.', '__')}".upper()
