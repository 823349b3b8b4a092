"""The reference of a package, from the rows that its model was not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.datasets import Example
from core.engine import Answering
from core.features import Features
from core.package import write_reference
from core.texts.copies import fold_texts
from core.texts.summary import TextSummary, summary_of, write_text_summary


def reference_of(engine: Answering, examples: Sequence[Example]) -> tuple[Features, TextSummary]:
    """Features and text summary of the different texts of at least one example, as in the windows of checks: each with
    its last label and its number of copies.
    """
    folded = fold_texts([row.key for row in examples], [1] * len(examples))
    rows = [examples[index] for index in folded.kept]
    features = engine.features(rows, copies=folded.copies)
    return features, summary_of([row.input for row in rows], features.predicted, len(engine.labels))


def write_reference_of(folder: Path, engine: Answering, examples: Sequence[Example]) -> Features:
    features, texts = reference_of(engine, examples)
    write_reference(folder, features)
    write_text_summary(folder, texts)
    return features
