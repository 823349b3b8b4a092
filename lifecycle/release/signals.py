"""The signals of a guard: each compares what was seen with the promise, and returns what it found.

Each has a share of `guard.alpha`, and is valid whenever it is looked at; so is all of them together, by Bonferroni.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from core.config import GuardConfig
from core.ledger_tables.guards import Finding, Promise
from core.ledger_tables.incidents import Cause
from core.paired import Paired
from core.share import percent, wilson_interval
from lifecycle.gate.sequential import anytime_p_value
from lifecycle.release.excess import excess_p_value
from lifecycle.release.observed import LEAST_HISTORY, Observed, paired

Signal = Callable[[Observed, Promise, GuardConfig], Finding]
WEIGHTS: dict[Cause, float] = {
    "accuracy": 0.6,
    "disagreement": 0.1,
    "abstentions": 0.1,
    "errors": 0.1,
    "latency": 0.1,
}
"""Shares of `guard.alpha`. Labels get most of it: they come slowly, and say what matters."""
MORE_DIFFERING = 0.1
"""Beyond this, and twice the share that the gate saw, a version is not the one that was judged."""
OF_TEXTS: tuple[Cause, ...] = ("accuracy", "disagreement", "abstentions")
MOST_CALLERS = 3
"""Callers whose texts are left out in turn, as before a retrain."""
SLOW_BEFORE, SLOW_NOW = 0.95, 0.25
"""Traffic is slower if more than a quarter of the requests take longer than nineteen in twenty did before."""
LEAST_REQUESTS = 100
"""Requests of the version before that its latency is known from."""


def accuracy(observed: Observed, promise: Promise, settings: GuardConfig) -> Finding:
    """On labelled texts, the version before is right more often where exactly one of the two is right."""
    found = paired(observed.labelled)
    right = sum(text.label == text.now for text in observed.labelled)
    p_value = _loss_p_value(observed, promise)
    said = f"{_right(right, found.rows)}; the version before is right where it is not on {found.losses} texts, and"
    said += f" the other way round on {found.wins}"
    return _finding("accuracy", found.rows, p_value, f"{said} (p = {p_value:.2g}){_promised(promise)}.", settings)


def disagreement(observed: Observed, promise: Promise, settings: GuardConfig) -> Finding:
    """It answers more texts unlike the version before than the gate saw, and labels do not show that it is better."""
    texts, differing = len(observed.compared), sum(text.differs for text in observed.compared)
    said = f"{differing} of {texts} texts are answered unlike the version before"
    found = paired(observed.labelled)
    if promise.differing is None or found.wins > found.losses:
        return Finding("disagreement", texts, 1.0, f"{said}.")
    high = promise.differing.high
    p_value = excess_p_value(differing, texts, allowed=max(2 * high, high + MORE_DIFFERING))
    said = f"{said}, {percent(promise.differing.value)} when the gate looked (p = {p_value:.2g})."
    return _finding("disagreement", texts, p_value, said, settings)


def abstentions(observed: Observed, _: Promise, settings: GuardConfig) -> Finding:
    """It leaves texts unanswered that the version before answers."""
    texts = len(observed.compared)
    more = sum(text.now_abstains and not text.before_abstains for text in observed.compared)
    p_value = excess_p_value(more, texts, allowed=settings.max_abstained)
    said = f"It abstains on {more} of {texts} texts that the version before answers (p = {p_value:.2g})."
    return _finding("abstentions", texts, p_value, said, settings)


def errors(observed: Observed, _: Promise, settings: GuardConfig) -> Finding:
    """More requests fail in the engine than with the version before; requests that were late do not count."""
    now, before = observed.now, observed.before
    usual = wilson_interval(before.failed_requests, before.requests)[1] if before.requests else 0.0
    allowed = usual + settings.max_failed
    p_value = excess_p_value(now.failed_requests, now.requests, allowed=allowed)
    said = f"{now.failed_requests} of {now.requests} requests failed, {percent(before.failed_share)} before"
    return _finding("errors", now.requests, p_value, f"{said} (p = {p_value:.2g}).", settings)


def latency(observed: Observed, _: Promise, settings: GuardConfig) -> Finding:
    """Requests take longer than before, and it is the version: side by side with the version before it is slower, too.

    Where the machine is busy both are slow, so their ratio stays.
    """
    now, before = observed.now, observed.before
    rows = sum(now.seconds)
    if sum(before.seconds) < LEAST_REQUESTS:
        return Finding("latency", rows, 1.0, "Too few requests of the version before are known to compare latency.")
    slow = now.slower_than(before.place_of(SLOW_BEFORE))
    p_value = excess_p_value(slow, rows, allowed=SLOW_NOW)
    said = f"{slow} of {rows} requests took longer than {percent(SLOW_BEFORE, 0)} did before (p = {p_value:.2g})"
    found = _finding("latency", rows, p_value, f"{said}.", settings)
    if not found.breached:
        return found
    slowdown = observed.slowdown()
    said = f"{said}; side by side it takes {slowdown:.1f} times as long as the version before"
    return replace(found, sentence=f"{said}.", breached=slowdown > settings.max_slowdown)


def promised_accuracy(observed: Observed, promise: Promise, settings: GuardConfig) -> Finding:
    """Without a version to compare with: fewer labelled texts are right than promised, be it chance of what came."""
    labelled = [text for text in observed.up_to_last_label if text.label is not None]
    wrong = sum(text.label != text.now for text in labelled)
    said = _right(len(labelled) - wrong, len(labelled))
    if promise.accuracy is None or not observed.nearly_all_have_labels:
        return Finding("accuracy", len(labelled), 1.0, f"{said}{_promised(promise)}.")
    p_value = excess_p_value(wrong, len(labelled), allowed=1 - promise.accuracy.low)
    said = f"{said} (p = {p_value:.2g}){_promised(promise)}."
    return _finding("accuracy", len(labelled), p_value, said, settings)


SIGNALS: tuple[Signal, ...] = (accuracy, disagreement, abstentions, errors, latency)
WITHOUT_BEFORE: tuple[Signal, ...] = (promised_accuracy, errors)
"""Those that need no version before."""


def findings(
    observed: Observed, promise: Promise, settings: GuardConfig, *, signals: Sequence[Signal] = SIGNALS
) -> list[Finding]:
    """A breach that the texts of one minor caller alone show is none."""
    found = [signal(observed, promise, settings) for signal in signals]
    for place, (signal, one) in enumerate(zip(signals, found, strict=True)):
        if one.breached and one.cause in OF_TEXTS:
            others = (observed.without(caller) for caller in observed.minor_callers[:MOST_CALLERS])
            found[place] = replace(one, breached=all(signal(rest, promise, settings).breached for rest in others))
    return found


def _loss_p_value(observed: Observed, promise: Promise) -> float:
    """Labels that come by themselves may be of wrong answers only, which would count against any new version.

    They count as they come if nearly all texts have one, or if others confirmed right answers as often as expected.
    Otherwise the texts drawn at random decide, or all texts, if that says enough even in the worst case: those that
    differ and have no label are won, or whatever is wrong got a label.
    """
    if _confirms_right_answers(observed, promise):
        return _p_value(paired(observed.labelled))
    texts = observed.up_to_last_label
    if observed.nearly_all_have_labels:
        return _p_value(paired(texts))
    found = paired(texts)
    unlabelled = sum(text.differs and text.label is None for text in texts)
    p_values = [
        _p_value(paired([text for text in observed.labelled if text.is_drawn])),
        _p_value(replace(found, wins=found.wins + unlabelled)),
    ]
    if promise.accuracy is not None:
        p_values.append(excess_p_value(found.losses - found.wins, found.rows, allowed=1 - promise.accuracy.low))
    return min(1.0, len(p_values) * min(p_values))


def _confirms_right_answers(observed: Observed, promise: Promise) -> bool:
    """Labels of the version before, and of texts that both versions answer alike, are as often right as expected."""
    alike = [text for text in observed.labelled if text.before == text.now]
    right = observed.history.right + sum(text.label == text.now for text in alike)
    rows, expected = observed.history.rows + len(alike), promise.accuracy_before
    return rows >= LEAST_HISTORY and expected is not None and wilson_interval(right, rows)[1] >= expected


def _p_value(found: Paired) -> float:
    return anytime_p_value(found.losses, found.wins)


def _finding(cause: Cause, rows: int, p_value: float, sentence: str, settings: GuardConfig) -> Finding:
    return Finding(cause, rows, p_value, sentence, p_value <= WEIGHTS[cause] * settings.alpha)


def _right(right: int, rows: int) -> str:
    return f"{right} of {rows} labelled texts are right"


def _promised(promise: Promise) -> str:
    return "" if promise.accuracy is None else f", {percent(promise.accuracy.value)} {promise.by}"
