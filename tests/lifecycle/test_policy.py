import re
from dataclasses import replace

import pytest

from core.records import Comparison, Decision, GateRecord, GateVerdict, Outcome, PromotionRecord, Verdict
from core.share import Share
from lifecycle.gate.refused import Refused
from lifecycle.labels.queue import NO_TEXTS
from lifecycle.policy.case import Case, LabelProgress, MeasuredAccuracy, PreviousVersion
from lifecycle.policy.policy import decide

NONE_REQUESTED = LabelProgress(requested=0, still_open=0)
ALL_GIVEN = LabelProgress(requested=60, still_open=0)
NOT_MEASURED = MeasuredAccuracy(0, 0, 0.9)


def verdict(name: Outcome) -> Verdict:
    return Verdict(name, None if name == "insufficient_data" else 0.001, 100, 200, [], None, "What was seen.")


def action(given: Verdict | None, labels: LabelProgress, measured: MeasuredAccuracy, *, available: int = 100) -> str:
    case = Case("m", "2", given, labels, measured, budget=60, available=available, alpha=0.05)
    return decide(case).sentence


LOST = Case("m", "2", verdict("drift"), ALL_GIVEN, MeasuredAccuracy(40, 22, 0.9), budget=60, available=100, alpha=0.05)


def test_without_drift_or_with_too_few_rows_nothing_is_done() -> None:
    assert action(verdict("ok"), NONE_REQUESTED, NOT_MEASURED) == "none"
    assert action(verdict("insufficient_data"), NONE_REQUESTED, NOT_MEASURED) == "none"
    assert action(None, NONE_REQUESTED, NOT_MEASURED) == "none"


def test_drift_requests_labels_within_the_budget_and_the_window() -> None:
    assert action(verdict("drift"), NONE_REQUESTED, NOT_MEASURED) == "label 60"
    assert action(verdict("drift"), NONE_REQUESTED, NOT_MEASURED, available=20) == "label 20"


def test_a_request_ends_when_most_labels_are_given() -> None:
    lost = MeasuredAccuracy(40, 22, 0.9)
    assert action(verdict("drift"), LabelProgress(requested=60, still_open=13), lost) == "label 13"
    assert action(verdict("drift"), LabelProgress(requested=60, still_open=12), lost) == "retrain"
    assert action(verdict("drift"), LabelProgress(requested=1, still_open=1), lost) == "label 1"


def test_labels_that_cannot_be_told_end_a_request_and_are_said() -> None:
    labels = LabelProgress(requested=40, still_open=5, cannot_tell=3)
    decision = decide(replace(LOST, labels=labels))
    assert decision.action == "retrain"
    assert decision.reason.endswith(" 3 of 40 cannot be told.")
    waiting = decide(replace(LOST, labels=replace(labels, still_open=9)))
    assert waiting == Decision(
        "label", "Inputs drifted; 28 of 40 requested labels are given. 3 of 40 cannot be told.", 9
    )


def test_expired_requests_hold_up_no_decision_and_are_said() -> None:
    labels = LabelProgress(requested=40, still_open=0, cannot_tell=3, expired=30)
    decision = decide(replace(LOST, labels=labels))
    assert decision.action == "retrain"
    assert decision.reason.endswith(" 3 of 40 cannot be told. 30 of 40 expired without a label.")
    assert decide(replace(LOST, labels=replace(labels, expired=20, still_open=10))).sentence == "label 10"


def test_a_loss_that_could_not_be_seen_is_said() -> None:
    decision = decide(replace(LOST, measured=MeasuredAccuracy(42, 30, 0.8)))
    assert decision.action == "watch"
    assert "labels do not show a loss of accuracy: 30 of 42" in decision.reason
    assert decision.reason.endswith("A loss of up to 24 points cannot be excluded.")


def test_open_requests_are_requested_again() -> None:
    assert action(verdict("drift"), LabelProgress(requested=60, still_open=45), NOT_MEASURED) == "label 45"


def test_a_significant_loss_of_accuracy_starts_a_retrain() -> None:
    assert action(verdict("drift"), ALL_GIVEN, MeasuredAccuracy(40, 22, 0.9)) == "retrain"


def test_unknown_labels_start_a_retrain() -> None:
    assert action(verdict("drift"), ALL_GIVEN, MeasuredAccuracy(40, 36, 0.9, ("refund",), 12)) == "retrain"


@pytest.mark.parametrize(
    ("measured", "words"),
    [
        (MeasuredAccuracy(40, 36, 0.9, ("refund",), 9), r"\(refund\), on 9 texts; a retrain needs 10 different texts"),
        (MeasuredAccuracy(9, 0, 0.9), "0 of 9 held-out fresh rows right, 90 % expected; a retrain needs 10"),
    ],
)
def test_a_few_texts_do_not_start_a_retrain(measured: MeasuredAccuracy, words: str) -> None:
    decision = decide(replace(LOST, measured=measured, min_texts=10))
    assert decision.action == "watch"
    assert re.search(words, decision.reason)


def test_drift_without_loss_of_accuracy_is_only_watched() -> None:
    assert action(verdict("drift"), ALL_GIVEN, MeasuredAccuracy(40, 36, 0.9)) == "watch"


@pytest.mark.parametrize(
    ("high", "labels", "available", "sentence"),
    [
        (0.5, LabelProgress(60, 0, is_of_this_check=False), 100, "label 60"),
        (0.5, LabelProgress(60, 0, is_of_this_check=False), 0, "watch"),
        (
            0.5,
            LabelProgress(60, 0, is_of_this_check=True),
            100,
            "watch",
        ),  # the labels are of the same rows as the estimate
        (0.9, LabelProgress(60, 0, is_of_this_check=False), 100, "watch"),
        (0.5, LabelProgress(60, 17, is_of_this_check=False), 100, "label 17"),
    ],
)
def test_a_further_drift_is_measured_again(high: float, labels: LabelProgress, available: int, sentence: str) -> None:
    worse = replace(verdict("drift"), estimated_accuracy=Share(0.4, 0.1, high))
    assert action(worse, labels, MeasuredAccuracy(40, 38, 0.9), available=available) == sentence


def test_drift_without_an_expected_accuracy_is_only_watched() -> None:
    assert action(verdict("drift"), ALL_GIVEN, MeasuredAccuracy(40, 10, None)) == "watch"


@pytest.mark.parametrize(
    ("gate", "sentence"),
    [
        (GateRecord(1, GateVerdict("hold", "Not better.", labels_needed=40)), "label 40"),
        (GateRecord(1, GateVerdict("reject", "Not better.")), "watch"),
    ],
)
def test_a_refused_challenger_is_not_trained_again(gate: GateRecord, sentence: str) -> None:
    decision = decide(replace(LOST, refused=refused_by(gate.verdict), min_texts=10))
    assert (decision.sentence, decision.reason) == (sentence, "The gate refused m@3: Not better.")


def refused_by(verdict: GateVerdict, *, open_texts: int = 0, new_texts: int = 0) -> Refused:
    record = PromotionRecord(1, "m", "3", "2", "", promoted=False, reason="", gate=GateRecord(1, verdict))
    return Refused(record, verdict, tuple(str(number) for number in range(open_texts)), new_texts)


def test_labels_are_requested_where_the_versions_differ() -> None:
    held = refused_by(GateVerdict("hold", "4 won, 1 lost.", labels_needed=12), open_texts=30, new_texts=50)
    decision = decide(replace(LOST, refused=held))
    assert decision.sentence == "label 12"
    assert decision.reason == "Label 12 texts on which m@3 and m@2 differ. 4 won, 1 lost."
    assert decide(replace(LOST, refused=replace(held, open=("1", "2")))).sentence == "label 2"
    given = LabelProgress(requested=12, still_open=5, is_comparing=True)
    assert decide(replace(LOST, refused=held, labels=given)).sentence == "label 5"


def test_a_challenger_that_later_labels_show_to_be_better_is_put_in_service_by_a_retrain() -> None:
    decision = decide(replace(LOST, refused=refused_by(GateVerdict("promote", "9 won, 0 lost."))))
    assert decision.action == "retrain"
    assert decision.reason == "With the labels given since, m@3 can be put in service. 9 won, 0 lost."


def test_labels_of_other_texts_end_the_wait_for_a_refused_challenger() -> None:
    rejected = refused_by(GateVerdict("reject", "Not better."), new_texts=10)
    assert decide(replace(LOST, refused=rejected, min_texts=10)).action == "retrain"
    assert decide(replace(LOST, refused=replace(rejected, new_texts=9), min_texts=10)).action == "watch"


@pytest.mark.parametrize(("p_value", "sentence"), [(0.01, "roll back"), (0.2, "retrain")])
def test_a_significantly_better_previous_version_is_restored(p_value: float, sentence: str) -> None:
    previous = PreviousVersion("1", Comparison(60, 0.5, 0.8, 20, 2, p_value))
    assert decide(replace(LOST, previous=previous)).sentence == sentence


def test_labels_of_texts_that_are_not_stored_are_not_requested() -> None:
    decision = decide(replace(LOST, labels=NONE_REQUESTED, texts_are_kept=False))
    assert decision.action == "watch"
    assert decision.reason.endswith(NO_TEXTS)
