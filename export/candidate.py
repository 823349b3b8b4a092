"""One rung as it would be served: a folder that `Engine` opens, and its answers on the validation rows."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.assigned import same
from core.datasets import Example, Text
from core.engine import Encoded, Engine, Outputs
from core.package import TOKENIZER, PackageFacts, size_mb, write_facts
from export.model import Source

TIMED_TEXTS = 128
INVARIANCE_TEXTS = 32


@dataclass(frozen=True)
class Candidate:
    """`outputs` are of the validation rows, then of the further texts; `correct` tells which of the former
    are right, of several labels all. `size_mb` is the folder's.
    """

    name: str
    folder: Path
    outputs: Outputs
    correct: NDArray[np.bool_]
    texts_per_s: float
    size_mb: float
    largest_move: float
    moved_labels: int

    @property
    def accuracy(self) -> float:
        return float(np.mean(self.correct))


def candidate_folder(source: Source, name: str, workspace: Path) -> Path:
    """A folder with all but the graph."""
    folder = workspace / name
    folder.mkdir()
    shutil.copyfile(source.folder / TOKENIZER, folder / TOKENIZER)
    write_facts(folder, provisional_facts(source, name))
    return folder


def provisional_facts(source: Source, rung: str) -> PackageFacts:
    training = source.training
    return PackageFacts(
        labels=training.labels,
        score_function="sigmoid" if training.kind == "multi-label" else "softmax",
        temperature=training.temperature,
        max_length=training.max_length,
        rung=rung,
        is_paired=training.is_paired,
        pad_id=source.pad_id,
        thresholds=training.thresholds,
        abstain_below=training.abstain_below,
    )


def measured(name: str, folder: Path, validation: Sequence[Example], further: Sequence[Text]) -> Candidate:
    """`further` texts, unlabelled, only say whether labels stay as they are."""
    engine = Engine(folder)
    encoded = engine.encode([*(example.input for example in validation), *further])
    outputs = engine.answer_encoded(encoded)
    move, labels = _moves(engine, encoded)
    return Candidate(
        name=name,
        folder=folder,
        outputs=outputs,
        correct=same(engine.truth(validation), outputs.predicted[: len(validation)]),
        texts_per_s=_texts_per_s(engine, encoded[:TIMED_TEXTS]),
        size_mb=size_mb(folder),
        largest_move=move,
        moved_labels=labels,
    )


def _texts_per_s(engine: Engine, encoded: Sequence[Encoded]) -> float:
    """The best of three runs: what else the machine does only ever slows one down."""
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        engine.answer_encoded(encoded)
        seconds.append(time.perf_counter() - started)
    return len(encoded) / min(seconds)


def _moves(engine: Engine, encoded: Sequence[Encoded]) -> tuple[float, int]:
    """How far a probability moves, and how many labels change, when a text shares its batch.

    Its neighbours are the shortest, the longest and the next shorter of the chosen.
    """
    by_length = sorted(encoded, key=lambda item: item.tokens)
    picked = np.linspace(0, len(by_length) - 1, min(INVARIANCE_TEXTS, len(by_length))).astype(int)
    chosen = [by_length[index] for index in picked]  # evenly over the lengths
    largest, labels = 0.0, 0
    for index, item in enumerate(chosen):
        alone = engine.infer([item])
        together = engine.infer([chosen[index - 1], item, by_length[0], by_length[-1]]).row(1)
        largest = max(largest, float(np.abs(alone.probabilities - together.probabilities).max()))
        labels += int(not same(alone.predicted, together.predicted)[0])
    return largest, labels
