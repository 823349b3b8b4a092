from __future__ import annotations

from dataclasses import replace

import pytest

from core.config import GuardConfig
from core.ledger_tables.guards import Promise
from core.ledger_tables.traffic import Load
from core.share import measured
from lifecycle.release.observed import Answered, History, Observed
from lifecycle.release.signals import (
    abstentions,
    accuracy,
    disagreement,
    errors,
    findings,
    latency,
    promised_accuracy,
)
from tests.lifecycle.release.seen import PROMISE, answered

SETTINGS = GuardConfig()
GUARDS, LABELS = 80, 120


def seen(texts: list[Answered], **more: object) -> Observed:
    return Observed(texts=texts, complete_to=len(texts), **more)  # type: ignore[arg-type]  # fields of any type


def is_breached_at_a_look(texts: list[Answered]) -> bool:
    looks = (texts[: place + 1] for place in range(4, len(texts), 3))
    return any(accuracy(seen(so_far), PROMISE, SETTINGS).breached for so_far in looks)


def test_an_equal_version_is_rolled_back_in_at_most_one_of_twenty_guards() -> None:
    breached = sum(
        is_breached_at_a_look(answered(LABELS, right=0.8, right_before=0.8, seed=seed)) for seed in range(GUARDS)
    )
    assert breached <= 0.05 * GUARDS


def test_labels_of_wrong_answers_only_roll_no_equal_version_back() -> None:
    every = [answered(LABELS, right=0.8, right_before=0.8, seed=seed, only_wrong=True) for seed in range(GUARDS)]
    assert sum(text.is_lost for texts in every for text in texts) > 10 * sum(
        text.is_won for texts in every for text in texts
    )
    assert sum(map(is_breached_at_a_look, every)) <= 0.05 * GUARDS


def test_eight_lost_texts_are_enough() -> None:
    texts = answered(8, right=0.0, right_before=1.0)
    assert accuracy(seen(texts), PROMISE, SETTINGS).breached
    found = accuracy(seen(texts[:6]), PROMISE, SETTINGS)
    assert not found.breached
    assert found.sentence.startswith(
        "0 of 6 labelled texts are right; the version before is right where it is not on 6"
    )


def test_few_labels_find_a_bad_version_if_right_answers_are_labelled_too() -> None:
    texts = answered(200, right=0.1, right_before=0.9, labelled=0.1)
    assert not accuracy(seen(texts), Promise(), SETTINGS).breached
    assert accuracy(seen(texts, history=History(45, 50)), PROMISE, SETTINGS).breached
    assert not accuracy(seen(texts, history=History(5, 50)), PROMISE, SETTINGS).breached


def test_a_third_of_the_labels_finds_a_version_that_is_nearly_always_wrong() -> None:
    texts = answered(200, right=0.03, right_before=0.9, labelled=0.33)
    assert accuracy(seen(texts), PROMISE, SETTINGS).breached


def test_texts_drawn_at_random_count_as_they_come() -> None:
    texts = answered(100, right=0.1, right_before=0.9, labelled=0.2)
    drawn = [replace(text, is_drawn=True) for text in texts]
    assert accuracy(seen(drawn), Promise(), SETTINGS).breached


def test_a_drift_that_both_versions_meet_is_no_breach() -> None:
    assert not accuracy(seen(answered(200, right=0.5, right_before=0.5)), PROMISE, SETTINGS).breached


@pytest.mark.parametrize(("differing", "breached"), [(20, False), (70, True)])
def test_more_disagreement_than_the_gate_saw_is_a_breach(differing: int, breached: bool) -> None:
    texts = [Answered(str(place), place, None, "a", "b" if place < differing else "a") for place in range(100)]
    assert disagreement(seen(texts), PROMISE, SETTINGS).breached == breached
    assert not disagreement(seen(texts), Promise(), SETTINGS).breached


def test_disagreement_is_none_where_labels_show_that_the_new_version_is_better() -> None:
    texts = [Answered(str(place), place, None, "a", "b", label="a") for place in range(100)]
    assert not disagreement(seen(texts), PROMISE, SETTINGS).breached


def test_abstentions_count_where_the_version_before_answers() -> None:
    alike = [
        Answered(str(place), place, None, "a", "a", now_abstains=True, before_abstains=True) for place in range(60)
    ]
    assert not abstentions(seen(alike), PROMISE, SETTINGS).breached
    more = [replace(text, before_abstains=False) for text in alike]
    assert abstentions(seen(more), PROMISE, SETTINGS).breached


def test_one_minor_caller_alone_brings_no_breach_about() -> None:
    texts = answered(40, right=0.9, right_before=0.9, seed=1)
    alone = [
        replace(text, key=f"other {text.key}", number=100 + text.number, caller="one")
        for text in answered(30, right=0, right_before=1)
    ]
    assert not findings(seen([*texts, *alone]), PROMISE, SETTINGS)[0].breached
    nobody = [replace(text, caller=None) for text in alone]
    assert findings(replace(seen([*texts, *nobody]), complete_to=200), PROMISE, SETTINGS)[0].breached


def test_failed_requests_are_a_breach_beyond_those_of_the_version_before() -> None:
    usual = Load(requests=1000, failed_requests=50)
    now = Load(requests=400, failed_requests=80)
    assert errors(seen([], now=now, before=usual), PROMISE, SETTINGS).breached
    assert errors(seen([], now=now, before=Load()), PROMISE, SETTINGS).breached
    assert not errors(seen([], now=usual, before=usual), PROMISE, SETTINGS).breached
    late = Load(requests=400, late_requests=300)
    assert not errors(seen([], now=late, before=usual), PROMISE, SETTINGS).breached


def timed(seconds: float, requests: int) -> Load:
    load = Load(requests=requests, answered=requests)
    for _ in range(requests):
        load.time(seconds)
    return load


@pytest.mark.parametrize(("slowdown", "breached"), [(1.0, False), (3.0, True)])
def test_slow_traffic_is_a_breach_only_if_the_version_is_slow_beside_the_other_one(
    slowdown: float, breached: bool
) -> None:
    observed = seen([], now=timed(0.2, 200), before=timed(0.01, 200), slowdown=lambda: slowdown)
    assert latency(observed, PROMISE, SETTINGS).breached == breached


def test_versions_are_not_timed_while_traffic_is_as_fast_as_before() -> None:
    def never() -> float:
        raise AssertionError

    observed = seen([], now=timed(0.01, 200), before=timed(0.01, 200), slowdown=never)
    assert not latency(observed, PROMISE, SETTINGS).breached


def test_without_a_version_before_the_promise_is_what_counts() -> None:
    promise = Promise(measured(180, 200), None, "on its reference")
    texts = [replace(text, before=None) for text in answered(60, right=0.4, right_before=1)]
    assert promised_accuracy(seen(texts), promise, SETTINGS).breached
    kept = [replace(text, before=None) for text in answered(60, right=0.9, right_before=1)]
    assert not promised_accuracy(seen(kept), promise, SETTINGS).breached
