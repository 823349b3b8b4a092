"""The measured throughput of each engine."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from core.engine import Engine

INITIAL_TOKENS_PER_S = 5_000.0
# Weight of the latest call in the moving average.
NEW_CALL_WEIGHT = 0.1


class Throughput:
    """Tokens per second, padding included. An engine without calls has the throughput of the engine measured last,
    because a new version is usually similar to the previous one.
    """

    def __init__(self) -> None:
        self._known: WeakKeyDictionary[Engine, float] = WeakKeyDictionary()
        self._latest = INITIAL_TOKENS_PER_S

    def is_measured(self, engine: Engine) -> bool:
        return engine in self._known

    def tokens_per_s(self, engine: Engine) -> float:
        return self._known.get(engine, self._latest)

    def add(self, engine: Engine, per_s: float) -> None:
        before = self._known.get(engine, per_s)
        self._known[engine] = self._latest = before + NEW_CALL_WEIGHT * (per_s - before)
