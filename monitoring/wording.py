"""Sentences of a verdict, for readers without knowledge of statistics."""

from __future__ import annotations

from collections.abc import Sequence

from core.accumulated import Pace
from core.clock import moment
from core.records import Evidence, Repetition
from core.share import percent

REPEATED = 0.1
"""Share of copies from which on a sentence reports them."""


SIGNIFICANT = 0.05
"""p-value up to which a difference is called one, although it may be too little for an alarm."""

TOGETHER = "The recent windows together differ from the reference, more than chance and the reference explain."


def verdict_sentence(evidence: Sequence[Evidence], *, p_value: float, level: float, rows: int) -> str:
    """The features that drifted, the certainty, and the changes that the check cannot detect."""
    drifted = [item.feature for item in evidence if item.drifted]
    alarms = f"an alarm needs at most {level:.2g}"
    if drifted:
        return (
            f"The {rows} rows differ from the reference in {listed(drifted)} (p = {p_value:.2g}; {alarms}). "
            "Only labels can show whether accuracy is lower."
        )
    weak = [item.feature for item in evidence if item.p_value <= SIGNIFICANT]
    if weak:
        return (
            f"The {rows} rows differ from the reference in {listed(weak)}, too little for an alarm of their own "
            f"(p = {p_value:.2g}; {alarms}). Only labels can show whether accuracy is lower."
        )
    features = listed([item.feature for item in evidence])
    return (
        f"The {rows} rows do not differ significantly from the reference in {features} (p = {p_value:.2g}; {alarms}). "
        "Only labels can show whether the right answers to the same texts have changed."
    )


def evidence_words(detail: str, *, p_value: float, drifted: bool) -> str:
    """
    >>> [evidence_words("'bug' grew", p_value=p_value, drifted=False) for p_value in (0.3, 2e-5)]
    ["not significant: 'bug' grew", "too little for an alarm: 'bug' grew"]
    """
    if drifted:
        return detail
    return f"{'too little for an alarm' if p_value <= SIGNIFICANT else 'not significant'}: {detail}"


def insufficient_sentence(reference_rows: int, window_rows: int, min_rows: int) -> str:
    if reference_rows < min_rows:
        return (
            f"The reference has {reference_rows} rows and a check needs {min_rows}: "
            f"export the model with at least {min_rows - reference_rows} more reference rows."
        )
    return f"Too few rows to judge: {window_rows} of {min_rows}, so {min_rows - window_rows} more are needed."


def sample_note(reference_rows: tuple[int, int], window_rows: tuple[int, int]) -> str:
    """Names the sides that were sampled; each side is (rows compared, all rows)."""
    sides = {"reference": reference_rows, "recent": window_rows}
    notes = [f"{used} of {rows} {side} rows" for side, (used, rows) in sides.items() if used < rows]
    return f" Only {listed(notes)} were compared, drawn at random." if notes else ""


def repetition_note(repetition: Repetition) -> str:
    """
    >>> repetition_note(Repetition(rows=100, texts=19, most=82))
    ' 82 % of the 100 rows are one text, and each of the 19 texts counts once.'
    """
    if repetition.rows - repetition.texts < REPEATED * repetition.rows or not repetition.rows:
        return ""
    counted = f"each of the {repetition.texts} texts counts once."
    if repetition.most < REPEATED * repetition.rows:
        return (
            f" {share(1 - repetition.texts / repetition.rows)} of the {repetition.rows} rows are copies, and {counted}"
        )
    return f" {share(repetition.most / repetition.rows)} of the {repetition.rows} rows are one text, and {counted}"


def since_note(since: str, earliest: str, latest: str, pace: Pace) -> str:
    """
    >>> since_note("2026-05-03T10:12:13+00:00", "2026-05-01T01:00:00+00:00", "2026-05-04T23:00:00+00:00", "sudden")
    ' The drift began about 3 May 2026, 10:12 UTC (95 %: 1 May 2026, 01:00 UTC to 4 May 2026, 23:00 UTC), suddenly.'
    >>> since_note("2026-05-03T10:12:13+00:00", "2026-05-03T10:12:01+00:00", "2026-05-03T10:12:59+00:00", "gradual")
    ' The drift began about 3 May 2026, 10:12 UTC and grew gradually.'
    """
    first, low, high = (moment(time) for time in (since, earliest, latest))
    how = " and grew gradually" if pace == "gradual" else ", suddenly"
    interval = f" (95 %: {low} to {high})" if low != high else ""
    return f" The drift began about {first}{interval}{how}."


def accuracy_note(note: str | None) -> str:
    """
    >>> accuracy_note("the estimate cannot see new labels"), accuracy_note(None)
    (' The estimate cannot see new labels.', '')
    """
    return f" {note[0].upper()}{note[1:]}." if note else ""


def listed(names: Sequence[str]) -> str:
    """
    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def share(value: float) -> str:
    """A share in percent, with a decimal for small values only.

    >>> share(0.173), share(0.0042), share(0.0)
    ('17 %', '0.4 %', '0 %')
    """
    points = 100 * float(value)
    return percent(float(value), 1 if 0.05 <= points < 2 and round(points, 1) % 1 else 0)
