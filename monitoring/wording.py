"""Sentences of a verdict, for readers without knowledge of statistics."""

from __future__ import annotations

from collections.abc import Sequence

from core.records import Evidence


def verdict_sentence(evidence: Sequence[Evidence], *, p_value: float, alpha: float, rows: int) -> str:
    """The features that drifted, the certainty, and the changes that the check cannot detect."""
    drifted = [item.feature for item in evidence if item.drifted]
    alarms = f"without a change, {share(alpha)} of the checks raise an alarm"
    if drifted:
        return (
            f"The {rows} rows differ from the reference in {listed(drifted)} (p = {p_value:.2g}; {alarms}). "
            "Only labels can show whether accuracy is lower."
        )
    features = listed([item.feature for item in evidence])
    return (
        f"The {rows} rows do not differ significantly from the reference in {features} (p = {p_value:.2g}; {alarms}). "
        "Only labels can show whether the right answers to the same texts have changed."
    )


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
    percent = 100 * float(value)
    return f"{percent:.1f} %" if 0.05 <= percent < 2 and round(percent, 1) % 1 else f"{percent:.0f} %"
