"""Reference and window with texts, and changes that are planted in the window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from core.features import Features
from core.texts.summary import summary_of
from monitoring.change.compared import Compared
from monitoring.change.find import compared_of
from tests.monitoring import rows

REFERENCE_ROWS, WINDOW_ROWS = 300, 200
AWAY = np.eye(1, rows.DIMENSIONS, len(rows.LABELS))[0]
TOPICS = {0: "invoice payment refund", 1: "crash error screen", 2: "where find setting", 3: "great thanks love"}
FILLER = "the my a is it and for on with this please today now can you we have been".split()  # noqa: SIM905


def texts_of(features: Features, *, seed: int) -> list[str]:
    """A text for each row, with words of its label."""
    random = np.random.default_rng(seed)
    return [
        " ".join(random.permutation([*random.choice(TOPICS[label].split(), 2), *random.choice(FILLER, 6)]).tolist())
        for label in features.truth.tolist()
    ]


def compared(
    window: Features | None = None,
    texts: Sequence[str] | None = None,
    *,
    keeps_texts: bool = True,
    has_summary: bool = True,
    is_multi_label: bool = False,
) -> Compared:
    """The window, by default one without a change, beside the reference."""
    before, after = rows.draw(REFERENCE_ROWS, seed=1), window or unchanged()
    reference_texts = texts_of(before, seed=1)
    texts = texts or texts_of(after, seed=2)
    if is_multi_label:
        before, after = _as_sets(before), _as_sets(after)
    return compared_of(
        before,
        after,
        labels=rows.LABELS,
        ids=[f"id {row}" for row in range(after.rows)],
        texts=texts if keeps_texts else None,
        summary=summary_of(reference_texts, before.predicted, len(rows.LABELS)) if has_summary else None,
        max_length=64,
    )


def unchanged() -> Features:
    return rows.draw(WINDOW_ROWS, seed=2)


def with_a_topic(features: Features, count: int = 40) -> tuple[Features, list[str]]:
    """The first rows are of a topic that no label is for."""
    embeddings = features.embeddings.copy()
    embeddings[:count] = rows.draw(count, seed=3).embeddings * 0.3 + 3 * AWAY
    random = np.random.default_rng(3)
    texts = texts_of(features, seed=2)
    texts[:count] = [f"robot vacuum {' '.join(random.choice(FILLER, 6))}" for _ in range(count)]
    return replace(features, embeddings=embeddings.astype(np.float32)), texts


def with_a_moved_label(features: Features) -> tuple[Features, list[str]]:
    """Nearly all rows of the first label are of a topic that the reference lacks; the shares of the labels stay."""
    moved = np.flatnonzero(features.predicted == 0)[: int(0.9 * np.sum(features.predicted == 0))]
    embeddings, texts = features.embeddings.copy(), texts_of(features, seed=2)
    embeddings[moved] = rows.draw(len(moved), seed=3).embeddings * 0.3 + 3 * AWAY
    random = np.random.default_rng(3)
    for row in moved.tolist():
        texts[row] = f"robot vacuum {' '.join(random.choice(FILLER, 6))}"
    return replace(features, embeddings=embeddings.astype(np.float32)), texts


def with_new_words(features: Features) -> list[str]:
    """A letter is missing in a third of the words."""
    random = np.random.default_rng(4)
    return [
        " ".join(f"{word[:-1]}q{random.integers(9) * 'x'}" if random.random() < 0.3 else word for word in text.split())
        for text in texts_of(features, seed=2)
    ]


def with_shares() -> Features:
    return rows.draw(WINDOW_ROWS, seed=2, label_shares=(0.1, 0.3, 0.2, 0.4))


def with_copies(features: Features, most: int = 100) -> Features:
    copies = np.ones(features.rows, dtype=np.int64)
    copies[7] = most
    return replace(features, copies=copies)


def _as_sets(features: Features) -> Features:
    sets = np.arange(len(rows.LABELS)) == features.predicted[:, None]
    return replace(features, predicted=sets, truth=sets.astype(np.int8))
