"""What a person answers to the loop: accepts or declines its proposal, or asks for a retrain without one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from core.errors import NothingProposed, PromotionTimeout, ProposalOutdated, RetuneError
from core.freezes import require_unfrozen
from core.home import Home
from core.jobs import queued
from core.ledger_tables.loop_steps import RETRAIN, Done
from core.ledger_tables.proposals import Proposal, Status, accepted_now, is_open
from core.promotion import record_change, roll_back
from core.records import JobRecord


@dataclass(frozen=True)
class Accepted:
    """`job`: the retrain that was queued; `champion`: the version that a roll back put in service."""

    proposal: Proposal
    job: JobRecord | None = None
    champion: str | None = None


def accept(home: Home, model: str, *, by: str, proposal_id: int | None = None) -> Accepted:
    """Do what the open proposal says: queue its retrain, or roll back.

    Accepted twice, it is done once: the second answer is that of the first if it names the proposal. Raises
    `NothingProposed`, `ProposalOutdated` if another version is in service by now, or `ModelFrozen`.
    """
    version = home.registry.champion(model).version
    proposal = home.ledger.proposals.open(model)
    if proposal_id is not None and (proposal is None or proposal.id != proposal_id):
        return _accepted_before(home, model, proposal_id)
    if proposal is None:
        raise NothingProposed(model)
    if proposal.version != version:
        raise ProposalOutdated(model, proposal.version, version)
    require_unfrozen(home.registry, model)
    return _roll_back(home, proposal, by) if proposal.action == "roll back" else _retrain(home, proposal, by)


def decline(home: Home, model: str, *, by: str, reason: str = "", proposal_id: int | None = None) -> Proposal:
    """Do nothing of what the open proposal says; the loop proposes it again after new labels.

    Declined twice, the second answer is that of the first if it names the proposal. Raises `ModelNotFound` or
    `NothingProposed`.
    """
    home.registry.require_model(model)
    ended = home.ledger.proposals.decline(model, by=by, proposal_id=proposal_id)
    if ended is None:
        return _answered_before(home, model, proposal_id, "declined")
    done = Done("declined", ended.action, reason=reason)
    home.ledger.loop_steps.record(model, ended.version, done, by=by, decision_id=ended.decision_id)
    return ended


def request_retrain(home: Home, model: str, *, by: str, payload: dict[str, Any] | None = None) -> JobRecord:
    """Queue a retrain that a person asks for; it is the answer to an open proposal of one.

    Raises `ModelNotFound`, `NoChampion` or `JobOptionsDiffer`.
    """
    home.registry.champion(model)
    job = home.jobs.enqueue(model, RETRAIN, payload)
    proposal = home.ledger.proposals.open(model)
    if proposal is not None and proposal.action == RETRAIN:
        ended = home.ledger.proposals.accept(model, by=by, proposal_id=proposal.id, job_id=job.id)
        if ended is not None:
            _record_accepted(home, ended, by, job)
    return job


def _accepted_before(home: Home, model: str, proposal_id: int) -> Accepted:
    proposal = _answered_before(home, model, proposal_id, "accepted")
    job = home.jobs.get(proposal.job_id) if proposal.job_id else None
    return Accepted(proposal, job)


def _answered_before(home: Home, model: str, proposal_id: int | None, answer: Status) -> Proposal:
    known = {proposal.id: proposal for proposal in home.ledger.proposals.latest(model)}
    proposal = known.get(proposal_id or 0)
    if proposal is None or proposal.status != answer:
        raise NothingProposed(model, proposal_id)
    return proposal


def _retrain(home: Home, proposal: Proposal, by: str) -> Accepted:
    found = _accepted_with_job(home, proposal, by)
    if found is None:  # somebody else has just answered it
        return _accepted_before(home, proposal.model, proposal.id)
    ended, job = found
    _record_accepted(home, ended, by, job)
    return Accepted(ended, job)


def _accepted_with_job(home: Home, proposal: Proposal, by: str) -> tuple[Proposal, JobRecord] | None:
    """In one transaction, so that what somebody declines meanwhile is not queued; None if it is not open any more."""
    with home.ledger.database.write() as connection:
        if not is_open(connection, proposal):
            return None
        job = queued(connection, proposal.model, RETRAIN)
        return accepted_now(connection, proposal, by=by, job_id=job.id), job


def _roll_back(home: Home, proposal: Proposal, by: str) -> Accepted:
    model = proposal.model
    ended = home.ledger.proposals.accept(model, by=by, proposal_id=proposal.id)
    if ended is None:  # somebody else has just accepted it
        return _accepted_before(home, model, proposal.id)
    on_change = partial(record_change, home.ledger, model, f"Rolled back by hand, as proposed: {proposal.reason}")
    try:
        champion = roll_back(home, model, expected=proposal.version, on_change=on_change)
    except PromotionTimeout:  # it is the champion anyway
        raise
    except RetuneError:
        home.ledger.proposals.reopen(ended)
        raise
    done = Done("accepted", proposal.action, reason=proposal.reason)
    home.ledger.loop_steps.record(model, proposal.version, done, by=by, decision_id=proposal.decision_id)
    return Accepted(ended, champion=champion.version)


def _record_accepted(home: Home, proposal: Proposal, by: str, job: JobRecord) -> None:
    done = Done("accepted", RETRAIN, reason=proposal.reason, job_id=job.id)
    home.ledger.loop_steps.record(proposal.model, proposal.version, done, by=by, decision_id=proposal.decision_id)
