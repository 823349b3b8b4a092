"""The rows that a challenger is trained on, and the rows that the gate compares on. The two sets share no text."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from core.config import Config
from core.datasets import Example, is_held_out, kept_dataset
from core.errors import NoNewLabels, NoTexts
from core.home import Home
from core.labels import Kind, names_of
from core.package import PackageFacts
from finetune.split import without_rare_labels
from lifecycle.challengers.parts import FEW_VALIDATION_ROWS
from lifecycle.challengers.settings import retrain_settings
from lifecycle.evidence import different
from lifecycle.labels.pools import pools_of
from lifecycle.situation import Situation


@dataclass(frozen=True)
class TrainingSet:
    """`train`: rows of the champion's training and newly labelled rows; `fresh` and `old`: rows for the gate.

    `set_aside`: number of rows of each label with too few rows to train on, unless `finetune.rare` is "keep".
    """

    train: list[Example]
    fresh: list[Example]
    old: list[Example]
    new_labels: list[str]
    set_aside: dict[str, int]


def build_training_set(home: Home, situation: Situation) -> TrainingSet:
    """The rows of the champion's training, added rows, and all predictions with a label from a person.

    `fresh` are held-out rows that the champion predicted after its last check without drift. Rows of a label with a
    single text are set aside unless `finetune.rare` is "keep". Raises `NoNewLabels`, `NoTexts` if no labelled text is
    stored, or `DatasetNotKept` if the rows of the champion's training are missing.
    """
    facts, config = situation.champion.facts, home.config
    given = home.ledger.labelled(situation.model, kind=facts.kind, counting=config.labels.counting)
    labelled = [row for row in given if row.has_text]
    if given and not labelled:
        raise NoTexts(situation.model, len(given))
    measure, trainable = pools_of(labelled)
    added = situation.taxonomy.examples(home.ledger.added.rows(situation.model))
    if not (trainable or added):
        raise NoNewLabels(situation.model)
    today = situation.taxonomy.examples
    original = today(kept_dataset(facts.lineage.data.train, config.datasets))
    validation = today(kept_dataset(facts.lineage.data.validation, config.datasets))
    is_fresh = [row.version == situation.version and row.number > situation.fresh_after for row in measure]
    fresh = [row.example for row, fresh in zip(measure, is_fresh, strict=True) if fresh]
    apart = {row.key for row in validation}
    old = [row for row in today(_old_rows(facts, config)) if row.key not in apart] + [
        row.example for row, fresh in zip(measure, is_fresh, strict=True) if not fresh
    ]
    if len(old) < config.gate.min_rows:
        old += _judging(validation, config.gate.min_rows)  # rows in `old` are removed from the training rows below
    # Rows that a version was trained on, or that judged one before, are not fresh.
    known = {row.key for row in [*old, *original, *validation]}
    fresh += [row for row in added if is_held_out(row.input) and row.key not in known]
    labelled_rows = [row for row in added if not is_held_out(row.input)] + [row.example for row in trainable]
    measuring_keys = {row.key for row in [*old, *fresh]}
    train = _with_latest_labels(
        [row for row in [*original, *validation, *labelled_rows] if row.key not in measuring_keys]
    )
    set_aside: list[str] = []
    if retrain_settings(facts, config.finetune, {}).rare != "keep":
        train, set_aside = without_rare_labels(train, facts.kind)
    return TrainingSet(
        train=train,
        fresh=different(fresh),
        old=different(old),
        new_labels=sorted({name for row in train for name in _names(row, facts.kind)} - situation.labels),
        set_aside=dict.fromkeys(set_aside, 1),
    )


def _old_rows(facts: PackageFacts, config: Config) -> list[Example]:
    """Labelled rows that no version was trained on: the champion's gate rows and its reference, of which some may have
    validated it.
    """
    names = [kept.fingerprint for kept in (facts.lineage.holdout, facts.lineage.reference) if kept.rows]
    return [row for name in names for row in kept_dataset(name, config.datasets) if row.label is not None]


def _judging(validation: Sequence[Example], min_rows: int) -> list[Example]:
    """Validation rows that judge instead, where there are no other old rows: a half by the hash of the text, so that
    the others validate the challenger. If a half were too small, all judge; then the challenger validates on rows that
    the champion learned, and does not learn these.
    """
    half = len(validation) // 2
    if half < max(min_rows, FEW_VALIDATION_ROWS):
        return list(validation)
    return sorted(validation, key=lambda row: hashlib.sha256(row.key.encode()).digest())[:half]


def _with_latest_labels(rows: Sequence[Example]) -> list[Example]:
    return list({row.key: row for row in rows}.values())


def _names(row: Example, kind: Kind) -> tuple[str, ...]:
    return names_of(row.label or "", kind)
