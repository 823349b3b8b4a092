"""Rows a second of `full`'s training steps against a plain PyTorch loop, on the same rows, side by side.

The plain loop is the usual kind: float32, random batches, every row padded to 128 tokens, AdamW over all
weights. Both take steps from the same encoder and head, in turns, for a fixed number of batches.
"""

from __future__ import annotations

import copy
import csv
import json
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))

from core.config import FinetuneConfig  # noqa: E402  # the repository is put on the path above
from core.datasets import Example  # noqa: E402
from finetune.encoders.base_models import find_base_model  # noqa: E402
from finetune.encoders.frozen import load_frozen  # noqa: E402
from finetune.methods.features import fit_features  # noqa: E402
from finetune.methods.full import Full  # noqa: E402
from finetune.preparation import prepare  # noqa: E402
from finetune.run_state.plans import Plans  # noqa: E402
from finetune.run_state.run_folder import RunFolder  # noqa: E402
from finetune.split import split  # noqa: E402
from finetune.task import Task  # noqa: E402
from finetune.training.classifier import Classifier, trainable_copy  # noqa: E402
from finetune.training.planning import plan  # noqa: E402
from finetune.training.trainer import train  # noqa: E402

ROWS, ROUNDS, PLAIN_BATCH, PLAIN_LENGTH = 1500, 3, 32, 128


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        task = made_task(Path(name))
        start = fit_features(task)
        recipe = plan(task, start, Full()).recipe
        ours, plain = [], []
        for number in range(ROUNDS):
            ours.append(our_rows_per_s(task, start, recipe, number))
            plain.append(plain_rows_per_s(task, start))
    ratio = statistics.median(ours) / statistics.median(plain)
    facts = {"full": ours, "plain": plain, "ratio": ratio, "precision": recipe.precision, "batch": recipe.batch_rows}
    sys.stdout.write(json.dumps(facts) + "\n")


def made_task(folder: Path) -> Task:
    with (HERE.parents[2] / "shared/data/banking77/train.csv").open(newline="", encoding="utf-8") as file:
        rows = [Example(row["text"], row["label"]) for row in csv.DictReader(file)]
    random.Random(0).shuffle(rows)
    settings = FinetuneConfig(epochs=1, lr=1e-4, batch_rows=64)
    return prepare(
        split(rows[:ROWS], "single-label", share=0.1, max_rows=150, seed=0),
        "single-label",
        load_frozen(find_base_model("default"), max_length=128, cache=folder / "cache"),
        settings=settings,
        ends_at=time.monotonic() + 3600,
        run_folder=RunFolder(folder / "out", "id", begun_at=time.monotonic(), is_resumed=False),
        plans=Plans(folder / "plans", {}),
        on_progress=lambda stage, share: None,
    )


def our_rows_per_s(task: Task, start: Any, recipe: Any, number: int) -> float:
    """One epoch through the trainer, its judging on the validation rows included."""
    model = trainable_copy(task.encoder, start.head, start.scored.temperature, dropout=recipe.dropout)
    started = time.monotonic()
    train(model, task, recipe, name=f"speed-{number}", start=start.scored)
    return len(task.train.inputs) / (time.monotonic() - started)


def plain_rows_per_s(task: Task, start: Any) -> float:
    model = Classifier(copy.deepcopy(task.encoder), start.head).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)
    texts = list(zip(task.train.inputs, task.train.truth, strict=True))[:480]
    random.Random(1).shuffle(texts)
    started = time.monotonic()
    for first in range(0, len(texts), PLAIN_BATCH):
        batch = texts[first : first + PLAIN_BATCH]
        inputs = task.tokenizer.tokenizer(
            [text for text, _ in batch],
            padding="max_length",
            max_length=PLAIN_LENGTH,
            truncation=True,
            return_tensors="pt",
        )
        loss = nn.functional.cross_entropy(model(**inputs), torch.tensor([int(truth) for _, truth in batch]))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return len(texts) / (time.monotonic() - started)


if __name__ == "__main__":
    main()
