"""A challenger that goes on from the champion's weights: few epochs, old rows replayed, weights between both ends."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from core.arrays import Booleans
from core.config import Config, FinetuneConfig
from core.datasets import keep_dataset
from core.engine import Engine
from core.errors import ChallengerSkipped
from core.lineage import TrainingData
from core.progress import Progress
from core.records import JobRecord, TrainingSummary
from core.share import percent
from export.run import export
from export.settings import ExportSettings
from finetune.continuing import METHOD, Continuing
from finetune.task import Fitted, score
from lifecycle.challengers.challenger import Challenger
from lifecycle.challengers.champion_encoder import champion_encoder
from lifecycle.challengers.kept_rows import kept_rows
from lifecycle.challengers.parts import Parts, parts_of
from lifecycle.challengers.selection import right_answers
from lifecycle.challengers.settings import changed_settings, named, retrain_settings
from lifecycle.challengers.training_set import TrainingSet
from lifecycle.challengers.tuned_fitting import Way, find_way
from lifecycle.left_out import learner
from lifecycle.situation import Situation


def train_tuned(
    job: JobRecord, rows: TrainingSet, situation: Situation, config: Config, work: Path, on_progress: Progress
) -> Challenger:
    """Fine-tune the champion's encoder further; raises `ChallengerSkipped` if its checkpoint is gone, or if the
    training diverges.
    """
    started, champion = time.monotonic(), situation.champion
    kept = champion_encoder(champion, config)
    settings = retrain_settings(champion.facts, config.finetune, job.payload)
    parts = parts_of(rows.train, champion, settings, config)
    continuing = Continuing(
        kept,
        parts.split,
        champion.kind,
        settings=settings,
        work=work / "state",
        on_progress=lambda stage, share: on_progress(f"tuned: {stage}", share),
    )
    way = find_way(continuing, parts, _right_before(parts, situation), allowed=config.gate.max_old_drop)
    if way is None:
        raise ChallengerSkipped("the training diverged")
    fitted = _fitted(way, continuing, f"{situation.model}@{situation.version}")
    continuing.write(work / "checkpoint", fitted, _data(parts, settings, config))
    package = _export(work, parts, rows, situation, config, on_progress)
    changed = changed_settings(champion.facts, settings)
    summary = TrainingSummary(
        rows=len(rows.train),
        new_labels=rows.new_labels,
        set_aside=rows.set_aside,
        method=METHOD,
        reason=fitted.reason + named(changed),
        history=fitted.history,
        changed=changed,
    )
    return Challenger(package, summary, time.monotonic() - started, way.unseen, work / "checkpoint")


def _right_before(parts: Parts, situation: Situation) -> Booleans:
    """(m,) whether the champion is right on each validation row; on none if it learned them, since then nothing can be
    seen to be lost.
    """
    if not parts.validates_again:
        return np.zeros(len(parts.validation), dtype=np.bool_)
    return right_answers(Engine(situation.champion.folder), parts.validation, situation.taxonomy)


def _fitted(way: Way, continuing: Continuing, champion: str) -> Fitted:
    found = way.embedded.fit()
    scored = score(found.head.logits(way.embedded.validation), continuing.task)
    reached = f"{scored.metric.replace('_', ' ')} {percent(scored.value)} on {len(scored.correct)} validation rows"
    return Fitted(
        method=METHOD,
        reason=f"Going on from {champion}, {percent(way.share, 0)} of the way, reaches {reached}.",
        encoder=way.encoder,
        head=found.head,
        scored=scored,
        settings=way.facts,
        history=[*way.history, *found.history],
    )


def _data(parts: Parts, settings: FinetuneConfig, config: Config) -> TrainingData:
    return TrainingData(
        train=keep_dataset(parts.train, config.datasets),
        validation=keep_dataset(parts.validation, config.datasets),
        train_rows=len(parts.train),
        validation_rows=len(parts.validation),
    )


def _export(
    work: Path, parts: Parts, rows: TrainingSet, situation: Situation, config: Config, on_progress: Progress
) -> Path:
    kept = kept_rows(rows, parts.validation, situation, config)
    exported = export(
        work / "checkpoint",
        out=work / "package",
        validation=parts.validation,
        reference=kept.reference,
        holdout=kept.holdout,
        settings=ExportSettings(max_drop=config.export.max_drop, min_agreement=config.export.min_agreement),
        preferred=situation.champion.facts.rung,
        learn=learner(parts.train),
        on_progress=lambda stage, share: on_progress(f"export: {stage}", share),
    )
    return exported.package
