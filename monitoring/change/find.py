"""Finds what changed between a reference and a window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from core.datasets import Text
from core.features import Features
from core.texts.form import form_of
from core.texts.summary import TextSummary
from monitoring.change.catalogue import KINDS
from monitoring.change.compared import Compared
from monitoring.change.kind import Found
from monitoring.sample import rows_at, sample_rows

MAX_ROWS = 2000
"""Rows of each side, as in a check."""


def find_changes(compared: Compared, *, drifted: bool) -> list[Found]:
    """The kinds of change that are significant, the weightiest first; without `drifted` only those that are no drift.

    Each kind looks at the rows that those before it in the catalogue do not explain.
    """
    found: list[Found] = []
    for kind in KINDS if len(compared.open) and compared.reference.rows else ():
        if (drifted or not kind.is_drift) and (one := kind.find(compared)):
            found.append(one)
            compared = replace(compared, open=compared.open & ~one.rows)
    return sorted(found, key=lambda one: -one.change.weight)


def compared_of(
    reference: Features,
    window: Features,
    *,
    labels: Sequence[str],
    ids: Sequence[str],
    texts: Sequence[Text] | None,
    summary: TextSummary | None,
    max_length: int,
    seed: int = 0,
) -> Compared:
    """At most `MAX_ROWS` rows of each side; `ids`, `texts` (n,) of the window's rows, the rest as in `Compared`."""
    random = np.random.default_rng(seed)
    kept = np.arange(window.rows)
    if window.rows > MAX_ROWS:
        kept = np.sort(random.choice(window.rows, MAX_ROWS, replace=False))
    return Compared(
        reference=sample_rows(reference, limit=MAX_ROWS, random=random),
        window=rows_at(window, kept),
        labels=labels,
        ids=[ids[row] for row in kept.tolist()],
        max_length=max_length,
        summary=summary,
        forms=None if texts is None else [form_of(texts[row]) for row in kept.tolist()],
        open=np.ones(len(kept), dtype=np.bool_),
        places=kept.astype(np.int64),
    )
