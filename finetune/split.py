"""Which rows train and which validate: by label, by a seed, never one text on both sides."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from core.datasets import Example, normalised
from core.errors import InvalidInput, TooFewLabels, TooFewRowsOfLabel, UnknownLabels

SOURCE = "The training data"


@dataclass(frozen=True)
class Split:
    train: list[Example]
    validation: list[Example]


def labels_of(examples: Sequence[Example]) -> list[str]:
    """The labels in alphabetical order; a label's index here is its index everywhere."""
    return sorted({str(example.label) for example in examples if example.label is not None})


def require_trainable(examples: Sequence[Example]) -> None:
    """Raises `TooFewLabels`, or `TooFewRowsOfLabel` for a label with fewer than two distinct texts."""
    labels = labels_of(examples)
    if len(labels) < 2:
        raise TooFewLabels(labels, SOURCE)
    texts = _texts_by_label(examples)
    for label in labels:
        if len(texts.get(label, [])) < 2:
            raise TooFewRowsOfLabel(label, len(texts.get(label, [])), 2, SOURCE)


def split(examples: Sequence[Example], *, validation_share: float, seed: int) -> Split:
    """About `validation_share` of each label's texts validate, one at least, one at least trains."""
    chosen: set[str] = set()
    for label, texts in sorted(_texts_by_label(examples).items()):
        # Each label draws by itself: rows added to one label do not move the others' rows.
        shuffled = random.Random(f"{seed} {label}").sample(texts, len(texts))
        chosen.update(shuffled[: min(max(1, round(len(texts) * validation_share)), len(texts) - 1)])
    return Split(
        train=[example for example in examples if normalised(example.text) not in chosen],
        validation=[example for example in examples if normalised(example.text) in chosen],
    )


def given_split(train: Sequence[Example], validation: Sequence[Example]) -> Split:
    """The two sets as given, less the validation rows whose text is trained on."""
    known = labels_of(train)
    if unknown := sorted(set(labels_of(validation)) - set(known)):
        raise UnknownLabels(unknown, known, "The validation data")
    trained = {normalised(example.text) for example in train}
    rest = [example for example in validation if normalised(example.text) not in trained]
    if not rest:
        raise InvalidInput(
            "Every validation row is also a training row. Give rows that are not trained on, or no validation file."
        )
    return Split(list(train), rest)


def _texts_by_label(examples: Sequence[Example]) -> dict[str, list[str]]:
    """Distinct normalised texts under the label that each had first."""
    label_of: dict[str, str] = {}
    for example in examples:
        label_of.setdefault(normalised(example.text), str(example.label))
    texts: dict[str, list[str]] = {}
    for text, label in label_of.items():
        texts.setdefault(label, []).append(text)
    return texts
