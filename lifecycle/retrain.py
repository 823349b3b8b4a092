"""The retrain job: training set, challenger, gate, registry, promotion."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from core.audit.entries import LOOP, record
from core.champion import read_champion
from core.clock import utc_now
from core.errors import (
    JobCancelled,
    JobStopped,
    ModelFrozen,
    NoChallenger,
    PromotionSuperseded,
    PromotionTimeout,
)
from core.freezes import freeze_of
from core.home import Home
from core.ledger import Ledger
from core.progress import Progress, Step
from core.promotion import promote, record_change
from core.records import GateRecord, GateVerdict, JobRecord, RetrainResult, TrainingSummary
from core.registry import Champion
from lifecycle.cached_answers import answers_of
from lifecycle.challengers.challenger import Challenger
from lifecycle.challengers.ladder import best_challenger
from lifecycle.challengers.pruning import prune_checkpoints
from lifecycle.challengers.training_set import TrainingSet, build_training_set
from lifecycle.drawn import situation_of
from lifecycle.gate.comparison import compare
from lifecycle.gate.criteria import forgets
from lifecycle.gate.disagreements import find_disagreements, keys_in, labels_of
from lifecycle.gate.judge import judge
from lifecycle.gate.refused import compared_since, last_refused
from lifecycle.gate.trial import Trial
from lifecycle.release.second_try import hold_if_rolled_back
from lifecycle.respond import respond
from lifecycle.situation import Situation
from lifecycle.work_folder import work_folder

log = logging.getLogger(__name__)


def retrain(job: JobRecord, home: Home, *, on_progress: Progress) -> RetrainResult:
    """Run the job to its end. An interrupted job starts again, but never records or promotes twice.

    `on_progress` is called at each step and may raise to end the job, which then has changed nothing.
    """
    recorded = _recorded_result(job, home.ledger)
    if recorded is None:
        with work_folder(home, job.id) as work:
            recorded = _challenge(job, home, work, on_progress)
    if recorded.promoted:
        try:
            _move_pointer(home, job.model, recorded.version, _not_interrupted(on_progress))
        except ModelFrozen as frozen:  # since the outcome was recorded
            recorded = _held_after_all(job, home, recorded, frozen)
    # The last decision was about the previous champion, so decide again.
    respond(home, read_champion(home.registry, job.model))
    prune_checkpoints(home)
    return recorded


def _move_pointer(home: Home, model: str, version: str, on_progress: Progress) -> None:
    on_progress("promote", 0.0)
    try:
        promote(home, model, version, on_change=partial(_record_change, home, model))
    except (PromotionTimeout, PromotionSuperseded) as problem:
        # The version is the champion anyway, or was replaced by a newer one.
        log.warning("%s", problem)


def _held_after_all(job: JobRecord, home: Home, recorded: RetrainResult, frozen: ModelFrozen) -> RetrainResult:
    gate = GateRecord(job.id, recorded.verdict or GateVerdict("promote"), recorded.training, recorded.seconds)
    return _held_by_freeze(job, home, recorded.version, home.registry.champion(job.model).version, gate, frozen.words)


def _not_interrupted(on_progress: Progress) -> Progress:
    """The outcome is recorded and only the pointer has to move: for a cancellation, or a stop, it is too late."""

    def report(stage: str, share: float) -> None:
        with suppress(JobCancelled, JobStopped):
            on_progress(stage, share)

    return report


def _record_change(home: Home, model: str, champion: Champion, before: Champion | None, is_undone: bool) -> None:
    """The promotion itself is recorded by `_challenge`, with the gate's verdict."""
    if is_undone:
        record_change(home.ledger, model, "", champion, before, is_undone)
    facts = {"version": champion.version, "before": before.version if before else None}
    if problem := record(home, LOOP, "undo_promotion" if is_undone else "promote", model, facts):
        log.warning("Not in the audit: %s", problem)


def _recorded_result(job: JobRecord, ledger: Ledger) -> RetrainResult | None:
    """The result of an earlier run of this job that was killed after the gate."""
    for outcome in ledger.promotions(job.model):
        if outcome.gate is not None and outcome.gate.job == job.id:
            return RetrainResult.of(outcome.version, outcome.promoted, outcome.reason, outcome.gate)
    return None


def _challenge(job: JobRecord, home: Home, work: Path, on_progress: Progress) -> RetrainResult:
    on_progress("training set", 0.0)
    situation = situation_of(home, read_champion(home.registry, job.model))
    refused = last_refused(home, situation)
    if refused is not None and refused.verdict.answer == "promote":
        training = refused.record.gate.training if refused.record.gate else TrainingSummary()
        return _recorded(job, home, situation, refused.record.version, GateRecord(job.id, refused.verdict, training))
    rows = build_training_set(home, situation)
    trained, verdict = _best_judged(job, home, situation, rows, work, on_progress)
    on_progress("register", 0.0)  # the last step at which the job can be cancelled
    if trained.checkpoint is not None:  # first: where it cannot be kept, no version is left without a record
        home.checkpoints.keep(trained.checkpoint)
    version = home.registry.add(trained.package, job.model)
    return _recorded(job, home, situation, version, GateRecord(job.id, verdict, trained.training, trained.seconds))


def _best_judged(
    job: JobRecord, home: Home, situation: Situation, rows: TrainingSet, work: Path, on_progress: Progress
) -> tuple[Challenger, GateVerdict]:
    """The challenger of the ladder, and what the gate says to it; in place of one that forgets, the next one.

    That makes no chance finding likelier: who forgets is not promoted whatever it wins, and each is tested alone.
    """

    def tried(package: Path) -> Trial:
        on_progress("gate", 0.0)
        return _trial(home, situation, rows, package, seed=job.id, on_batch=partial(on_progress, "gate", 0.0))

    trained = best_challenger(job, home, situation, rows, work, on_progress)
    trial = tried(trained.package)
    while forgets(trial):
        try:
            further = best_challenger(job, home, situation, rows, work, on_progress, apart_from=trained.tried)
        except NoChallenger:
            break
        note = f"Before it the gate refused {trained.training.method}: {judge(trial).reason}"
        training = replace(further.training, reason=f"{further.training.reason} {note}")
        trained = replace(further, training=training, tried=(*trained.tried, *further.tried))
        trial = tried(trained.package)
    return trained, judge(trial)


def _trial(home: Home, situation: Situation, rows: TrainingSet, package: Path, *, seed: int, on_batch: Step) -> Trial:
    folders, cache = (situation.champion.folder, package), home.config.embeddings
    champion, challenger = (answers_of(folder, cache, on_batch=on_batch) for folder in folders)
    taxonomy, compared = situation.taxonomy, compared_since(home, situation)
    drawn = [row for row in rows.fresh if row.key not in compared]
    found = find_disagreements(champion, challenger, situation.window, drawn, taxonomy, seed=seed)
    labels = labels_of(
        found, keys_in(situation.window), [row for row in situation.labelled if row.example.key not in compared]
    )
    fresh, old = (compare(champion, challenger, part, taxonomy) for part in (drawn, rows.old))
    return Trial(fresh, old, home.config.gate, found, labels)


def _recorded(job: JobRecord, home: Home, situation: Situation, version: str, gate: GateRecord) -> RetrainResult:
    now = home.registry.champion(job.model).version
    verdict = _hold_if_champion_changed(gate.verdict, job.model, against=situation.version, now=now)
    if verdict.answer == "promote":
        verdict = hold_if_rolled_back(home, job.model, version, verdict)
    frozen = freeze_of(home.registry, job.model, now=utc_now())
    if frozen and verdict.answer == "promote":
        return _held_by_freeze(job, home, version, situation.version, gate, frozen.words)
    return _stored(job, home, version, situation.version, replace(gate, verdict=verdict), verdict.reason)


def _held_by_freeze(
    job: JobRecord, home: Home, version: str, previous: str, gate: GateRecord, words: str
) -> RetrainResult:
    """`hold` instead of `promote`, with the words of the freeze; the verdict keeps the gate's reason for after it."""
    held = replace(gate, verdict=replace(gate.verdict, answer="hold", held_by="freeze"))
    waits = f"{job.model}@{version} waits, because the champion is {words}."
    return _stored(job, home, version, previous, held, f"{gate.verdict.reason} {waits}")


def _stored(job: JobRecord, home: Home, version: str, previous: str, gate: GateRecord, reason: str) -> RetrainResult:
    promoted = gate.verdict.answer == "promote"
    home.ledger.record_promotion(job.model, version, previous=previous, promoted=promoted, reason=reason, gate=gate)
    return RetrainResult.of(version, promoted, reason, gate)


def _hold_if_champion_changed(verdict: GateVerdict, model: str, *, against: str, now: str) -> GateVerdict:
    """`hold` if another version was promoted during the training: the gate compared with the previous champion."""
    if now == against:
        return verdict
    reason = f"{model}@{now} was put in service meanwhile, but the gate compared with {model}@{against}. Retrain again."
    return replace(verdict, answer="hold", reason=reason, labels_needed=None, held_by="promotion")
