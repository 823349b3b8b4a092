"""Carries out a decision, as far as the policy of the model allows, and records what was done or held back and why."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial

from core.audit.entries import LOOP, Action, record
from core.champion import ChampionPackage
from core.clock import utc_now
from core.errors import ChampionChanged, ModelFrozen, PromotionTimeout, RetuneError
from core.freezes import freeze_of
from core.home import Home
from core.ledger_tables.loop_steps import RETRAIN, Did, Done, LoopStep
from core.promotion import record_change, roll_back
from core.records import DecisionRecord
from lifecycle.loop_records import read_records
from lifecycle.policy.history import Records, history_of
from lifecycle.policy.next_step import NextStep, next_step
from lifecycle.requests import ask_for_missing
from lifecycle.respond import respond

_AUDITED: dict[Did, Action] = {"started": "retrain", "rolled back": "roll_back"}
log = logging.getLogger(__name__)


def respond_and_act(home: Home, champion: ChampionPackage) -> DecisionRecord:
    """Decide what to do after the champion's last check, and do it if the policy says so."""
    decision = respond(home, champion)
    act(home, champion, decision)
    return decision


def act(home: Home, champion: ChampionPackage, decision: DecisionRecord) -> LoopStep:
    """Start, propose or hold back what the decision or the schedule wants.

    Safe beside another monitor: of two that start the same, one does, and the other holds.
    """
    model, now = champion.model, utc_now()
    records = read_records(home, model, kind=champion.kind)
    history = history_of(records, now=now, frozen=freeze_of(home.registry, model, now=now))
    policy = home.config.policy.of(model, min_texts=home.config.labels.min_texts)
    step = _of_champion(home, champion, next_step(model, decision.decision, history, policy, now))
    if step.done.did != "proposed":
        home.ledger.proposals.supersede(model)
    if step.missing and step.done.action == RETRAIN:
        ask_for_missing(home, champion, step.missing, decision.check_id)
    done = _carried_out(home, champion, step, decision, records)
    if action := _AUDITED.get(done.did):
        facts = {"version": champion.version, "job": done.job_id, "reason": done.reason}
        if problem := record(home, LOOP, action, model, facts):
            log.warning("Not in the audit: %s", problem)
    return home.ledger.loop_steps.record(model, champion.version, done, decision_id=decision.id)


def _of_champion(home: Home, champion: ChampionPackage, step: NextStep) -> NextStep:
    """Nothing is done with a decision about a version that is no longer in service."""
    pointer = home.registry.readable_pointer(champion.model)
    if step.wish is None or (pointer is not None and pointer.version == champion.version):
        return step
    reason = f"{champion.model}@{champion.version}, which the decision is about, is no longer in service."
    return NextStep(Done("held", step.done.action, "overtaken", reason))


def _carried_out(
    home: Home, champion: ChampionPackage, step: NextStep, decision: DecisionRecord, records: Records
) -> Done:
    done, wish = step.done, step.wish
    if wish is None or done.did not in ("proposed", "started"):
        return done
    if done.did == "proposed":
        home.ledger.proposals.propose(
            champion.model,
            champion.version,
            action=wish.action,
            waiting=wish.waiting,
            reason=wish.reason,
            decision_id=decision.id,
        )
        return done
    return (
        _queued(home, champion.model, done, records) if wish.action == RETRAIN else _rolled_back(home, champion, done)
    )


def _queued(home: Home, model: str, done: Done, records: Records) -> Done:
    last = records.jobs[-1].id if records.jobs else 0
    job = home.jobs.enqueue_once(model, RETRAIN, after=last, reason=done.reason)
    if job is None:
        return Done("held", RETRAIN, "overtaken", "Another retrain was queued in the meantime.")
    return replace(done, job_id=job.id)


def _rolled_back(home: Home, champion: ChampionPackage, done: Done) -> Done:
    model, reason = champion.model, f"Rolled back by the loop: {done.reason}"
    on_change = partial(record_change, home.ledger, model, reason)
    try:
        roll_back(home, model, expected=champion.version, on_change=on_change)
    except PromotionTimeout as late:  # it is the champion anyway
        log.warning("%s", late)
    except ModelFrozen as frozen:
        return Done("held", done.action, "freeze", str(frozen))
    except ChampionChanged as changed:
        return Done("held", done.action, "overtaken", str(changed))
    except RetuneError as error:
        return Done("failed", done.action, "error", f"The roll back failed: {error}")
    return replace(done, did="rolled back")
