"""Trains a challenger from the base model on all rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.checkpoint import read_training
from core.config import Config, FinetuneConfig
from core.datasets import Example, keep_dataset, kept_dataset, key_of
from core.progress import Progress
from core.records import JobRecord, TrainingSummary
from export.run import export
from export.settings import ExportSettings
from finetune.run import FinetuneResult, finetune
from lifecycle.challengers.settings import changed_settings, retrain_settings
from lifecycle.challengers.training_set import TrainingSet
from lifecycle.labels.pools import pools_of
from lifecycle.situation import Situation


@dataclass(frozen=True)
class Challenger:
    """`seconds`: time of the training."""

    package: Path
    training: TrainingSummary
    seconds: float


def train_challenger(
    job: JobRecord, rows: TrainingSet, situation: Situation, config: Config, *, work: Path, on_progress: Progress
) -> Challenger:
    """Fine-tune and export in the folder `work`; the job's payload may name a method and a budget."""
    facts = situation.champion.facts
    settings = retrain_settings(facts, config.finetune, job.payload)
    trained = _finetune(rows, settings, config, work, on_progress)
    changed = changed_settings(facts, settings)
    training = read_training(trained.checkpoint)
    summary = TrainingSummary(
        rows=len(rows.train),
        new_labels=rows.new_labels,
        set_aside=rows.set_aside,
        method=trained.method,
        reason=trained.reason + _named(changed),
        history=training.history,
        changed=changed,
    )
    validation = kept_dataset(training.data.validation, config.datasets)
    package = _export(trained, validation, rows, situation, config, work, on_progress)
    return Challenger(package, summary, trained.seconds)


def _finetune(
    rows: TrainingSet, settings: FinetuneConfig, config: Config, work: Path, on_progress: Progress
) -> FinetuneResult:
    return finetune(
        rows.train,
        out=work / "checkpoint",
        settings=settings,
        cache=config.cache,
        datasets=config.datasets,
        on_progress=lambda stage, share: on_progress(f"finetune: {stage}", share),
    )


def _named(changed: Mapping[str, Sequence[Any]]) -> str:
    listed = ", ".join(f"{key} {before} → {now}" for key, (before, now) in changed.items())
    return f" It differs from the champion's training: {listed}." if listed else ""


def _export(
    trained: FinetuneResult,
    validation: list[Example],
    rows: TrainingSet,
    situation: Situation,
    config: Config,
    work: Path,
    on_progress: Progress,
) -> Path:
    reference, holdout = _reference(situation, config), [*rows.old, *rows.fresh]
    for kept in (reference, holdout):
        if kept:
            keep_dataset(kept, config.datasets)
    exported = export(
        trained.checkpoint,
        out=work / "package",
        validation=validation,
        reference=reference,
        holdout=holdout,
        settings=ExportSettings(max_drop=config.export.max_drop, min_agreement=config.export.min_agreement),
        on_progress=lambda stage, share: on_progress(f"export: {stage}", share),
    )
    return exported.package


def _reference(situation: Situation, config: Config) -> list[Example] | None:
    """Reference of the challenger: held-out texts of the window, with their latest labels if known.

    None if there are fewer rows than a check needs; then the export uses the validation rows.
    """
    labels = {row.example.key: row.label for row in situation.labelled}
    measure, _ = pools_of(row for row in situation.window if row.has_text)
    if len(measure) < config.drift.min_rows:
        return None
    return [Example(row.text, labels.get(key_of(row.input)), row.pair) for row in measure]
