from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from core.config import Config
from core.errors import LedgerUnreadable
from core.home import Home
from core.ledger_tables.traffic import Traffic
from service.answering.batcher import ENGINE_FAILED
from service.answering.items import ItemError
from service.answering.predictor import Prediction, counted
from service.recording.traffic import Counted, TrafficCounter


def opened(folder: Path) -> Home:
    """As a server has it when requests come: its ledger is made already, which may take seconds on a busy disk."""
    home = Home(Config(home=folder))
    assert Traffic(home.ledger.database).load("m", "1").requests == 0
    return home


def test_requests_are_in_the_ledger_when_the_worker_ends(tmp_path: Path) -> None:
    home = opened(tmp_path)
    counter = TrafficCounter(home)
    counter.start()
    counter.count(Counted("m", "1", answered=3, abstained=1, seconds=0.004))
    counter.count(Counted("m", "1", answered=1, failed=2, seconds=0.2))
    counter.count(Counted("m", "1"))
    counter.close()
    load = Traffic(home.ledger.database).load("m", "1")
    assert (load.requests, load.failed_requests, load.late_requests) == (3, 1, 1)
    assert (load.answered, load.abstained, load.failed, sum(load.seconds)) == (4, 1, 2, 2)
    home.close()


def test_what_a_ledger_that_is_away_did_not_take_is_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise LedgerUnreadable("ledger.db", "away")

    home = opened(tmp_path)
    counter = TrafficCounter(home)
    with monkeypatch.context() as patch:
        patch.setattr(Traffic, "add", away)
        counter._write([Counted("m", "1", answered=1, seconds=0.1)])
    counter._write([Counted("m", "1", answered=1, seconds=0.1)])
    assert Traffic(home.ledger.database).load("m", "1").requests == 2
    home.close()


def test_texts_that_no_version_could_answer_are_no_failure() -> None:
    served = cast(Any, SimpleNamespace(model="m", version="1"))
    given = Prediction("x", {"abstained": True}, cast(Any, None))
    results: list[Prediction | ItemError] = [given, ENGINE_FAILED, ItemError("empty_text", "The text is empty.")]
    assert counted(served, results, 0.5) == Counted("m", "1", answered=1, abstained=1, failed=1, seconds=0.5)
