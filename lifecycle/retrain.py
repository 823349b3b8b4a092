"""The retrain job: training set, challenger, gate, registry, promotion."""

from __future__ import annotations

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

from core.champion import read_champion
from core.engine import Engine
from core.errors import PromotionSuperseded, PromotionTimeout
from core.home import Home
from core.ledger import Ledger
from core.progress import Progress
from core.promotion import promote, record_change
from core.records import GateRecord, GateVerdict, JobRecord, RetrainResult
from core.registry import Champion
from lifecycle.challengers.fresh import train_challenger
from lifecycle.challengers.training_set import build_training_set
from lifecycle.gate.comparison import compare
from lifecycle.gate.judge import judge
from lifecycle.respond import respond
from lifecycle.situation import assess


def retrain(job: JobRecord, home: Home, *, on_progress: Progress) -> RetrainResult:
    """Run the job to its end. An interrupted job starts again, but never records or promotes twice."""
    recorded = _recorded_result(job, home.ledger)
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
            promote(home, job.model, recorded.version, on_change=partial(_record_if_undone, home.ledger, job.model))
        except (
            PromotionTimeout,
            PromotionSuperseded,
        ) as problem:  # the version is the champion anyway, or was replaced by a newer one
            on_progress(str(problem), 0.0)
    # The last decision was about the previous champion, so decide again.
    respond(home, read_champion(home.registry, job.model))
    return recorded


def _record_if_undone(ledger: Ledger, model: str, champion: Champion, before: Champion | None, is_undone: bool) -> None:
    """The promotion itself is recorded by `_challenge`, with the gate's verdict."""
    if is_undone:
        record_change(ledger, model, "", champion, before, is_undone)


def _recorded_result(job: JobRecord, ledger: Ledger) -> RetrainResult | None:
    """The result of an earlier run of this job that was killed after the gate."""
    for outcome in ledger.promotions(job.model):
        if outcome.gate is not None and outcome.gate.job == job.id:
            return RetrainResult.of(outcome.version, outcome.promoted, outcome.reason, outcome.gate)
    return None


def _challenge(job: JobRecord, home: Home, work: Path, on_progress: Progress) -> RetrainResult:
    situation = assess(home, read_champion(home.registry, job.model))
    rows = build_training_set(home, situation)
    trained = train_challenger(job, rows, situation, home.config, work=work, on_progress=on_progress)
    on_progress("gate", 0.0)
    champion, challenger = Engine(situation.champion.folder), Engine(trained.package)
    fresh, old = (compare(champion, challenger, part, situation.taxonomy) for part in (rows.fresh, rows.old))
    verdict = judge(fresh, old, home.config.gate)
    version = home.registry.add(trained.package, job.model)
    now = home.registry.champion(job.model).version
    verdict = _hold_if_champion_changed(verdict, job.model, against=situation.version, now=now)
    gate, promoted = GateRecord(job.id, verdict, trained.training, trained.seconds), verdict.answer == "promote"
    home.ledger.record_promotion(
        job.model, version, previous=situation.version, promoted=promoted, reason=verdict.reason, gate=gate
    )
    return RetrainResult.of(version, promoted, verdict.reason, gate)


def _hold_if_champion_changed(verdict: GateVerdict, model: str, *, against: str, now: str) -> GateVerdict:
    """`hold` if another version was promoted during the training: the gate compared with the previous champion."""
    if now == against:
        return verdict
    reason = f"{model}@{now} was put in service meanwhile, but the gate compared with {model}@{against}. Retrain again."
    return replace(verdict, answer="hold", reason=reason, labels_needed=None)
