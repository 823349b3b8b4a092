"""Drift that never ends, with a trainer that fails: real decisions, two workers, 100 checks."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from core.champion import read_champion
from core.config import DriftConfig, LabelsConfig
from core.home import Home
from core.loop.orders import resume
from core.progress import Progress, ignore
from core.records import TRAFFIC, FeedbackRecord, JobRecord, Verdict
from lifecycle import worker
from lifecycle.act import respond_and_act
from tests.lifecycle.clocks import SetClock
from tests.lifecycle.predictions import predicted
from tests.lifecycle.rounds import with_policy


class FailingTrainer:
    """`together`: the most jobs that ran at once."""

    def __init__(self) -> None:
        self.runs, self.now, self.together = 0, 0, 0
        self._lock = threading.Lock()

    def __call__(self, job: JobRecord, home: Home, *, on_progress: Progress) -> Any:
        with self._lock:
            self.runs, self.now = self.runs + 1, self.now + 1
            self.together = max(self.together, self.now)
        on_progress("training", 0.5)
        with self._lock:
            self.now -= 1
        raise ValueError("no memory")


def drifted(home: Home) -> None:
    """A check that found drift."""
    rows = predicted(home.ledger, 20)
    found = Verdict("drift", 0.001, len(rows), 100, [], None, "Drifted.")
    home.ledger.record_check("m", "1", found, source=TRAFFIC, window_end=rows[-1].id)


def label_what_is_asked_for(home: Home) -> None:
    requests = home.ledger.label_requests("m")
    home.ledger.record_feedback([FeedbackRecord(item.prediction_id, "new_topic") for item in requests])


@pytest.mark.slow
def test_a_trainer_that_fails_runs_once_a_cool_down_until_the_loop_stops(
    served: Home, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, stop = FailingTrainer(), threading.Event()
    monkeypatch.setattr(worker, "KINDS", {"retrain": trainer})
    small = {"drift": DriftConfig(window_rows=60), "labels": LabelsConfig(budget=20)}
    home = with_policy(Home(served.config.model_copy(update=small)), mode="auto", cooldown="2h", stop_after=3)
    other, champion = Home(home.config), read_champion(home.registry, "m")
    predicted(home.ledger, 300)
    runs = []

    def work(own: Home) -> JobRecord | None:
        return worker.run_next(own, stop=stop, progress=ignore)

    with ThreadPoolExecutor(2) as pool:
        for _ in range(100):
            drifted(home)
            respond_and_act(home, champion)
            label_what_is_asked_for(home)
            before = trainer.runs
            list(pool.map(work, (home, other)))
            runs += [clock.now] * (trainer.runs - before)
            clock.forward(minutes=15)
        assert (trainer.runs, trainer.together) == (3, 1)
        assert all((later - run).total_seconds() >= 7200 for run, later in zip(runs, runs[1:], strict=False))
        assert home.ledger.loop_steps.latest("m")[0].rule == "stopped"
        resume(home, "m", by="ann")
        respond_and_act(home, champion)
        list(pool.map(work, (home, other)))
    assert trainer.runs == 4
