"""Remembers in a registry outside the home that its clients need keys.

The keys are in the home. With another home, e.g. of a volume that is not mounted, a server would have the models
without the keys, and would be open.
"""

from __future__ import annotations

import json
import logging
import socket
from pathlib import Path

from core.clock import utc_now
from core.config import Config
from core.errors import KeysMissing, RetuneError
from core.registry import KEYS_NOTE, open_registry
from core.store import absolute_url

logger = logging.getLogger(__name__)


def note_keys(config: Config) -> None:
    """Write the note, once; a failure is logged, and the next start of a server tries again."""
    if _is_in_home(config):
        return
    try:
        registry = open_registry(config)
        registry.require_folder()
        if registry.note(KEYS_NOTE) is None:
            content = {"keys_file": str(config.keys_file), "host": socket.gethostname(), "since": utc_now()}
            registry.write_note(KEYS_NOTE, json.dumps(content).encode())
    except Exception as error:  # any: fsspec's file systems have errors of their own
        logger.warning("The registry %s cannot note that keys are in use: %s", config.registry_url, error)


def require_keys(config: Config) -> None:
    """Before a server starts: raises `KeysMissing` if there is no key file, but the registry has the note.

    Also if the registry cannot be read; `service.open` allows both.
    """
    if config.keys_file.exists():
        note_keys(config)
    elif not (config.service.open or _is_in_home(config)):
        try:
            note = open_registry(config).note(KEYS_NOTE)
        except RetuneError:
            raise
        except Exception as error:  # any, as above
            raise KeysMissing(config.keys_file, f"whether there should be one cannot be read: {error}") from error
        if note is not None:
            raise KeysMissing(config.keys_file, f"{_described(note)} for the registry {config.registry_url}")


def _described(note: bytes) -> str:
    try:
        facts = json.loads(note)
        return f"keys are in use since {facts['since'][:10]} ({facts['keys_file']} on {facts['host']})"
    except (ValueError, KeyError, TypeError):
        return "keys are in use"


def _is_in_home(config: Config) -> bool:
    return Path(absolute_url(config.registry_url)).is_relative_to(config.home.absolute())
