"""What the workers of one server say of themselves, so that any of them can answer for all.

<home>/workers/<pid of the server>/<pid of the worker>.json
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # its stubs are another package

from core.durable import write_bytes
from service.champions import Standing


@dataclass(frozen=True)
class WorkerStanding:
    """One worker: its process and how each model stands in it."""

    pid: int
    models: dict[str, Standing]


class Roster:
    """This worker's entry, and a look at those of its living neighbours (children of one parent)."""

    def __init__(self, home: Path) -> None:
        self._folder = home.absolute() / "workers" / str(os.getppid())

    def enter(self, standing: Mapping[str, Standing]) -> None:
        content = {model: asdict(entry) for model, entry in standing.items()}
        write_bytes(self._folder / f"{os.getpid()}.json", json.dumps(content).encode())

    def leave(self) -> None:
        (self._folder / f"{os.getpid()}.json").unlink(missing_ok=True)

    def workers(self) -> list[WorkerStanding]:
        """The living workers in the order of their pids; entries that the dead left are removed."""
        found = []
        for path in sorted(self._folder.glob("[0-9]*.json"), key=lambda path: int(path.stem)):
            if not psutil.pid_exists(int(path.stem)):
                path.unlink(missing_ok=True)
                continue
            models = json.loads(path.read_text())
            found.append(WorkerStanding(int(path.stem), {name: Standing(**entry) for name, entry in models.items()}))
        return found
