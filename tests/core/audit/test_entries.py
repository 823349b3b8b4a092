"""The audit of changes, on every database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.audit.entries import LOOP, Actor, Audit, record
from core.audit.waiting import FILE, put_aside, waiting
from core.config import Config, LedgerConfig
from core.home import Home
from core.ledger import Ledger

ANN = Actor("user ann", "cli")


@pytest.fixture
def home(config: Config) -> Iterator[Home]:
    opened = Home(config)
    yield opened
    opened.close()


def test_an_entry_says_who_did_what_to_which_model(home: Home, ledger: Ledger) -> None:
    assert record(home, Actor("key ops", "http", "req-1"), "promote", "m", {"version": "2", "before": "1"}) is None
    (entry,) = Audit(ledger.database).latest("m")
    assert (entry.who, entry.via, entry.request_id, entry.action) == ("key ops", "http", "req-1", "promote")
    assert entry.facts == {"version": "2", "before": "1"}


def test_entries_are_listed_by_model_and_time_in_pages(home: Home, ledger: Ledger) -> None:
    for model in ("m", "other", "m", None):
        record(home, LOOP, "forget", model)
    audit = Audit(ledger.database)
    assert [entry.model for entry in audit.latest()] == [None, "m", "other", "m"]
    assert [entry.id for entry in audit.latest("m")] == [3, 1]
    assert [entry.id for entry in audit.latest(limit=2, before=4)] == [3, 2]
    middle = audit.latest()[1].created_at
    assert [entry.id for entry in audit.latest(since=middle)] == [4, 3]


def test_an_entry_waits_in_a_file_while_the_ledger_is_away(tmp_path: Path) -> None:
    away = Home(Config(home=tmp_path, ledger=LedgerConfig(url="sqlite:////dev/null/ledger.db")))
    problem = record(away, ANN, "roll_back", "m", {"version": "1"})
    assert problem is not None
    assert "cannot be used" in problem
    assert FILE in problem
    home = Home(Config(home=tmp_path))
    record(home, ANN, "retrain", "m")
    entries = Audit(home.ledger.database).latest()
    assert [entry.action for entry in entries] == ["roll_back", "retrain"]
    assert entries[0].created_at < entries[1].created_at
    assert waiting(tmp_path) == []
    home.close()


def test_an_entry_that_no_file_takes_is_said_to_be_lost(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    assert "It is lost" in put_aside(tmp_path, {}, "The ledger is away.")


def test_a_line_that_was_cut_does_not_keep_the_others_away(home: Home) -> None:
    record(home, ANN, "retrain", "m", is_away=True)
    path = home.folder / FILE
    newer = {**json.loads(path.read_text()), "mood": "good"}
    path.write_text(path.read_text() + json.dumps(newer) + '\n{"who": "user')
    record(home, ANN, "forget")
    assert len(Audit(home.ledger.database).latest()) == 3
