"""Champions on frozen features for the recipes of `make_split.py`, and the sides of checks on their rows."""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType

import numpy as np

import finetune.head as heads
from core.arrays import Booleans, Floats, Indices, Numbers
from core.features import Features
from core.left_out import LeftOut
from finetune.encoders.base_models import find_base_model
from finetune.encoders.frozen import FrozenEncoder, load_frozen
from finetune.head import Head, fit_head
from finetune.left_out import leave_out
from finetune.measuring.temperature import fit_temperature
from monitoring.sample import rows_at

heads.TOLERANCE = 3e-5
"""Thirty times the product's, for the time it saves."""

ROOT = Path(__file__).parents[2]
STRENGTH, VALIDATION, MAX_LENGTH = 10.0, 10, 128
TRAIN_ROWS, MAX_ROWS = 4_000, 2_000
"""As in `lifecycle.left_out` and `monitoring.sample`."""


@dataclass(frozen=True)
class Champion:
    """A head with its temperature; `train`, `truth`: its training rows; `sides`: reference, fresh and other rows."""

    recipe: str
    head: Head
    train: Floats
    truth: Indices
    sides: dict[str, Features]

    def left_out(self, reference: Features) -> LeftOut | None:
        rows = np.sort(np.random.default_rng(0).permutation(len(self.truth))[:TRAIN_ROWS])
        return leave_out(self.head, self.train[rows], self.truth[rows], reference)

    @cached_property
    def halves(self) -> tuple[Features, LeftOut | None, Features]:
        """One half of the reference with what is learned on it, and the other half."""
        reference = self.sides["reference"]
        order = np.random.default_rng(1).permutation(reference.rows)
        kept, old = (rows_at(reference, rows) for rows in np.array_split(order, 2))
        return kept, self.left_out(kept), old


@dataclass(frozen=True)
class Window:
    """`right` (n,): whether the champion answers the rows of the window as their label says."""

    name: str
    reference: Features
    rows: Features
    left_out: LeftOut | None

    @property
    def right(self) -> Booleans:
        return self.rows.right


def arguments() -> argparse.ArgumentParser:
    """Where the data is, where embeddings are kept, and the seed of the splits."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "retune-benchmarks")
    parser.add_argument("--seed", type=int, default=7)
    return parser


def recipes(data: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_split", data / "make_split.py")
    if spec is None or spec.loader is None:
        raise SystemExit(f"{data} has no make_split.py.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def encoder(cache: Path) -> FrozenEncoder:
    base = find_base_model("default")
    return load_frozen(base, max_length=MAX_LENGTH, cache=cache)


def champion(recipe: str, seed: int, splits: ModuleType, frozen: FrozenEncoder) -> Champion:
    parts = dict(zip(("train", "reference", "fresh"), splits.build(recipe, seed), strict=True))
    return champion_of(recipe, parts, frozen)


def champion_of(recipe: str, parts: dict[str, list[dict[str, str]]], frozen: FrozenEncoder) -> Champion:
    """`parts`: rows by "train", which the head is fitted on, and the sides "reference", "fresh" and others."""
    labels = sorted({row["label"] for row in parts["train"]})
    vectors = {part: frozen.embeddings([row["text"] for row in rows]) for part, rows in parts.items()}
    truth = {
        part: np.array([labels.index(row["label"]) if row["label"] in labels else -1 for row in rows])
        for part, rows in parts.items()
    }
    order = np.random.default_rng(0).permutation(len(truth["train"]))
    held, kept = order[: len(order) // VALIDATION], order[len(order) // VALIDATION :]
    train, taught = vectors["train"][kept], truth["train"][kept]
    head = fit_head(train, taught, label_count=len(labels), c=STRENGTH)
    scale = np.float32(fit_temperature(head.logits(vectors["train"][held]), truth["train"][held]))
    head = Head(head.weight / scale, head.bias / scale)
    sides = {part: _features(head, vectors[part], truth[part]) for part in parts if part != "train"}
    return Champion(recipe, head, train, taught, sides)


def windows(made: Champion) -> Window:
    """All rows of the recipe, at most `MAX_ROWS` a side as in a check."""
    draw = np.random.default_rng(0)
    sides = (made.sides[name] for name in ("reference", "fresh"))
    reference, fresh = (rows_at(side, draw.permutation(side.rows)[:MAX_ROWS]) for side in sides)
    return Window(made.recipe, reference, fresh, made.left_out(reference))


def mixtures(champions: Sequence[Champion], count: int, *, seed: int) -> Iterator[Window]:
    """A random share of fresh rows among rows of the half of the reference that the check does not have."""
    draw = np.random.default_rng(seed)
    for number in range(count):
        made = champions[int(draw.integers(len(champions)))]
        fresh, share, rows = made.sides["fresh"], draw.uniform(), int(draw.choice([150, 300, 600]))
        new = min(fresh.rows, round(share * rows))
        kept, left_out, old = made.halves
        window = _joined(
            rows_at(old, draw.permutation(old.rows)[: rows - new]), rows_at(fresh, draw.permutation(fresh.rows)[:new])
        )
        yield Window(f"mixture {number + 1}: {made.recipe}, {share:.0%} fresh", kept, window, left_out)


def _features(head: Head, vectors: Numbers, truth: Indices) -> Features:
    logits = head.logits(vectors).astype(np.float64)
    best = logits.max(axis=1)
    confidence = 1 / np.exp(logits - best[:, None]).sum(axis=1)
    return Features(vectors, logits.argmax(axis=1), confidence.astype(np.float32), np.zeros(len(truth), int), truth)


def _joined(first: Features, second: Features) -> Features:
    names = ("embeddings", "predicted", "confidence", "length", "truth")
    return Features(*(np.concatenate([getattr(first, name), getattr(second, name)]) for name in names))
