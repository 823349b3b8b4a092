"""Random features similar to real ones: one cluster per label, and mostly right answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.features import Features

LABELS = ["billing", "bug", "how to", "praise"]
DIMENSIONS = 16


def draw(rows: int, *, seed: int, label_shares: tuple[float, ...] = (0.4, 0.3, 0.2, 0.1)) -> Features:
    random = np.random.default_rng(seed)
    centres = 2 * np.eye(len(LABELS), DIMENSIONS)
    truth = random.choice(len(LABELS), rows, p=label_shares)
    confidence = random.beta(8, 1, rows).astype(np.float32)
    wrong = random.random(rows) > confidence
    return Features(
        embeddings=(centres[truth] + random.normal(0, 0.5, (rows, DIMENSIONS))).astype(np.float32),
        predicted=np.where(wrong, (truth + 1) % len(LABELS), truth).astype(np.int64),
        confidence=confidence,
        length=random.poisson(12, rows).astype(np.int64),
        truth=truth.astype(np.int64),
    )


def with_other_embeddings(features: Features) -> Features:
    return replace(features, embeddings=features.embeddings + np.float32(0.4))


def with_a_group(features: Features) -> Features:
    """Every fifth row is in a place of its own."""
    embeddings = features.embeddings.copy()
    embeddings[::5] = 0.3 * embeddings[::5] - 3
    return replace(features, embeddings=embeddings)


def with_other_labels(features: Features) -> Features:
    third = np.arange(features.rows) % 3 == 0
    return replace(features, predicted=np.where(third, 3, features.predicted))


def with_less_confidence(features: Features) -> Features:
    return replace(features, confidence=features.confidence * np.float32(0.7))


def with_longer_texts(features: Features) -> Features:
    return replace(features, length=features.length + 5)
