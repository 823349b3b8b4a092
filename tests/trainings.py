"""Made-up training records and checkpoints, without training a model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from core.arrays import Numbers
from core.assigned import cells
from core.checkpoint import Training, write_training
from core.datasets import Example, in_order, keep_dataset
from core.labels import Kind
from core.lineage import TrainingData
from finetune.measuring.metrics import evaluate
from finetune.measuring.temperature import fit_temperature, probabilities_of
from finetune.measuring.truth import Truth
from finetune.measuring.validation_outputs import write_validation

LABELS = ["billing", "bug", "how_to"]


def made_up_answers(rows: int, *, kind: Kind, label_count: int) -> tuple[Numbers, Truth]:
    """Overconfident logits (n, k), and the truth."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (rows, label_count))
    scores = probabilities_of(logits, 1.0, kind)
    if kind == "multi-label":
        return 2 * logits, rng.random(logits.shape) < scores
    return 2 * logits, (rng.random(rows)[:, None] > scores.cumsum(axis=1)).sum(axis=1).clip(max=label_count - 1)


def made_up_training(*, rows: int, kind: Kind = "single-label", labels: list[str] = LABELS) -> Training:
    logits, truth = made_up_answers(rows, kind=kind, label_count=len(labels))
    temperature = fit_temperature(logits, truth)
    after, before = (
        evaluate(truth, probabilities_of(logits, divisor, kind), labels=labels, kind=kind).as_dict()
        for divisor in (temperature, 1.0)
    )
    return Training(
        labels=labels,
        method="full",
        reason="Fine-tuning won.",
        pooling="mean",
        max_length=128,
        temperature=temperature,
        seed=0,
        base_model={"name": "sentence-transformers/all-MiniLM-L6-v2", "revision": "1110a24", "fingerprint": "95459c0c"},
        data=TrainingData("a" * 64, "b" * 64, 1000, rows),
        settings={"budget": "10m", "base_model": "default", "epochs": 3},
        metrics={"validation": after, "before_temperature": before},
        history=[
            {"step": "head", "strength": 3.0, "validation_loss": 0.9, "accuracy": 0.7},
            *(
                {
                    "step": "fine-tuning",
                    "epoch": epoch,
                    "train_loss": 1 / epoch,
                    "validation_loss": 0.5 + 0.3 / epoch,
                    "accuracy": 0.8 + epoch / 100,
                    "kept": epoch == 3,
                }
                for epoch in (1, 2, 3)
            ),
        ],
        versions={"retune": "0.1.0"},
        seconds=12.5,
        kind=kind,
        learning_rate={
            "chosen": 2e-4,
            "reason": "The loss fell fastest there.",
            "curve": [{"rate": 1e-5, "loss": 1.0}, {"rate": 2e-4, "loss": 0.5}, {"rate": 1e-2, "loss": float("inf")}],
        },
        fit={"verdict": "healthy", "reason": "It levels off.", "gap": 0.01},
        provenance={"hardware": "A processor", "git_commit": None},
    )


def write_made_up_checkpoint(
    folder: Path, datasets: Path, *, kind: Kind = "single-label", labels: list[str] = LABELS, text: str = "text {}"
) -> Training:
    """Writes `training.json` and `validation.npz` without a model, and 200 validation rows to `datasets`."""
    training = made_up_training(rows=200, kind=kind, labels=labels)
    logits, truth = made_up_answers(200, kind=kind, label_count=len(labels))
    # Three digits, so that sorting keeps the order of the rows.
    rows = [Example(text.format(f"{number:03}"), label) for number, label in enumerate(cells(truth, labels))]
    assert in_order(rows) == rows
    training = replace(training, data=replace(training.data, validation=keep_dataset(rows, datasets)))
    folder.mkdir(parents=True)
    write_validation(folder, logits, truth)
    write_training(folder, training)
    return training
