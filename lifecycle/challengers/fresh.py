"""Trains a challenger from the base model on all rows."""

from __future__ import annotations

from pathlib import Path

from core.checkpoint import read_training
from core.config import Config, FinetuneConfig
from core.datasets import Example, kept_dataset
from core.engine import Engine
from core.progress import Progress
from core.records import JobRecord, TrainingSummary
from export.packaging import LearnLeftOut
from export.run import export
from export.settings import ExportSettings
from finetune.run import FinetuneResult, finetune
from lifecycle.challengers.challenger import Challenger
from lifecycle.challengers.kept_rows import kept_rows
from lifecycle.challengers.parts import Parts, parts_of
from lifecycle.challengers.selection import unseen_answers
from lifecycle.challengers.settings import changed_settings, named, retrain_settings
from lifecycle.challengers.training_set import TrainingSet
from lifecycle.left_out import learner_from
from lifecycle.situation import Situation


def train_fresh(
    job: JobRecord, rows: TrainingSet, situation: Situation, config: Config, work: Path, on_progress: Progress
) -> Challenger:
    """Fine-tune and export in the folder `work`; the job's payload may name a method and a budget."""
    facts = situation.champion.facts
    settings = retrain_settings(facts, config.finetune, job.payload)
    parts = parts_of(rows.train, situation.champion, settings, config)
    trained = _finetune(parts, settings, config, work, on_progress)
    changed = changed_settings(facts, settings)
    training = read_training(trained.checkpoint)
    summary = TrainingSummary(
        rows=len(rows.train),
        new_labels=rows.new_labels,
        set_aside=rows.set_aside,
        method=trained.method,
        reason=trained.reason + named(changed),
        history=training.history,
        changed=changed,
    )
    validation = kept_dataset(training.data.validation, config.datasets)
    learn = learner_from(training.data.train, config.datasets)
    package = _export(trained, validation, learn, rows, situation, config, work, on_progress)
    unseen = unseen_answers(Engine(package), parts, situation.taxonomy)
    return Challenger(package, summary, trained.seconds, unseen, trained.checkpoint)


def _finetune(
    parts: Parts, settings: FinetuneConfig, config: Config, work: Path, on_progress: Progress
) -> FinetuneResult:
    return finetune(
        parts.teaching,
        validation=parts.unseen,
        out=work / "checkpoint",
        settings=settings,
        cache=config.cache,
        datasets=config.datasets,
        on_progress=lambda stage, share: on_progress(f"finetune: {stage}", share),
    )


def _export(
    trained: FinetuneResult,
    validation: list[Example],
    learn: LearnLeftOut,
    rows: TrainingSet,
    situation: Situation,
    config: Config,
    work: Path,
    on_progress: Progress,
) -> Path:
    kept = kept_rows(rows, validation, situation, config)
    exported = export(
        trained.checkpoint,
        out=work / "package",
        validation=validation,
        reference=kept.reference,
        holdout=kept.holdout,
        settings=ExportSettings(max_drop=config.export.max_drop, min_agreement=config.export.min_agreement),
        learn=learn,
        on_progress=lambda stage, share: on_progress(f"export: {stage}", share),
    )
    return exported.package
