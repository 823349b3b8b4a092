"""The rows of a challenger by what they are for: which teach, how often, which validate, and which select.

Rows that select say which challenger goes to the gate. No challenger learns from them before that, and the gate does
not use them.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from core.arrays import Booleans
from core.champion import ChampionPackage
from core.config import Config, FinetuneConfig
from core.datasets import Example, in_order, kept_dataset
from core.errors import DatasetNotKept
from core.labels import Kind, names_of
from finetune.split import Split, labels_of, split
from lifecycle.challengers.champion_encoder import encoder_data
from lifecycle.challengers.head_fitting import truth_in
from lifecycle.challengers.row_counts import RowCounts, row_counts

FEW_VALIDATION_ROWS = 20

SELECTING_SHARE, FEW_SELECTING_ROWS = 0.2, 5
"""Share of the given rows that select; fewer rows than `FEW_SELECTING_ROWS` would select by chance, so none do."""


@dataclass(frozen=True)
class Parts:
    """`labels`: those of the training rows, in the order of their indices; `is_given`: (n,) which of the n training
    rows people labelled since the training of the encoder; `selects`: (n,) which of them select and so are learned
    from at the end only; `validates_again`: whether the validation rows are the champion's, which was not trained on
    them; else it learned most of them.
    """

    labels: list[str]
    kind: Kind
    train: list[Example]
    is_given: Booleans
    selects: Booleans
    validation: list[Example]
    validates_again: bool = False

    @cached_property
    def counts(self) -> RowCounts:
        truth = truth_in(self.train, self.labels, self.kind)
        return row_counts(truth if truth.ndim == 2 else np.eye(len(self.labels), dtype=np.bool_)[truth], self.is_given)

    @cached_property
    def is_new(self) -> Booleans:
        """(k,) the labels that only given rows have."""
        others = [row for row, is_given in zip(self.train, self.is_given, strict=True) if not is_given]
        known = set(labels_of(others, self.kind))
        return np.array([label not in known for label in self.labels], dtype=np.bool_)

    @property
    def split(self) -> Split:
        return Split(self.train, self.validation)

    @property
    def teaching(self) -> list[Example]:
        return [row for row, selects in zip(self.train, self.selects, strict=True) if not selects]

    @property
    def selecting(self) -> list[Example]:
        return [row for row, selects in zip(self.train, self.selects, strict=True) if selects]

    @property
    def unseen(self) -> list[Example]:
        """The rows that select, then the validation rows."""
        return [*self.selecting, *self.validation]


def parts_of(rows: Sequence[Example], champion: ChampionPackage, settings: FinetuneConfig, config: Config) -> Parts:
    """The champion's validation rows validate again, so that all given rows teach in the end."""
    data = champion.facts.lineage.data
    trained, validated = _keys(data.train, config), _keys(data.validation, config)
    train, validation = _split(rows, validated, champion, settings)
    selects = _selecting(train, _are_new(train, trained | validated), champion.kind)
    is_given = _are_new(train, _of_encoder(champion, config))
    again = validated.issuperset(row.key for row in validation)
    return Parts(labels_of(train, champion.kind), champion.kind, train, is_given, selects, validation, again)


def _of_encoder(champion: ChampionPackage, config: Config) -> set[str]:
    """Keys of the rows that the champion's encoder was trained on; of the champion's, if those are not kept."""
    data, first = champion.facts.lineage.data, encoder_data(champion, config)
    try:
        return _keys(first.train, config) | _keys(first.validation, config)
    except DatasetNotKept:
        return _keys(data.train, config) | _keys(data.validation, config)


def _keys(dataset: str, config: Config) -> set[str]:
    return {row.key for row in kept_dataset(dataset, config.datasets)}


def _are_new(rows: Sequence[Example], known: set[str]) -> Booleans:
    return np.array([row.key not in known for row in rows], dtype=np.bool_)


def _selecting(train: Sequence[Example], is_given: Booleans, kind: Kind) -> Booleans:
    """A part of the given rows by the hash of the text; each label keeps two rows that teach."""
    left = Counter(name for row in train for name in names_of(row.label or "", kind))
    wanted = int(SELECTING_SHARE * is_given.sum())
    found: list[int] = []
    given = np.flatnonzero(is_given).tolist()
    for place in sorted(given, key=lambda place: hashlib.sha256(train[place].key.encode()).digest()):
        names = names_of(train[place].label or "", kind)
        if len(found) < wanted and all(left[name] > 2 for name in names):
            found.append(place)
            left.subtract(names)
    selects = np.zeros(len(train), dtype=np.bool_)
    if len(found) >= FEW_SELECTING_ROWS:
        selects[found] = True
    return selects


def _split(
    rows: Sequence[Example], validated: set[str], champion: ChampionPackage, settings: FinetuneConfig
) -> tuple[list[Example], list[Example]]:
    validation = in_order(row for row in rows if row.key in validated)
    train = in_order(row for row in rows if row.key not in validated)
    unknown = set(labels_of(validation, champion.kind)) - set(labels_of(train, champion.kind))
    if len(validation) >= FEW_VALIDATION_ROWS and not unknown:
        return train, validation
    share, max_rows = settings.validation_share, settings.validation_rows
    parts = split(rows, champion.kind, share=share, max_rows=max_rows, seed=settings.seed)
    return parts.train, parts.validation
