"""Texts that look different, whatever they mean: length, language, script, markup, faults of encoding, truncation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.arrays import Booleans, Indices
from core.changes import Change, KindName
from core.texts.form import TextForm
from core.texts.summary import TextSummary, length_counts
from core.two_sample.distances import distance_to_nearest
from monitoring.change.compared import Compared
from monitoring.change.kind import Found
from monitoring.change.significance import LEVEL, corrected, cumulative_gap, grown
from monitoring.wording import listed, share

LEAST_GAP = 0.1
"""Lengths are said to differ from this gap on; a smaller one is a change of topics rather than of form."""
EXAMPLES = 3


@dataclass(frozen=True)
class Aspect:
    """`weight`: share of rows that it touches; `rows` (n,): these rows, none where it cannot be told which."""

    weight: float
    p_value: float
    detail: str
    rows: Booleans


class Form:
    name: KindName = "form"
    is_drift = False

    def find(self, compared: Compared) -> Found | None:
        aspects = list(_aspects(compared))
        significant = [item for item in aspects if item.p_value * len(aspects) <= LEVEL]
        if not significant:
            return None
        significant.sort(key=lambda item: -item.weight)
        rows = np.any([item.rows for item in significant], axis=0)
        change = Change(
            self.name,
            significant[0].weight,
            corrected([item.p_value for item in aspects]),
            f"The texts have another form: {listed([item.detail for item in significant])}.",
            examples=[compared.ids[row] for row in np.flatnonzero(rows)[:EXAMPLES]],
        )
        return Found(change, rows)


def _aspects(compared: Compared) -> Iterator[Aspect]:
    yield _cut(compared)
    if compared.summary is None or compared.forms is None:
        yield _lengths(
            np.bincount(compared.window.length), np.bincount(compared.reference.length), "tokens", compared.window.rows
        )
        return
    forms, summary = compared.forms, compared.summary
    yield _lengths(length_counts(forms), summary.lengths, "words", len(forms))
    yield _share(forms, lambda form: form.has_markup, int(summary.marked_up), summary.rows, "hold markup such as HTML")
    yield _share(forms, lambda form: form.is_faulty, int(summary.faulty), summary.rows, "have faults of encoding")
    yield _foreign(forms, summary, "script")
    yield _with_unclear(_foreign(forms, summary, "language"), compared)


def _cut(compared: Compared) -> Aspect:
    rows, before = (side.length >= compared.max_length for side in (compared.window, compared.reference))
    return _grown(rows, int(before.sum()), len(before), f"are cut at {compared.max_length} tokens")


def _lengths(window: Indices, reference: Indices, unit: str, rows: int) -> Aspect:
    gap, p_value = cumulative_gap(window, reference)
    after, before = _median(window), _median(reference)
    word = "longer" if gap < 0 else "shorter"
    detail = f"they are {word}, in the median {after} instead of {before} {unit}"
    return Aspect(abs(gap), p_value if abs(gap) >= LEAST_GAP else 1.0, detail, np.zeros(rows, dtype=np.bool_))


def _median(counts: Indices) -> int:
    return int(np.searchsorted(np.cumsum(counts), counts.sum() / 2))


def _share(forms: Sequence[TextForm], has: Callable[[TextForm], bool], before: int, rows: int, what: str) -> Aspect:
    return _grown(np.array([has(form) for form in forms], dtype=np.bool_), before, rows, what)


def _grown(rows: Booleans, before: int, reference_rows: int, what: str) -> Aspect:
    count = int(rows.sum())
    now, then = count / max(len(rows), 1), before / max(reference_rows, 1)
    detail = f"{share(now)} of them {what} (before: {share(then)})"
    return Aspect(now - then, grown(count, len(rows), before, reference_rows), detail, rows)


def _with_unclear(aspect: Aspect, compared: Compared) -> Aspect:
    """Short texts of the language that have too few of its common words are nearer to its others than to the reference.

    They do not count in the test, but are no new topic.
    """
    unclear = np.array([not form.language for form in compared.forms or ()], dtype=np.bool_) & ~aspect.rows
    if not aspect.rows.any() or not unclear.any():
        return aspect
    rows = compared.window.embeddings[unclear]
    is_nearer = distance_to_nearest(rows, compared.window.embeddings[aspect.rows]) < distance_to_nearest(
        rows, compared.reference.embeddings
    )
    also = aspect.rows.copy()
    also[np.flatnonzero(unclear)[is_nearer]] = True
    return replace(aspect, rows=also, weight=aspect.weight + float(also.mean() - aspect.rows.mean()))


def _foreign(forms: Sequence[TextForm], summary: TextSummary, part: str) -> Aspect:
    """The script or language that grew most significantly; unclear texts belong to none."""
    names, counts = (
        (summary.scripts, summary.script_rows) if part == "script" else (summary.languages, summary.language_rows)
    )
    before = dict(zip(names.tolist(), counts.tolist(), strict=True))
    found = np.array([getattr(form, part) for form in forms], dtype=np.str_)
    usual = max((name for name in before if name), key=lambda name: before[name], default="")
    others = sorted(set(found.tolist()) - {"", usual})
    aspects = [_grown(found == name, before.get(name, 0), summary.rows, f"are in {name}") for name in others]
    if not aspects:
        return _grown(np.zeros(len(forms), dtype=np.bool_), 0, summary.rows, f"are in another {part}")
    first = min(aspects, key=lambda item: (item.p_value, -item.weight))
    return Aspect(first.weight, corrected([item.p_value for item in aspects]), first.detail, first.rows)
