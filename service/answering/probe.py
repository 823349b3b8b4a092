"""Whether the champions still answer as they did when they were packed: one golden text each, now and then."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable

import numpy as np

from core.engine import Engine
from core.verification import OTHER_MACHINE
from service.answering.model import ServedVersion
from service.refusals import NotReady

# Probes come from many sides; one inference a second says as much.
VALID_S = 1.0
logger = logging.getLogger(__name__)


class GoldenProbe:
    """Asks the engines themselves, past the queue: an overload is no illness."""

    def __init__(self, champions: Callable[[], Iterable[ServedVersion]]) -> None:
        self._champions = champions
        self._passed_at = -VALID_S

    def require(self) -> None:
        """Raises `NotReady` where a golden answer is not what was recorded."""
        if time.monotonic() - self._passed_at < VALID_S:
            return
        for served in self._champions():
            if not answers_as_recorded(served.engine):
                raise NotReady(f"{served.model}@{served.version} does not answer its golden text as recorded")
        self._passed_at = time.monotonic()


def answers_as_recorded(engine: Engine) -> bool:
    """On the first golden text; a package without any is taken at its word."""
    if not engine.facts.golden:
        return True
    recorded = [engine.facts.golden[0]["scores"][label] for label in engine.labels]
    try:
        given = engine.infer(engine.encode(engine.facts.golden_inputs[:1])).probabilities[0]
    except Exception:  # whatever the engine raises, it does not answer
        logger.exception("A golden text cannot be answered")
        return False
    return bool(np.abs(given - recorded).max() <= OTHER_MACHINE)
