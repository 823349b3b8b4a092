"""Texts of labels that a head knows and of some that it does not, as unit vectors around the centre of their label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.arrays import Floats, Indices
from core.features import Features
from core.left_out import LeftOut
from finetune.head import Head, fit_head
from finetune.left_out import leave_out

KNOWN, NEW, DIMENSIONS = 12, 4, 24


@dataclass(frozen=True)
class World:
    centres: Floats
    head: Head
    train: Floats
    truth: Indices

    def drawn(self, rows: int, *, new: float, seed: int) -> Features:
        """Rows of which the share `new` has a label that the head does not know."""
        random = np.random.default_rng(seed)
        labels = random.integers(0, KNOWN, rows)
        labels[: round(new * rows)] = random.integers(KNOWN, KNOWN + NEW, round(new * rows))
        embeddings = around(self.centres[labels], random)
        logits = self.head.logits(embeddings).astype(np.float64)
        chances = np.exp(logits - logits.max(axis=1, keepdims=True))
        return Features(
            embeddings=embeddings,
            predicted=logits.argmax(axis=1),
            confidence=(1 / chances.sum(axis=1)).astype(np.float32),
            length=np.full(rows, 9),
            truth=np.where(labels < KNOWN, labels, -1),
        )

    def left_out(self, reference: Features) -> LeftOut:
        found = leave_out(self.head, self.train, self.truth, reference)
        assert found is not None
        return found


def around(centres: Floats, random: np.random.Generator) -> Floats:
    rows = centres + random.normal(0, 0.16, centres.shape)
    units: Floats = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return units


def make_world() -> World:
    random = np.random.default_rng(5)
    centres = random.normal(size=(KNOWN + NEW, DIMENSIONS))
    centres = (centres / np.linalg.norm(centres, axis=1, keepdims=True)).astype(np.float32)
    truth = np.arange(40 * KNOWN) % KNOWN
    train = around(centres[truth], random)
    return World(centres, fit_head(train, truth, label_count=KNOWN, c=10.0), train, truth)
