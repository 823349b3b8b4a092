"""The rules of the policy. Each returns a decision, or None if it does not apply."""

from __future__ import annotations

from collections.abc import Callable

from core.records import Decision
from core.share import percent
from lifecycle.policy.case import Case, MeasuredAccuracy

Rule = Callable[[Case], Decision | None]

SETTLING_LOT = 40
"""Random texts that are asked for at once to settle whether accuracy fell."""


def roll_back(case: Case) -> Decision | None:
    """The previous version is significantly better on the labelled rows since the promotion."""
    if case.previous is None or case.previous.comparison.p_value > case.alpha:
        return None
    previous, found = case.previous.version, case.previous.comparison
    return Decision(
        "roll back",
        f"On {found.rows} labelled rows since the promotion, {case.model}@{previous} is right in "
        f"{percent(found.challenger_accuracy)} and {case.model}@{case.version} in {percent(found.champion_accuracy)}.",
    )


def promote_refused_challenger(case: Case) -> Decision | None:
    """The labels given since show that it is better, or only a freeze held it."""
    if case.refused is None or case.refused.verdict.answer != "promote":
        return None
    record, reason = case.refused.record, case.refused.verdict.reason
    version = f"{case.model}@{record.version}"
    told = f"With the labels given since, {version} can be put in service. {reason}"
    if record.gate is not None and record.gate.verdict.held_by == "freeze":
        told = f"{version}, which a freeze held, can be put in service. {reason}"
    return Decision("retrain", told, waiting=record.version)


def ask_where_versions_differ(case: Case) -> Decision | None:
    refused = case.refused
    if refused is None or refused.verdict.answer != "hold" or not (refused.open and refused.verdict.labels_needed):
        return None
    count = min(refused.verdict.labels_needed, len(refused.open))
    if case.labels.is_comparing and case.labels.is_awaited:
        count = case.labels.still_open
    texts = f"{_texts(count)} on which {case.model}@{refused.record.version} and {case.model}@{case.version} differ"
    return Decision("label", f"Label {texts}. {refused.verdict.reason}", count)


def skip_refused_challenger(case: Case) -> Decision | None:
    """Not before there are labels of as many other texts as a retrain needs, or as the gate asked for if fewer."""
    if case.refused is None:
        return None
    needed = case.refused.verdict.labels_needed
    if case.refused.new_texts >= min(case.min_texts, needed or case.min_texts):
        return None
    reason = f"The gate refused {case.model}@{case.refused.record.version}: {case.refused.verdict.reason}"
    return Decision("label", reason, needed) if needed else Decision("watch", reason)


def retrain_after_loss_in_random_texts(case: Case) -> Decision | None:
    """Whatever the check says: the right answers to the same texts may have changed."""
    random, expected = case.random, case.measured.expected
    if _is_drift(case) and (case.labels.requested == 0 or case.labels.is_awaited):
        return None
    if random.p_value > case.loss_alpha or random.rows < case.min_texts or expected is None:
        return None
    found = f"{random.right} of {random.rows} texts drawn at random are right, {percent(expected, 0)} expected"
    reason = f"Accuracy fell: {found} (p = {random.p_value:.2g})"
    if case.labels.is_awaited:
        given = f"{case.labels.given} of {case.labels.requested} requested labels are given"
        return Decision("label", f"{reason}; {given}.", case.labels.still_open)
    if case.teachable >= case.min_texts:
        return Decision("retrain", f"{reason}.")
    few = f"{reason}; of the {case.min_texts} labelled texts to train on (labels.min_texts) {case.teachable} are there."
    count = min(case.budget, case.available)
    return Decision("label", few, count) if count else Decision("watch", few)


def settle_suspected_loss(case: Case) -> Decision | None:
    """By labels of random texts, in lots, after each of which the evidence is looked at."""
    if case.suspicion is None or _is_drift(case):
        return None
    lot = case.random.lot
    if lot.is_awaited:
        given = f"{lot.given} of {lot.requested} requested labels of random texts are given"
        return Decision("label", f"{case.suspicion}; {given}.", lot.still_open, "measure")
    count = min(SETTLING_LOT, case.budget, case.random_available)
    if count == 0:
        return Decision("watch", f"{case.suspicion}; no text is left to draw.")
    return Decision("label", f"{case.suspicion}; {_texts(count)} drawn at random will show more.", count, "measure")


def do_nothing_without_drift(case: Case) -> Decision | None:
    if case.verdict is None:
        return Decision("none", "No check of this version had enough rows yet.")
    return Decision("none", case.verdict.sentence) if case.verdict.outcome != "drift" else None


def ask_for_labels(case: Case) -> Decision | None:
    if case.labels.requested > 0 or case.available == 0:
        return None
    count = min(case.budget, case.available)
    return Decision("label", f"Inputs drifted; {count} labels will show whether accuracy is lower.", count)


def await_labels(case: Case) -> Decision | None:
    """Until most of them are given: some texts nobody can label."""
    labels = case.labels
    if not labels.is_awaited:
        return None
    given = f"{labels.given} of {labels.requested} requested labels are given"
    return Decision("label", f"Inputs drifted; {given}.", labels.still_open)


def retrain_for_new_labels(case: Case) -> Decision | None:
    if not case.measured.unknown_labels or case.measured.unknown_texts < case.min_texts:
        return None
    return Decision("retrain", f"{_unknown(case.measured)}; {_interval(case.measured)}.")


def retrain_after_loss_of_accuracy(case: Case) -> Decision | None:
    measured = case.measured
    if measured.expected is None or not _has_lost(measured) or measured.rows < case.min_texts:
        return None
    return Decision("retrain", f"Accuracy fell: {_interval(measured)}, {percent(measured.expected, 0)} expected.")


def ask_again_after_further_drift(case: Case) -> Decision | None:
    """The current accuracy estimate is significantly lower than the accuracy measured on the labelled rows."""
    estimate, measured = case.verdict.estimated_accuracy if case.verdict else None, case.measured
    if estimate is None or measured.rows == 0 or case.available == 0 or case.labels.is_of_this_check:
        return None
    if estimate.high >= measured.interval[0]:
        return None
    count = min(case.budget, case.available)
    reason = f"{_right_share(measured)}, but the estimate for later rows is lower; {count} more labels will show it."
    return Decision("label", reason, count)


def wait_for_more_texts(case: Case) -> Decision | None:
    """There is evidence for a retrain, of too few texts."""
    measured = case.measured
    needed = f"a retrain needs {case.min_texts} different texts (labels.min_texts)."
    if measured.unknown_labels:
        return Decision("watch", f"{_unknown(measured)}, on {_texts(measured.unknown_texts)}; {needed}")
    if _has_lost(measured):
        expected = percent(measured.expected or 0.0, 0)
        return Decision("watch", f"{_right_share(measured)}, {expected} expected; {needed}")
    return None


def watch(case: Case) -> Decision:
    measured = case.measured
    if measured.rows == 0:
        return Decision("watch", "Inputs drifted; no held-out fresh row has a label yet, so the accuracy is unknown.")
    if measured.expected is None:
        return Decision("watch", f"Inputs drifted; {_interval(measured)}, and no accuracy to compare it with.")
    unseen = measured.expected - measured.interval[0]
    return Decision(
        "watch",
        f"Inputs drifted, and labels do not show a loss of accuracy: {_interval(measured)}, "
        f"{percent(measured.expected, 0)} expected. A loss of up to {100 * unseen:.0f} points cannot be excluded.",
    )


RULES: tuple[Rule, ...] = (
    roll_back,
    promote_refused_challenger,
    ask_where_versions_differ,
    skip_refused_challenger,
    retrain_after_loss_in_random_texts,
    settle_suspected_loss,
    do_nothing_without_drift,
    ask_for_labels,
    await_labels,
    retrain_for_new_labels,
    retrain_after_loss_of_accuracy,
    ask_again_after_further_drift,
    wait_for_more_texts,
    watch,
)
"""In the order of evaluation; the last rule always returns a decision."""


def _is_drift(case: Case) -> bool:
    return case.verdict is not None and case.verdict.outcome == "drift"


def _has_lost(measured: MeasuredAccuracy) -> bool:
    """Whether the accuracy is significantly lower than expected."""
    if measured.rows == 0 or measured.expected is None:
        return False
    return measured.interval[1] < measured.expected


def _unknown(measured: MeasuredAccuracy) -> str:
    names = measured.unknown_labels
    plural = "s" if len(names) > 1 else ""
    return f"{len(names)} label{plural} that the champion does not know ({', '.join(names[:5])})"


def _texts(count: int) -> str:
    return f"{count} text{'s' if count > 1 else ''}"


def _right_share(measured: MeasuredAccuracy) -> str:
    return f"{measured.correct} of {measured.rows} held-out fresh rows right"


def _interval(measured: MeasuredAccuracy) -> str:
    low, high = measured.interval
    interval = f"95 % interval {percent(low, 0)} to {percent(high, 0)}"
    if measured.powered is None:
        return f"{_right_share(measured)} ({interval})"
    return (
        f"{_right_share(measured)}, {percent(measured.powered.value, 0)} with the confidence of all rows ({interval})"
    )
