"""Findings in words that a person understands without statistics."""

from __future__ import annotations

from collections.abc import Sequence

from core.records import Evidence


def verdict_sentence(evidence: Sequence[Evidence], *, p_value: float, alpha: float, rows: int) -> str:
    """What drifted, how sure that is, and what the check cannot see."""
    drifted = [item.feature for item in evidence if item.drifted]
    alarms = f"{share(alpha)} of such checks alarm where nothing changed"
    if drifted:
        return (
            f"The {rows} rows differ from the reference in {listed(drifted)} (p = {p_value:.2g}; {alarms}). "
            "Only labels show whether this costs accuracy."
        )
    features = listed([item.feature for item in evidence])
    return (
        f"The {rows} rows look like the reference in {features} "
        f"(p = {p_value:.2g}; {alarms}). A change of what is the right answer to the same text shows only with labels."
    )


def insufficient_sentence(reference_rows: int, window_rows: int, min_rows: int) -> str:
    if reference_rows < min_rows:
        return (
            f"The reference has {reference_rows} rows and a check needs {min_rows}: "
            f"export the model with at least {min_rows - reference_rows} more reference rows."
        )
    return f"Too few rows to judge: {window_rows} of {min_rows}, so {min_rows - window_rows} more are needed."


def sample_note(reference_rows: tuple[int, int], window_rows: tuple[int, int]) -> str:
    """Names the sides of which not all rows were compared, each given as (compared, all)."""
    sides = {"reference": reference_rows, "recent": window_rows}
    notes = [f"{used} of {rows} {side} rows" for side, (used, rows) in sides.items() if used < rows]
    return f" Compared were {listed(notes)}, drawn at random." if notes else ""


def listed(names: Sequence[str]) -> str:
    """
    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def share(value: float) -> str:
    """A share in percent, with a decimal only where it says something.

    >>> share(0.173), share(0.0042), share(0.0)
    ('17 %', '0.4 %', '0 %')
    """
    percent = 100 * float(value)
    return f"{percent:.1f} %" if 0.05 <= percent < 2 and round(percent, 1) % 1 else f"{percent:.0f} %"
