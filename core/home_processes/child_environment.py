"""The environment of a child process: the whole config of its parent, whatever the parent's environment says."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from core.config import Config
from core.config_sources import NONE_KNOWN, Sources, as_variable
from core.database import absolute_url as absolute_database
from core.store import absolute_url as absolute_registry


def child_environment(config: Config, *, sources: Sources = NONE_KNOWN) -> dict[str, str]:
    """The environment of this process, with variables that `load_config` makes `config` of, and no other config.

    `sources`: where its values come from, which the child's environment does not tell.

    All places are absolute, because the child's working directory is another one.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("RETUNE_")}
    settings = {
        f"RETUNE_{section}__{key}".upper(): _shown(value)
        for section, values in config.model_dump(exclude={"home"}).items()
        for key, value in values.items()
        if value is not None
    }
    return {
        **inherited,
        **settings,
        **as_variable(sources),
        "RETUNE_FINETUNE__BASE_MODEL": absolute_base_model(config.finetune.base_model),
        "RETUNE_HOME": str(config.home.absolute()),
        "RETUNE_LEDGER__URL": absolute_database(config.ledger_url),
        "RETUNE_REGISTRY__URL": absolute_registry(config.registry_url),
        "RETUNE_CONFIG": os.devnull,
    }


def _shown(value: Any) -> str:
    """A value as `load_config` reads it from the environment."""
    if isinstance(value, Path):
        return str(value.absolute())
    if isinstance(value, list):
        return ",".join(value)
    return json.dumps(value) if isinstance(value, dict) else str(value)


def absolute_base_model(name: str) -> str:
    """The absolute path of a folder, with the hash that it must have; other names unchanged."""
    folder, mark, pin = name.partition("#")
    is_folder = folder != "default" and Path(folder).is_dir()
    return f"{Path(folder).absolute()}{mark}{pin}" if is_folder else name
