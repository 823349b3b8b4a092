"""Looks at the guards of new champions every few seconds, whatever the rounds of checks do meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from types import TracebackType

from core.home import Home
from core.isolated import isolated, sentence_of
from core.ledger_tables.guards import Guard

Look = Callable[[str], Guard | None]
"""Looks at the guard of a model's champion; returns it if it has just ended or found an incident."""
CLOSE_S = 5.0


class Guarding:
    """A context with a thread of its own: a check that takes minutes holds up no roll back.

    `on_looked` gets each guard that has just ended or found an incident, `on_problem` an error once until it is over.
    """

    def __init__(
        self,
        home: Home,
        look: Look,
        *,
        only: str | None,
        on_looked: Callable[[Guard], None],
        on_problem: Callable[[str, BaseException], None],
    ) -> None:
        self._home, self._look, self._only = home, look, only
        self._on_looked, self._on_problem = on_looked, on_problem
        self._stop = threading.Event()
        self._problems: dict[str, str] = {}
        self._thread = threading.Thread(target=self._run, name="guard", daemon=True)

    def __enter__(self) -> Guarding:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """A roll back that waits for the servers goes on by itself, and is noted at the next start."""
        self._stop.set()
        self._thread.join(CLOSE_S)

    def look(self) -> None:
        """Look once at each model."""
        models = [self._only] if self._only else []
        with isolated(lambda error: self._note("registry", error)):
            models = models or self._home.registry.models()
            self._problems.pop("registry", None)
        for model in models:
            with isolated(partial(self._note, model)):
                guard = self._look(model)
                self._problems.pop(model, None)
                if guard is not None:
                    self._on_looked(guard)

    def _run(self) -> None:
        while not self._stop.is_set():
            self.look()
            self._stop.wait(self._home.config.guard.poll_s)

    def _note(self, name: str, error: BaseException) -> None:
        if self._problems.get(name) != sentence_of(error):
            self._problems[name] = sentence_of(error)
            self._on_problem(name, error)
