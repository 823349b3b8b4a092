"""What changed, from the traffic to the record and back to the texts."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from core.champion import read_champion
from core.datasets import Example
from core.engine import Engine
from core.example_texts import texts_of
from core.privacy.erasure import erase, with_ids
from core.records import CheckRecord
from core.stored import as_stored
from monitoring.change import explain
from monitoring.watch import check_file, check_window
from tests.monitoring.conftest import MODEL, Served
from tests.words import word_examples

MARKED = [Example(f"<p>{row.text}</p>", row.label) for row in word_examples(80, seed=1)]


def received(served: Served, rows: list[Example], *, keeps_text: bool = True) -> None:
    engine = Engine(served.registry.folder(MODEL, served.version), threads=1)
    ids = served.receive(engine.features(rows), text="" if not keeps_text else None)
    if keeps_text:
        with served.ledger.database.write() as connection:
            for key, row in zip(ids, rows, strict=True):
                connection.exec_driver_sql("UPDATE predictions SET text = ? WHERE id = ?", (row.text, key))


def checked(served: Served) -> CheckRecord:
    return check_window(served.home, read_champion(served.registry, MODEL)).record


def test_a_record_keeps_ids_and_its_examples_are_read_when_shown(served: Served) -> None:
    received(served, MARKED)
    record = checked(served)
    change = next(change for change in record.verdict.changes if change.kind == "form")
    assert "<p>" not in json.dumps(as_stored(record.verdict))
    shown = texts_of(served.ledger.database, record.verdict.changes)
    assert shown[change.examples[0]] == MARKED[0].text
    erase(served.ledger.database, with_ids([change.examples[0]]))
    assert change.examples[0] not in texts_of(served.ledger.database, record.verdict.changes)


def test_without_texts_the_verdict_says_what_was_not_compared(served: Served) -> None:
    received(served, MARKED, keeps_text=False)
    verdict = checked(served).verdict
    assert verdict.is_conclusive
    assert verdict.not_compared == explain.NO_TEXTS


def test_a_package_of_an_earlier_release_is_checked_without_its_texts(served: Served) -> None:
    champion = replace(read_champion(served.registry, MODEL), texts=None)
    verdict = check_file(served.home, champion, MARKED, source="new.csv").record.verdict
    assert verdict.is_conclusive
    assert verdict.not_compared == explain.NO_SUMMARY


def test_a_failure_is_said_and_the_check_is_recorded(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_given: object, **_options: object) -> None:
        raise ValueError("odd rows")

    monkeypatch.setattr(explain, "find_changes", fail)
    received(served, MARKED)
    verdict = checked(served).verdict
    assert verdict.is_conclusive
    assert verdict.not_compared == "What changed could not be found: ValueError: odd rows"


def test_examples_of_a_file_are_its_row_numbers(served: Served) -> None:
    rows = [*word_examples(60, seed=3), *MARKED[:40]]
    found = check_file(served.home, read_champion(served.registry, MODEL), rows, source="new.csv")
    change = next(change for change in found.record.verdict.changes if change.kind == "form")
    assert [int(number) for number in change.examples] == [61, 62, 63]
    assert found.texts["61"] == MARKED[0].text


def test_traffic_like_the_reference_names_no_kind(served: Served) -> None:
    received(served, word_examples(80, seed=5))
    assert checked(served).verdict.changes == []
