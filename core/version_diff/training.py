"""How the trainings of two versions differ: their rows and settings, by what their packages and data sets record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.datasets import Example, kept_dataset
from core.errors import RetuneError
from core.package import PackageFacts


@dataclass(frozen=True)
class RowsDiff:
    """Training rows by their text. `relabelled`: rows of both with another label."""

    common: int
    added: int
    removed: int
    relabelled: int


@dataclass(frozen=True)
class TrainingDiff:
    """Facts and settings that differ, each as [before, after]. `rows`: None if a data set is not kept in this home."""

    facts: dict[str, list[Any]] = field(default_factory=dict)
    settings: dict[str, list[Any]] = field(default_factory=dict)
    rows: RowsDiff | None = None

    @property
    def differs(self) -> bool:
        return bool(self.facts or self.settings or (self.rows and self.rows.added + self.rows.removed))


def training_diff(before: PackageFacts, after: PackageFacts, *, datasets: Path) -> TrainingDiff:
    """`datasets`: the folder of the stored data sets."""
    was, now = trained_on(before, datasets), trained_on(after, datasets)
    return TrainingDiff(
        facts=_changed(lineage_facts(before), lineage_facts(after)),
        settings=_changed(before.lineage.settings, after.lineage.settings),
        rows=None if was is None or now is None else rows_diff(was, now),
    )


def trained_on(facts: PackageFacts, datasets: Path) -> list[Example] | None:
    """The training rows, without those whose label was spread; None if they are not kept."""
    try:
        return kept_dataset(facts.lineage.data.train, datasets)
    except RetuneError:
        return None


def rows_diff(before: Sequence[Example], after: Sequence[Example]) -> RowsDiff:
    """
    >>> rows_diff([Example("a", "x"), Example("b", "x")], [Example("b", "y"), Example("c", "x")])
    RowsDiff(common=1, added=1, removed=1, relabelled=1)
    """
    was, now = ({row.key: row.label for row in rows} for rows in (before, after))
    common = was.keys() & now.keys()
    relabelled = sum(was[key] != now[key] for key in common)
    return RowsDiff(len(common), len(now) - len(common), len(was) - len(common), relabelled)


def lineage_facts(package: PackageFacts) -> dict[str, Any]:
    """What a version was made from and how, by names for people."""
    lineage = package.lineage
    return {
        "training rows": lineage.data.train_rows,
        "training data": lineage.data.train,
        "validation rows": lineage.data.validation_rows,
        "validation data": lineage.data.validation,
        "reference rows": lineage.reference.rows,
        "reference data": lineage.reference.fingerprint,
        "rows with a spread label": lineage.spread.rows,
        "base model": lineage.base_model,
        "method": lineage.method,
        "seed": lineage.seed,
        "checkpoint": lineage.checkpoint,
        "encoder of": lineage.encoder_of,
        "rung": package.rung,
        "max length": package.max_length,
        "temperature": package.temperature,
        "thresholds": package.thresholds,
        "abstain below": package.abstain_below,
        "release": lineage.retune,
    }


def _changed(before: dict[str, Any], after: dict[str, Any]) -> dict[str, list[Any]]:
    keys = dict.fromkeys([*before, *after])
    return {key: [before.get(key), after.get(key)] for key in keys if before.get(key) != after.get(key)}
