"""What rows of unknown labels look like to a package, learned while its training rows are at hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from core.datasets import Example, kept_dataset
from core.engine import Answering, Engine
from core.errors import DatasetNotKept, NoLinearHead
from core.features import Features, truth_of
from core.left_out import LeftOut
from core.package import GRAPH
from export.head import GraphHead, read_head
from finetune.head import Head
from finetune.left_out import leave_out

TRAIN_ROWS = 4_000
"""Rows that the heads without some labels are fitted on: two seconds, and estimates as good as with 15,000."""


def learner_from(name: str, datasets: Path) -> Callable[[Engine, Features], LeftOut | None]:
    """As `learner`, from the training rows stored under a fingerprint; without them it finds nothing."""
    try:
        return learner(kept_dataset(name, datasets))
    except DatasetNotKept:
        return learner([])


def learner(train: Sequence[Example]) -> Callable[[Engine, Features], LeftOut | None]:
    """For `export.run.export`; it finds nothing if the graph has no head in float32."""

    def learn(engine: Engine, reference: Features) -> LeftOut | None:
        try:
            head = read_head(engine.folder / GRAPH)
        except NoLinearHead:
            return None
        return learn_left_out(engine, head, train, reference)

    return learn


def learn_left_out(
    answers: Answering, head: GraphHead | Head, train: Sequence[Example], reference: Features
) -> LeftOut | None:
    """From a sample of the training rows and the reference; None for several labels a text, or fewer than 3 labels."""
    facts = answers.facts
    if facts.kind != "single-label" or len(facts.labels) < 3:
        return None
    chosen = np.sort(np.random.default_rng(0).permutation(len(train))[:TRAIN_ROWS])
    truth = truth_of([train[row] for row in chosen], facts.labels)
    chosen, truth = chosen[truth >= 0], truth[truth >= 0]
    if not len(chosen):
        return None
    scaled = Head(head.weight / np.float32(facts.temperature), head.bias / np.float32(facts.temperature))
    return leave_out(scaled, answers.answer([train[row].input for row in chosen]).embeddings, truth, reference)
