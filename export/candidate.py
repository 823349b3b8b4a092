"""A built rung: a folder that `Engine` opens, and its predictions on held-out rows."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from core.assigned import Assigned, Truth, known, same
from core.datasets import Example
from core.engine import Encoded, Engine, Outputs
from core.package import GRAPH, TOKENIZER, PackageFacts, size_mb, write_facts
from core.progress import Step, go_on
from export.model import Source

INVARIANCE_TEXTS = 32
OTHER_TEXTS = 3


@dataclass(frozen=True)
class Candidate:
    """The predictions of a rung on n rows, and the truth, -1 if unknown; `size_mb` is the size of the folder.

    `max_probability_change` and `changed_labels`: the largest change of a probability, and the number of changed
    labels, if a text is in a batch with other texts. `is_dynamic`: the quantization scales depend on the batch.
    `note`: a remark on how the rung was built, or empty.
    """

    name: str
    folder: Path
    outputs: Outputs
    truth: Truth
    max_probability_change: float
    changed_labels: int
    size_mb: float
    is_dynamic: bool = False
    note: str = ""

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """(n,) whether the truth is known."""
        return known(self.truth)

    @property
    def truth_and_predicted(self) -> tuple[Truth, Assigned]:
        """Truth and predicted labels of the labelled rows."""
        return self.truth[self.labelled], self.outputs.predicted[self.labelled]

    @property
    def correct(self) -> NDArray[np.bool_]:
        """(m,) whether the prediction on each labelled row is correct; a set of labels must be exactly right."""
        return same(*self.truth_and_predicted)

    @property
    def label_count(self) -> int:
        return int(self.outputs.probabilities.shape[1])

    @property
    def accuracy(self) -> float:
        return float(np.mean(self.correct))

    def accuracy_of(self, first: int) -> float:
        """Accuracy on the first `first` rows."""
        return float(np.mean(same(self.truth[:first], self.outputs.predicted[:first])))


def candidate_folder(source: Source, name: str, workspace: Path) -> Path:
    """A new folder with all files of a rung except the graph."""
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


def run_candidate(
    name: str, folder: Path, rows: Sequence[Example], *, note: str = "", on_batch: Step = go_on
) -> Candidate:
    """Predict the rows with the rung in `folder`; unlabelled rows count only for the agreement with fp32."""
    engine = Engine(folder, on_batch=on_batch)
    encoded = engine.encode([row.input for row in rows])
    probability_change, changed_labels = _batch_effects(engine, encoded)
    return Candidate(
        name=name,
        folder=folder,
        outputs=engine.answer_encoded(encoded),
        truth=engine.truth(rows),
        max_probability_change=probability_change,
        changed_labels=changed_labels,
        size_mb=size_mb(folder),
        is_dynamic=_is_dynamic(folder / GRAPH),
        note=note,
    )


def _is_dynamic(graph: Path) -> bool:
    return any(node.op_type.startswith("DynamicQuantize") for node in onnx.load(graph).graph.node)


def _batch_effects(engine: Engine, encoded: Sequence[Encoded]) -> tuple[float, int]:
    """Compare a text alone with the same text in a batch with the longest or the shortest texts.

    Returns the largest difference of a probability, and the number of texts whose predicted labels differ.
    """
    by_length = sorted(encoded, key=lambda item: item.tokens)
    picked = np.linspace(0, len(by_length) - 1, min(INVARIANCE_TEXTS, len(by_length))).astype(int)
    largest, changed_labels = 0.0, 0
    for item in (by_length[index] for index in picked):  # evenly over the lengths
        alone = engine.infer([item])
        changed = False
        for others in (by_length[-OTHER_TEXTS:], by_length[:OTHER_TEXTS]):
            among = engine.infer([*others, item]).row(len(others))
            # Not Python's max, which would ignore a NaN.
            largest = float(np.maximum(largest, np.abs(alone.probabilities - among.probabilities).max()))
            changed = changed or not same(alone.predicted, among.predicted)[0]
        changed_labels += int(changed)
    return largest, changed_labels
