"""Splits into training and validation rows: stratified by label, seeded, equal texts in the same part."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.config import Rare
from core.datasets import Example, in_order
from core.errors import InvalidInput, TooFewLabels, TooFewRowsOfLabel, UnknownLabels
from core.labels import Kind, names_in

SOURCE = "The training data"


@dataclass(frozen=True)
class Split:
    """Training and validation rows, in the order of `core.datasets.in_order`."""

    train: list[Example]
    validation: list[Example]

    @staticmethod
    def of(train: Iterable[Example], validation: Iterable[Example]) -> Split:
        return Split(in_order(train), in_order(validation))


def labels_of(examples: Sequence[Example], kind: Kind) -> list[str]:
    """The labels in alphabetical order, which defines their indices."""
    return sorted({name for example in examples for name in _names(example, kind)})


def trainable(examples: Sequence[Example], kind: Kind, *, rare: Rare = "keep") -> list[Example]:
    """The rows to train on and to validate on.

    A label with one distinct text can be trained, but not validated: `rare` keeps its row, drops it, or refuses the
    data. Raises `TooFewRowsOfLabel`, or `TooFewLabels`. If a text may have several labels, one label is enough if some
    texts do not have it.
    """
    rows, found = without_rare_labels(examples, kind)
    if rare == "refuse" and found:
        raise TooFewRowsOfLabel(found[0], 1, 2, SOURCE)
    rows = list(examples) if rare == "keep" else rows
    labels = labels_of(rows, kind)
    some_have_none = kind == "multi-label" and any(not _names(row, kind) for row in rows)
    if len(labels) < (1 if some_have_none else 2):
        raise TooFewLabels(labels, SOURCE)
    return rows


def rare_labels(examples: Sequence[Example], kind: Kind) -> list[str]:
    """Labels with one distinct text, in alphabetical order."""
    names_of = {example.key: _names(example, kind) for example in examples}
    texts = Counter(name for names in names_of.values() for name in names)
    return sorted(name for name, count in texts.items() if count < 2)


def without_rare_labels(examples: Sequence[Example], kind: Kind) -> tuple[list[Example], list[str]]:
    """The rows without those of labels with one distinct text, and these labels."""
    rows, dropped = list(examples), []
    # Dropping a multi-label row may make its other labels rare, so this repeats.
    while rare := rare_labels(rows, kind):
        dropped += rare
        rows = [row for row in rows if set(rare).isdisjoint(_names(row, kind))]
    return rows, dropped


def split(examples: Sequence[Example], kind: Kind, *, share: float, max_rows: int, seed: int) -> Split:
    """Use about `share` of each label's texts for validation, about `max_rows` in total.

    Each label with several texts has at least one for training and one for validation; a single text is trained on.
    """
    share = min(share, max_rows / max(1, len(examples)))
    validation_keys: set[str] = set()
    for label, keys in sorted(_keys_by_label(examples, kind).items()):
        # A separate seed per label: rows added to one label do not change the split of the others.
        shuffled = random.Random(f"{seed} {label}").sample(keys, len(keys))
        validation_keys.update(shuffled[: min(max(1, int(len(keys) * share + 1e-9)), len(keys) - 1)])
    if not validation_keys:
        raise TooFewRowsOfLabel(labels_of(examples, kind)[0], 1, 2, SOURCE)
    return Split.of(
        (example for example in examples if example.key not in validation_keys),
        (example for example in examples if example.key in validation_keys),
    )


def folds_of(examples: Sequence[Example], kind: Kind, *, folds: int, seed: int) -> list[Split]:
    """Splits for cross-validation; the texts of each label are distributed evenly over the folds.

    A label's only text is trained on in every fold.
    """
    fold_of: dict[str, int] = {}
    position = 0
    rare = set(rare_labels(examples, kind))
    for label, keys in sorted(_keys_by_label(examples, kind).items()):
        for key in random.Random(f"{seed} fold {label}").sample(keys, len(keys)):
            fold_of[key] = -1 if label in rare else position % folds
            position += 1
    return [
        Split.of(
            (example for example in examples if fold_of[example.key] != fold),
            (example for example in examples if fold_of[example.key] == fold),
        )
        for fold in range(folds)
    ]


def given_split(train: Sequence[Example], validation: Sequence[Example], kind: Kind) -> Split:
    """The split as given, without validation rows whose text is a training text."""
    known = labels_of(train, kind)
    if unknown := sorted(set(labels_of(validation, kind)) - set(known)):
        raise UnknownLabels(unknown, known, "The validation data")
    train_keys = {example.key for example in train}
    unseen = [example for example in validation if example.key not in train_keys]
    if not unseen:
        raise InvalidInput(
            "Every validation row is also a training row. Give rows that are not trained on, or no validation file."
        )
    return Split.of(train, unseen)


def _names(example: Example, kind: Kind) -> tuple[str, ...]:
    if example.label is None:
        return ()
    return names_in(example.label) if kind == "multi-label" else (example.label,)


def _keys_by_label(examples: Sequence[Example], kind: Kind) -> dict[str, list[str]]:
    """Distinct texts by their first label; in a multi-label file, by their rarest label."""
    names_of: dict[str, tuple[str, ...]] = {}
    for example in examples:
        names_of.setdefault(example.key, _names(example, kind))
    rows = Counter(name for names in names_of.values() for name in names)
    keys: dict[str, list[str]] = {}
    for key, names in names_of.items():
        keys.setdefault(min(names, key=lambda name: (rows[name], name), default=""), []).append(key)
    # Sorted, so that sampling does not depend on the order of the file.
    return {label: sorted(texts) for label, texts in keys.items()}
