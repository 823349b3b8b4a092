"""What the kinds of a change look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from core.arrays import Booleans, Indices
from core.features import Features
from core.texts.form import TextForm
from core.texts.summary import TextSummary, hashes_of
from monitoring.change.words import names_of


@dataclass(frozen=True)
class Compared:
    """Reference and window of a check; `labels`: names of the label indices; `ids` (n,): of the window's rows;
    `max_length`: tokens at which the model cuts a text; `places` (n,): indices of the rows in the whole window.

    `summary`: of the reference's texts, None in packages of earlier releases; `forms` (n,): of the window's texts, None
    if they are not kept. `open` (n,): rows that none of the kinds before has explained.
    """

    reference: Features
    window: Features
    labels: Sequence[str]
    ids: Sequence[str]
    max_length: int
    summary: TextSummary | None
    forms: Sequence[TextForm] | None
    open: Booleans
    places: Indices

    @cached_property
    def hashed(self) -> list[frozenset[int]]:
        """(n,) the hashes of the words of each text; empty without texts."""
        return [hashes_of(form) for form in self.forms or ()]

    @cached_property
    def names(self) -> dict[int, str]:
        """The words of the texts by their hashes."""
        return names_of(self.forms or ())
