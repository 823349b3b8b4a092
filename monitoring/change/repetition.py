"""One text, or near-copies of it, again and again: a bot or a retry loop. Each text counts once in the other kinds."""

from __future__ import annotations

import numpy as np

from core.arrays import Indices
from core.changes import Change, KindName
from core.share import wilson_interval
from monitoring.change.compared import Compared
from monitoring.change.kind import Found
from monitoring.change.significance import LEVEL, grown
from monitoring.wording import share

LEAST = 0.02
"""Share of the rows from which on a repeated text is said."""


class Repetition:
    name: KindName = "repetition"
    is_drift = False

    def find(self, compared: Compared) -> Found | None:
        copies = compared.window.copies
        if copies is None or not len(copies):
            return None
        most, rows = int(copies.max()), int(copies.sum())
        before, before_rows = _most(compared.reference.copies, compared.reference.rows)
        # The most frequent text of a sample is a maximum, so the reference's is taken at its upper bound.
        bound = round(wilson_interval(before, before_rows)[1] * before_rows)
        p_value = grown(most, rows, bound, before_rows)
        if p_value > LEVEL or most < LEAST * rows:
            return None
        place = int(copies.argmax())
        sentence = (
            f"One text is {share(most / rows)} of the {rows} rows (in the reference at most "
            f"{share(before / before_rows)}). It counts once: repetition alone is no drift."
        )
        change = Change(self.name, most / rows, p_value, sentence, examples=[compared.ids[place]])
        return Found(change, np.zeros(compared.window.rows, dtype=np.bool_))


def _most(copies: Indices | None, rows: int) -> tuple[int, int]:
    return (1, rows) if copies is None else (int(copies.max()), int(copies.sum()))
