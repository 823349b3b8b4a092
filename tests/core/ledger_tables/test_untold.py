"""Predictions whose label a person cannot tell."""

from __future__ import annotations

from core.feedback import Given, GivenLabel, StoredLabels, store_labels
from core.ledger import Ledger
from core.records import CannotTell, FeedbackRecord, RequestedLabels
from tests.core.requests import labels_of, requested


def test_it_ends_the_request_and_is_no_label(ledger: Ledger) -> None:
    keys = requested(ledger, "hi", "the app crashes", "my invoice")
    given: list[Given] = [CannotTell(keys[0]), GivenLabel(keys[1], "bug", "user"), CannotTell("nobody")]
    assert store_labels(ledger, given, labels_of=labels_of) == StoredLabels(1, ["nobody"], cannot_tell=1)
    assert [item.prediction_id for item in ledger.label_requests("m")] == [keys[2]]
    assert [row.label for row in ledger.labelled("m")] == ["bug"]
    found = ledger.label_progress("m", "1")
    assert (found, found.still_open) == (RequestedLabels(3, 1, 1), 1)
    assert ledger.untold.keys("m") == {"hi"}


def test_what_a_source_says_last_counts(ledger: Ledger) -> None:
    (key,) = requested(ledger, "hi")
    for _ in range(2):
        ledger.untold.record([CannotTell(key, "ann")])
    ledger.record_feedback([FeedbackRecord(key, "bug", "ann")])
    assert (ledger.untold.keys("m"), ledger.label_progress("m", "1")) == (set(), RequestedLabels(1, 1))
    ledger.untold.record([CannotTell(key, "ann")])
    assert (ledger.untold.keys("m"), ledger.labelled("m")) == ({"hi"}, [])
    both: list[Given] = [CannotTell(key, "ann"), GivenLabel(key, "bug", "ann")]
    store_labels(ledger, both, labels_of=labels_of)
    assert [row.label for row in ledger.labelled("m")] == ["bug"]
    store_labels(ledger, both[::-1], labels_of=labels_of)
    assert ledger.labelled("m") == []


def test_a_label_of_another_source_counts(ledger: Ledger) -> None:
    (key,) = requested(ledger, "hi")
    ledger.record_feedback([FeedbackRecord(key, "bug", "bob")])
    ledger.untold.record([CannotTell(key, "ann")])
    assert [row.label for row in ledger.labelled("m")] == ["bug"]
    assert (ledger.untold.keys("m"), ledger.label_progress("m", "1")) == (set(), RequestedLabels(1, 1))


def test_a_doubtful_label_is_taken_back(ledger: Ledger) -> None:
    (key,) = requested(ledger, "hi")
    store_labels(ledger, [GivenLabel(key, "Bug", "ann")], labels_of=labels_of)
    store_labels(ledger, [CannotTell(key, "ann")], labels_of=labels_of)
    assert ledger.rules.doubtful("m") == []
