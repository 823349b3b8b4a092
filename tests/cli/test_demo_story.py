"""What the demo does with the decisions of the loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest

from cli.demo import story as module
from cli.demo.client import Calls
from cli.demo.story import Story, retrain_until_settled
from core.records import Decision, RetrainResult

LABEL, RETRAIN, NONE = Decision("label", count=2), Decision("retrain"), Decision("none")
WAITS = Decision("retrain", waiting="4")


class Job:
    def __init__(self, promoted: bool) -> None:
        self.retrained = RetrainResult("2", promoted)


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Plays the demo's loop: (whether each retrain promotes, the decisions) → (retrains, labels given, promoted)."""

    def play(promoted: Sequence[bool], decisions: Sequence[Decision]) -> tuple[int, int, bool]:
        jobs, decided = iter(promoted), iter(decisions)
        monkeypatch.setattr(module, "decide", lambda _: next(decided))
        monkeypatch.setattr(module, "give_labels", lambda _story, _url, *, most: min(most, 2))
        monkeypatch.setattr(module, "retrain_while_serving", lambda *_: (Job(next(jobs)), Calls(sent=1)))
        job, calls, given = retrain_until_settled(cast(Story, None), "", labels=6)
        return calls.sent, given, bool(job.retrained and job.retrained.promoted)

    return play


def test_the_demo_puts_the_waiting_version_in_service_once_its_labels_settle_it(played: Any) -> None:
    assert played([False, True], [LABEL, WAITS, NONE]) == (2, 2, True)
    assert played([False, False, True], [LABEL, LABEL, RETRAIN, WAITS, NONE]) == (3, 4, True)


def test_the_demo_ends_without_labels_or_with_a_retrain_that_changed_nothing(played: Any) -> None:
    assert played([False], [LABEL, LABEL, LABEL, LABEL]) == (1, 6, False)
    assert played([False], [RETRAIN]) == (1, 0, False)
    assert played([False, False], [WAITS, WAITS]) == (2, 0, False)
