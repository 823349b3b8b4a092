"""The folder of an unfinished run, for `--resume`."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

from core.durable import write_bytes
from core.errors import OtherRunInterrupted, RunInterrupted
from finetune.run_state.processes import is_main_process, wait_for_all

_RUN = "run.json"


class RunFolder:
    """A folder beside the future checkpoint with the saved states of the trainer and the seconds spent so far."""

    def __init__(self, out: Path, identity: str, *, begun_at: float, is_resumed: bool) -> None:
        """Continue an interrupted run of the same `identity` if `is_resumed`, else start with an empty folder.

        The time spent is measured from `begun_at` (monotonic). The state of an interrupted run is never deleted
        without the user's consent: raises `RunInterrupted` if the run could be resumed, `OtherRunInterrupted` if it
        has another identity.
        """
        self.path = out.absolute().with_name(f".{out.name}.run")
        self._begun_at = begun_at
        self._identity = identity
        self.spent_before_s = self._read_spent_s(is_resumed=is_resumed)
        wait_for_all()
        if self.spent_before_s is None and is_main_process():
            shutil.rmtree(self.path, ignore_errors=True)
        wait_for_all()

    @property
    def spent_s(self) -> float:
        return (self.spent_before_s or 0.0) + time.monotonic() - self._begun_at

    def save_time_spent(self) -> None:
        """Called after each saved state."""
        content = {"identity": self._identity, "spent_s": round(self.spent_s, 1)}
        write_bytes(self.path / _RUN, json.dumps(content).encode())

    def states_folder(self, training: str) -> Path:
        """The folder for the saved states of one training."""
        return self.path / training

    def last_state(self, training: str) -> Path | None:
        """The newest complete state of a training; a killed run may leave an incomplete one."""
        states = self.states_folder(training).glob("checkpoint-*")
        found = [path for path in states if (path / COMPLETION_FILE).is_file()]
        return max(found, key=lambda path: int(path.name.rpartition("-")[2]), default=None)

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)

    def _read_spent_s(self, *, is_resumed: bool) -> float | None:
        """Seconds spent by the interrupted run; None if there is none."""
        try:
            run = json.loads((self.path / _RUN).read_text(encoding="utf-8"))
            spent_s, is_ours = float(run["spent_s"]), run["identity"] == self._identity
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if not is_ours:
            raise OtherRunInterrupted(self.path, spent_s)
        if not is_resumed:
            raise RunInterrupted(self.path, spent_s)
        return spent_s


COMPLETION_FILE = "best.json"
"""Written last: a saved state without this file is incomplete."""
