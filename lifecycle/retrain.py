"""The retrain job: training set → challenger → package → gate → registry → promotion."""

from __future__ import annotations

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

from core.champion import read_champion
from core.checkpoint import read_training
from core.config import Config, overridden
from core.datasets import Example, is_held_out, keep_dataset, kept_dataset
from core.engine import Engine
from core.errors import PromotionSlow, PromotionSuperseded
from core.home import Home
from core.ledger import Ledger
from core.package import PackageFacts
from core.progress import Progress
from core.promotion import promote, record
from core.records import GateRecord, GateVerdict, JobRecord, RetrainResult, TrainingSummary
from core.registry import Champion
from export.run import ExportResult, export
from export.settings import ExportSettings
from finetune.run import FinetuneResult, finetune
from lifecycle.challengers.training_set import TrainingSet, build_training_set
from lifecycle.gate.judge import compare, judge
from lifecycle.respond import respond
from lifecycle.situation import Situation, assess


def retrain(job: JobRecord, home: Home, *, on_progress: Progress) -> RetrainResult:
    """Run the job to its end; a job that was interrupted begins again and never promotes twice."""
    recorded = _recorded(job, home.ledger)
    if recorded is None:
        work = home.folder / "work" / f"job-{job.id}"
        shutil.rmtree(work, ignore_errors=True)
        try:
            recorded = _challenge(job, home, work, on_progress)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    if recorded.promoted:
        on_progress("promote", 0.0)
        try:
            promote(home, job.model, recorded.version, on_change=partial(_note_undone, home.ledger, job.model))
        except (PromotionSlow, PromotionSuperseded) as told:  # it was made champion all the same
            on_progress(str(told), 0.0)
    # What was decided for the version before holds no longer: nobody is to be prompted by it.
    respond(home, read_champion(home.registry, job.model))
    return recorded


def _note_undone(ledger: Ledger, model: str, champion: Champion, before: Champion | None, is_undone: bool) -> None:
    """The gate's own decision is recorded before, with its figures."""
    if is_undone:
        record(ledger, model, "", champion, before, is_undone)


def _recorded(job: JobRecord, ledger: Ledger) -> RetrainResult | None:
    """What an earlier run of this job recorded before it was killed."""
    for outcome in ledger.promotions(job.model):
        if outcome.gate is not None and outcome.gate.job == job.id:
            return RetrainResult.of(outcome.version, outcome.promoted, outcome.reason, outcome.gate)
    return None


def _challenge(job: JobRecord, home: Home, work: Path, on_progress: Progress) -> RetrainResult:
    situation = assess(home, read_champion(home.registry, job.model))
    rows = build_training_set(home, situation)
    trained = _finetune(rows, situation.champion.facts, home.config, job, work, on_progress)
    exported = _export(trained, rows, situation, home.config, work, on_progress)
    verdict = _gate(exported.package, rows, situation, home, on_progress)
    version = home.registry.add(exported.package, job.model)
    now = home.registry.champion(job.model).version
    verdict = _unless_overtaken(verdict, job.model, against=situation.version, now=now)
    return _record(job, version, situation.version, verdict, rows, trained, home.ledger)


def _finetune(
    rows: TrainingSet, facts: PackageFacts, config: Config, job: JobRecord, work: Path, on_progress: Progress
) -> FinetuneResult:
    # What the champion answers, its challenger does: pairs are seen from the rows, several labels are not.
    settings = overridden(
        config.finetune,
        {
            "method": job.payload.get("method"),
            "budget": job.payload.get("budget"),
            "multi_label": facts.kind == "multi-label",
        },
        source="the job",
    )
    return finetune(
        rows.train,
        out=work / "checkpoint",
        settings=settings,
        cache=config.cache,
        datasets=config.datasets,
        on_progress=lambda stage, share: on_progress(f"finetune: {stage}", share),
    )


def _export(
    trained: FinetuneResult, rows: TrainingSet, situation: Situation, config: Config, work: Path, on_progress: Progress
) -> ExportResult:
    reference, holdout = _reference(situation, config), [*rows.old, *rows.fresh]
    for kept in (reference, holdout):
        if kept:
            keep_dataset(kept, config.datasets)
    return export(
        trained.checkpoint,
        out=work / "package",
        validation=kept_dataset(read_training(trained.checkpoint).data.validation, config.datasets),
        reference=reference,
        holdout=holdout,
        settings=ExportSettings(max_drop=config.export.max_drop, min_agreement=config.export.min_agreement),
        on_progress=lambda stage, share: on_progress(f"export: {stage}", share),
    )


def _reference(situation: Situation, config: Config) -> list[Example] | None:
    """The new normal: held-out texts of the fresh window, labelled where a label is known.

    None, which means the validation rows, while there are fewer than a check needs.
    """
    labels = {row.prediction_id: row.label for row in situation.labelled}
    texts = [row for row in situation.window if row.has_text and is_held_out(row.input)]
    if len(texts) < config.drift.min_rows:
        return None
    return [Example(row.text, labels.get(row.id), row.pair) for row in texts]


def _gate(package: Path, rows: TrainingSet, situation: Situation, home: Home, on_progress: Progress) -> GateVerdict:
    on_progress("gate", 0.0)
    champion, challenger = Engine(situation.champion.folder), Engine(package)
    return judge(compare(champion, challenger, rows.fresh), compare(champion, challenger, rows.old), home.config.gate)


def _unless_overtaken(verdict: GateVerdict, model: str, *, against: str, now: str) -> GateVerdict:
    """While it was trained, somebody may have put another version in service than it was judged against."""
    if now == against:
        return verdict
    reason = (
        f"{model}@{now} was put in service meanwhile, and this was judged against {model}@{against}. Retrain again."
    )
    return replace(verdict, answer="hold", reason=reason, labels_needed=None)


def _record(
    job: JobRecord,
    version: str,
    previous: str,
    verdict: GateVerdict,
    rows: TrainingSet,
    trained: FinetuneResult,
    ledger: Ledger,
) -> RetrainResult:
    training = TrainingSummary(
        rows=len(rows.train),
        new_labels=rows.new_labels,
        set_aside=rows.set_aside,
        method=trained.method,
        reason=trained.reason,
        history=read_training(trained.checkpoint).history,
    )
    gate, promoted = GateRecord(job.id, verdict, training, trained.seconds), verdict.answer == "promote"
    ledger.record_promotion(job.model, version, previous=previous, promoted=promoted, reason=verdict.reason, gate=gate)
    return RetrainResult.of(version, promoted, verdict.reason, gate)
