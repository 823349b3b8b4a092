"""How fast each engine is, as its calls so far say."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from core.engine import Engine

GUESSED_TOKENS_PER_S = 5_000.0
# Of a new call in the average.
SHARE = 0.1


class Speeds:
    """Tokens a second, padding included; of an engine that has not been called, those of the latest that was: a new
    version is most often like the one whose place it takes.
    """

    def __init__(self) -> None:
        self._known: WeakKeyDictionary[Engine, float] = WeakKeyDictionary()
        self._latest = GUESSED_TOKENS_PER_S

    def knows(self, engine: Engine) -> bool:
        return engine in self._known

    def of(self, engine: Engine) -> float:
        return self._known.get(engine, self._latest)

    def learn(self, engine: Engine, per_s: float) -> None:
        before = self._known.get(engine, per_s)
        self._known[engine] = self._latest = before + SHARE * (per_s - before)
