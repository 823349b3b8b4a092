"""Readiness check of the champions: each must answer its first golden text as recorded in its package."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable

import numpy as np

from core.engine import Engine
from core.verification import OTHER_MACHINE
from service.answering.model import ServedVersion
from service.refusals import NotReady

# Several probes may ask every second; one inference a second is enough for all.
VALID_S = 1.0
logger = logging.getLogger(__name__)


class GoldenProbe:
    """Calls the engines directly, not through the queue: an overloaded worker is still ready."""

    def __init__(self, champions: Callable[[], Iterable[ServedVersion]]) -> None:
        self._champions = champions
        self._passed_at = -VALID_S

    def require(self) -> None:
        """Raises `NotReady` if a golden answer differs from the recorded one."""
        if time.monotonic() - self._passed_at < VALID_S:
            return
        for served in self._champions():
            if not answers_as_recorded(served.engine):
                raise NotReady(f"{served.model}@{served.version} does not answer its golden text as recorded")
        self._passed_at = time.monotonic()


def answers_as_recorded(engine: Engine) -> bool:
    """Checks the first golden text; True for a package without golden texts."""
    if not engine.facts.golden:
        return True
    recorded = [engine.facts.golden[0]["scores"][label] for label in engine.labels]
    try:
        given = engine.infer(engine.encode(engine.facts.golden_inputs[:1])).probabilities[0]
    except Exception:  # any failure means that the engine does not answer
        logger.exception("A golden text cannot be answered")
        return False
    return bool(np.abs(given - recorded).max() <= OTHER_MACHINE)
