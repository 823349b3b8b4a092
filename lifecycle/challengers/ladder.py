"""Trains challengers from cheap to thorough, and selects the one that goes to the gate."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from core.errors import ChallengerSkipped, NoChallenger
from core.home import Home
from core.progress import Progress
from core.records import JobRecord
from core.share import percent
from lifecycle.cached_answers import answers_of
from lifecycle.challengers.catalogue import CHALLENGERS
from lifecycle.challengers.challenger import Challenger
from lifecycle.challengers.parts import parts_of
from lifecycle.challengers.selection import Unseen, best_of, is_good_enough, unseen_answers
from lifecycle.challengers.settings import retrain_settings
from lifecycle.challengers.training_set import TrainingSet
from lifecycle.situation import Situation


def best_challenger(
    job: JobRecord,
    home: Home,
    situation: Situation,
    rows: TrainingSet,
    work: Path,
    on_progress: Progress,
    *,
    apart_from: Collection[str] = (),
) -> Challenger:
    """The first challenger that is good enough on the rows that select, else the best of all; its reason names the
    others. Ways of `apart_from` are left out. Raises `NoChallenger`.
    """
    ladder = [name for name in _ladder(job, home, situation) if name not in apart_from]
    if not ladder:
        raise NoChallenger(job.model, {})
    champion, config = _champion_answers(job, home, situation, rows), home.config
    found: dict[str, Challenger] = {}
    skipped: dict[str, str] = {}
    for name in ladder:
        try:
            found[name] = CHALLENGERS[name](job, rows, situation, config, work / name, on_progress)
        except ChallengerSkipped as why:
            skipped[name] = str(why)
            continue
        if is_good_enough(found[name].unseen, champion, config.gate):
            break
    if not found:
        raise NoChallenger(job.model, skipped)
    names = list(found)
    best = names[best_of([one.unseen for one in found.values()], champion, config.gate)]
    notes = [*_compared(best, found), *(f"{name} was skipped: {why}." for name, why in skipped.items())]
    training = found[best].training
    training = replace(training, reason=" ".join([training.reason, *notes]))
    return replace(found[best], training=training, tried=(*found, *skipped))


def _champion_answers(job: JobRecord, home: Home, situation: Situation, rows: TrainingSet) -> Unseen:
    champion, config = situation.champion, home.config
    settings = retrain_settings(champion.facts, config.finetune, job.payload)
    parts = parts_of(rows.train, champion, settings, config)
    unseen = unseen_answers(answers_of(champion.folder, config.embeddings), parts, situation.taxonomy)
    return replace(unseen, learned=not parts.validates_again)


def _ladder(job: JobRecord, home: Home, situation: Situation) -> Sequence[str]:
    """A way whose challenger the gate rejected for this champion comes last: with few more rows it would fail again."""
    # A job that names a method or a budget wants a training.
    if {"method", "budget"} & job.payload.keys():
        return ["fresh"]
    rejected = {
        record.gate.training.method
        for record in home.ledger.promotions(situation.model)
        if record.gate is not None and record.previous == situation.version and record.gate.verdict.answer == "reject"
    }
    ladder = home.config.retrain.ladder
    return sorted(ladder, key=lambda name: name in rejected)


def _compared(best: str, found: dict[str, Challenger]) -> list[str]:
    """A sentence on the others; none if there are none."""
    if len(found) < 2:
        return []
    rows = found[best].unseen.selecting
    shares = {name: percent(float(one.unseen.new.mean()), 0) for name, one in found.items()}
    listed = ", ".join(f"{name} {share}" for name, share in shares.items())
    return [f"Of {rows} labelled rows that no challenger had learned, right are: {listed}; {best} went to the gate."]
