"""Answers of people on the page for labels."""

from __future__ import annotations

from core.labelling.answers import Answer, LabelAnswers, Outcome, Said, give
from core.labelling.claims import LabelClaims, Labeller
from core.labelling.queue import together
from core.labelling.second_answers import agreement, for_second_answers
from core.ledger import Ledger
from core.privacy.erasure import erase, with_ids
from core.records import FeedbackRecord, Wanted
from core.taxonomy import UNCHANGED
from tests.core.requests import labels_of, requested
from tests.core.test_ledger import prediction


def say(
    ledger: Ledger,
    name: str,
    *keys: str,
    said: Said = "label",
    label: str | None = "bug",
    who: str = "ann",
    **more: bool,
) -> Outcome:
    return give(ledger, "m", who, Answer(name, keys, said, label, **more), labels_of=labels_of)


def labelled(ledger: Ledger) -> list[tuple[str, str]]:
    return [(row.label, row.source) for row in ledger.labelled("m")]


def test_the_same_answer_sent_twice_is_one(ledger: Ledger) -> None:
    (key,) = requested(ledger, "it crashes")
    assert say(ledger, "1", key).status == "stored"
    say(ledger, "2", key, label="billing")
    assert say(ledger, "1", key).status == "known"
    assert labelled(ledger) == [("billing", "ann")]


def test_an_answer_is_taken_back_with_all_its_texts_and_no_other(ledger: Ledger) -> None:
    keys = requested(ledger, "it crashes", "it crashed", "my invoice")
    say(ledger, "1", *keys[:2])
    say(ledger, "2", keys[2], label="billing")
    say(ledger, "3", keys[0], who="ben")
    answers = LabelAnswers(ledger.database)
    assert answers.take_back("m", "ben", "1") == 0
    assert [answers.take_back("m", "ann", "1") for _ in range(2)] == [2, 0]
    assert labelled(ledger) == [("billing", "ann"), ("bug", "ben")]
    assert [item.prediction_id for item in ledger.label_requests("m")] == [keys[1]]
    assert say(ledger, "1", *keys[:2]).status == "known"


def test_what_cannot_be_told_is_taken_back(ledger: Ledger) -> None:
    (key,) = requested(ledger, "hi")
    say(ledger, "1", key, said="cannot_tell", label=None)
    assert ledger.label_requests("m") == []
    LabelAnswers(ledger.database).take_back("m", "ann", "1")
    assert len(ledger.label_requests("m")) == 1


def test_an_answer_that_was_taken_back_before_it_came_is_not_stored(ledger: Ledger) -> None:
    (key,) = requested(ledger, "it crashes")
    LabelAnswers(ledger.database).take_back("m", "ann", "1")
    assert say(ledger, "1", key).status == "known"
    assert labelled(ledger) == []


def test_who_comes_second_is_told_and_both_labels_are_kept(ledger: Ledger) -> None:
    (key,) = requested(ledger, "it crashes")
    say(ledger, "1", key)
    outcome = say(ledger, "2", key, label="billing", who="ben")
    assert (outcome.status, "second one" in outcome.told) == ("meanwhile", True)
    assert labelled(ledger) == [("billing", "ben")]
    assert say(ledger, "3", key, who="eve", is_second=True).status == "stored"


def test_a_label_that_resembles_another_waits_unless_the_person_confirmed_it(ledger: Ledger) -> None:
    keys = requested(ledger, "it crashes", "my invoice")
    outcome = say(ledger, "1", keys[0], label="Billing")
    assert (outcome.status, outcome.told[:34]) == ("doubtful", "Label 'Billing' resembles 'billing")
    LabelAnswers(ledger.database).take_back("m", "ann", "1")
    assert ledger.rules.doubtful("m") == []
    assert say(ledger, "2", keys[1], label="Billing", is_meant=True).status == "stored"
    assert labelled(ledger) == [("Billing", "ann")]


def test_an_answer_that_cannot_be_stored_says_so(ledger: Ledger) -> None:
    (key,) = requested(ledger, "it crashes")
    assert say(ledger, "1", "0" * 32).status == "gone"
    other = give(ledger, "other", "ann", Answer("2", (key,), "label", "bug"), labels_of=labels_of)
    assert (other.status, "was answered by 'm'" in other.told) == ("refused", True)


def test_texts_left_to_others_come_back_when_that_is_taken_back(ledger: Ledger) -> None:
    (key,) = requested(ledger, "it crashes")
    claims = LabelClaims(ledger.database)
    assert say(ledger, "1", key, said="left", label=None).status == "left"
    assert claims.hold("m", Labeller("ann", "1"), [[key]], count=1) == []
    LabelAnswers(ledger.database).take_back("m", "ann", "1")
    assert claims.hold("m", Labeller("ann", "1"), [[key]], count=1) == [[key]]


def test_what_is_erased_leaves_no_answer(ledger: Ledger) -> None:
    (key,) = requested(ledger, "it crashes")
    LabelClaims(ledger.database).hold("m", Labeller("ann", "1"), [[key]], count=1)
    say(ledger, "1", key)
    erase(ledger.database, with_ids([key]))
    assert not LabelAnswers(ledger.database).is_known("1")


def test_near_texts_that_were_taken_out_come_last_by_themselves(ledger: Ledger) -> None:
    rows = [prediction(text) for text in ("a b", "b b", "c", "d")]
    keys = [row.id for row in rows]
    ledger.record_predictions(rows)
    group = [Wanted(key, "learn", group=keys[0]) for key in keys[:3]]
    ledger.request_labels("m", [*group, Wanted(keys[3], "measure")], check_id=None)
    shown = [[text.prediction_id for text in texts] for texts in together(ledger.label_requests("m"))]
    assert shown == [keys[:3], keys[3:]]
    say(ledger, "1", *keys[:2])
    shown = [[text.prediction_id for text in texts] for texts in together(ledger.label_requests("m"))]
    assert shown == [keys[3:], [keys[2]]]


def test_second_answers_are_asked_of_other_people_once(ledger: Ledger) -> None:
    keys = requested(ledger, "it crashes", "my invoice", "hi")
    ledger.record_feedback([FeedbackRecord(key, "bug", "ann") for key in keys[:2]])
    wanted = [item.prediction_id for item in for_second_answers(ledger.database, "m", "ben", limit=9)]
    assert wanted == [keys[1], keys[0]]
    assert for_second_answers(ledger.database, "m", "ann", limit=9) == []
    ledger.record_feedback([FeedbackRecord(keys[0], "bug", "ben"), FeedbackRecord(keys[1], "billing", "ben")])
    assert for_second_answers(ledger.database, "m", "eve", limit=9) == []
    found = agreement(ledger.database, "m", UNCHANGED)
    assert (found.texts, found.share, found.kappa) == (2, 0.5, 0.0)
