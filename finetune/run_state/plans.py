"""Measured values of a run, stored so that a repeated run uses the same values."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from pathlib import Path

from core.durable import write_bytes
from finetune.run_state.processes import Value, broadcast, is_main_process

log = logging.getLogger(__name__)


class Plans:
    """One small JSON file per run, named by a hash of `facts`, which contain everything that the run depends on.

    Measured speeds vary from minute to minute. Without the file, a second run with the same seed could plan another
    number of epochs and end with other weights.
    """

    def __init__(self, folder: Path, facts: dict[str, object]) -> None:
        name = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:32]
        self._path = folder / f"{name}.json"
        self._values: dict[str, object] = self._read()

    def get_or_compute(self, key: str, compute: Callable[[], Value]) -> Value:
        """The stored value, else the result of `compute`, which is then stored; the same in every process."""
        if key not in self._values:
            self._values[key] = compute()
        self._values[key] = broadcast(self._values[key])
        if is_main_process():
            write_bytes(self._path, (json.dumps(self._values, indent=1) + "\n").encode())
        return self._values[key]  # type: ignore[return-value]  # JSON keeps these types

    def _read(self) -> dict[str, object]:
        try:
            return dict(json.loads(self._path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            log.warning("plan %s is unreadable and is replaced: %s", self._path, error)
            return {}
