"""The rows of a challenger that begins with the champion's encoder: which train, how often, and which validate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.arrays import Indices
from core.champion import ChampionPackage
from core.config import Config, FinetuneConfig
from core.datasets import Example, in_order, kept_dataset
from finetune.split import Split, labels_of, split

GIVEN_WEIGHT = 3
"""How many times a row counts that people labelled since the champion's training. Accuracy on later rows with 78 labels
at 1, 3 and 5 times, medians of three draws: crisislex_storm_to_bombing 87.3, 90.1, 90.7 %; with an earlier version of
this fit, clinc150_new_domains 76.5, 77.3, 78.8 %, banking77_new_intents 64.2, 72.6, 75.7 %. On old rows 5 times loses
most: the 220 of examples/tickets, four seeds in the mean, lose 0.1, 0.7 and 1.6 points.
"""

FEW_VALIDATION_ROWS = 20


@dataclass(frozen=True)
class Parts:
    """`labels`: those of the training rows, in the order of their indices; `counts`: (n,) of the n training rows."""

    labels: list[str]
    train: list[Example]
    counts: Indices
    validation: list[Example]

    @property
    def split(self) -> Split:
        return Split(self.train, self.validation)

    @property
    def is_given(self) -> Indices:
        """(m,) places of the training rows that were labelled since the champion's training."""
        return np.flatnonzero(self.counts > 1)


def parts_of(rows: Sequence[Example], champion: ChampionPackage, settings: FinetuneConfig, config: Config) -> Parts:
    """The champion's validation rows validate again, so that all given rows teach."""
    data = champion.facts.lineage.data
    trained, validated = (
        {row.key for row in kept_dataset(name, config.datasets)} for name in (data.train, data.validation)
    )
    train, validation = _split(rows, validated, champion, settings)
    counts = [1 if row.key in trained | validated else GIVEN_WEIGHT for row in train]
    return Parts(labels_of(train, champion.kind), train, np.array(counts), validation)


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
