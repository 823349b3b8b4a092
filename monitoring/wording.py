"""Findings in words that a person understands without statistics."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.assigned import Assigned, membership
from core.records import Evidence
from core.two_sample.distances import unlike_reference

Numbers = NDArray[np.float32] | NDArray[np.int64]


def verdict_sentence(evidence: Sequence[Evidence], *, p_value: float, alpha: float, rows: int) -> str:
    """What drifted, how sure that is, and what the check cannot see."""
    drifted = [item.feature for item in evidence if item.drifted]
    alarms = f"{share(alpha)} of such checks alarm where nothing changed"
    if drifted:
        return (
            f"The {rows} rows differ from the reference in {listed(drifted)} (p = {p_value:.2g}; {alarms}). "
            "Only labels show whether this costs accuracy."
        )
    return (
        f"The {rows} rows look like the reference in embeddings, predicted labels, confidence and text length "
        f"(p = {p_value:.2g}; {alarms}). A change of what is the right answer to the same text shows only with labels."
    )


def insufficient_sentence(reference_rows: int, window_rows: int, min_rows: int) -> str:
    if reference_rows < min_rows:
        return (
            f"The reference has {reference_rows} rows and a check needs {min_rows}: "
            f"export the model with at least {min_rows - reference_rows} more reference rows."
        )
    return f"Too few rows to judge: {window_rows} of {min_rows}, so {min_rows - window_rows} more are needed."


def embeddings_detail(reference: NDArray[np.float32], window: NDArray[np.float32]) -> str:
    strange = float(unlike_reference(window, reference).mean())
    return f"{share(strange)} of the rows look like nothing in the reference (1 % expected)"


def labels_detail(reference: Assigned, window: Assigned, labels: Sequence[str]) -> str:
    """The labels whose predicted share grew and shrank most; of rows with sets of labels, also "no label".

    >>> labels_detail(np.array([0, 0, 0, 1]), np.array([0, 1, 1, 1]), ["billing", "bug"])
    "'bug' grew from 25 % to 75 %; 'billing' shrank from 75 % to 25 %"
    """
    before, after = label_shares(reference, len(labels)), label_shares(window, len(labels))
    labels = [*labels, "no label"]
    order = np.argsort(before - after, kind="stable")
    grown = [index for index in order[:2] if after[index] > before[index]]
    shrunk = [index for index in order[::-1][:2] if after[index] < before[index]]
    moves = [_moved(labels, grown, before, after, "grew"), _moved(labels, shrunk, before, after, "shrank")]
    return "; ".join(move for move in moves if move) or "every label has the share it had"


def label_shares(assigned: Assigned, labels: int) -> NDArray[np.float64]:
    """(k + 1,) share of rows that have each of k labels, and of those that have none.

    >>> label_shares(np.array([0, 1, 1, 1]), 2).tolist()
    [0.25, 0.75, 0.0]
    """
    marked = membership(assigned, labels)
    return np.append(marked.mean(axis=0), np.mean(~marked.any(axis=1)))


def _moved(
    labels: Sequence[str], indices: Sequence[int], before: NDArray[np.float64], after: NDArray[np.float64], verb: str
) -> str:
    shifts = [f"{labels[index]!r} {verb} from {share(before[index])} to {share(after[index])}" for index in indices]
    return ", ".join(shifts)


def confidence_detail(reference: Numbers, window: Numbers) -> str:
    before, after = np.quantile(reference, [0.1, 0.5]), np.quantile(window, [0.1, 0.5])
    return (
        f"median confidence from {before[1]:.2f} to {after[1]:.2f}, "
        f"a tenth of the rows at {after[0]:.2f} or below (before: {before[0]:.2f})"
    )


def length_detail(reference: Numbers, window: Numbers) -> str:
    before, after = np.quantile(reference, [0.5, 0.9]), np.quantile(window, [0.5, 0.9])
    return (
        f"median length from {before[0]:.0f} to {after[0]:.0f} tokens, "
        f"a tenth of the rows at {after[1]:.0f} or more (before: {before[1]:.0f})"
    )


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
