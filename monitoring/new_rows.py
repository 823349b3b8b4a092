"""Which models are due for a check because enough predictions came since the last one."""

from __future__ import annotations

from core.home import Home
from core.isolated import isolated

POLL_S = 5.0


class NewRows:
    """Looks for the models that were checked before, by one bounded query each; the registry is not asked."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._count = home.config.drift.every_rows
        self._looked: dict[str, tuple[str, int]] = {}

    @property
    def poll_s(self) -> float:
        """Seconds between two calls of `due`; without `drift.every_rows` there is nothing to look for."""
        return POLL_S if self._count else float("inf")

    def look(self, model: str) -> None:
        """Note that a model is checked now: only later predictions are new."""
        pointer = self._home.registry.pointer(model)
        if pointer is not None and self._count:
            last = self._home.ledger.arrivals.last(model, pointer.version)
            self._looked[model] = pointer.version, last

    def due(self) -> list[str]:
        """A ledger that is away is told by the next round."""
        found: list[str] = []
        with isolated(lambda _error: None):
            for model, (version, after) in self._looked.items() if self._count else ():
                if self._home.ledger.arrivals.has_more(model, version, after=after, count=self._count):
                    found.append(model)
        return found
