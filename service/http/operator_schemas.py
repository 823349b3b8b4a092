"""JSON Schemas of the bodies of operators' routes."""

from __future__ import annotations

from typing import get_args

from core.audit.entries import Via
from service.http.route import Schema
from service.http.schema_parts import (
    BOOLEAN,
    COUNT,
    INTEGER,
    INTEGER_OR_NULL,
    NAME,
    NUMBER_OR_NULL,
    OBJECT,
    OBJECT_OR_NULL,
    SCORE,
    TEXT,
    TEXT_OR_NULL,
    list_of,
    object_of,
    open_of,
    ref,
)

EXPECTED: Schema = {
    **NAME,
    "type": ["string", "null"],
    "description": "The champion now, null if there is none; another one is 409. Left out: whichever it is.",
}


REASON: Schema = {"type": ["string", "null"], "maxLength": 500, "pattern": r"^[^\u0000]*$"}
UNTIL: Schema = {
    "type": ["string", "null"],
    "maxLength": 40,
    "description": "2026-12-24T18:00 (UTC, or with an offset), or from now: 3d. Left out: until it is ended.",
}


def operator_schemas() -> Schema:
    return {
        "Status": object_of(optional=["warning"], status=TEXT, warning=TEXT),
        "Job": object_of(job=INTEGER, status=TEXT),
        "JobState": object_of(optional=(), **_JOB),
        "JobStates": object_of(jobs=list_of(ref("JobState"))),
        "JobStateAndLog": object_of(
            optional=(), **_JOB, log=list_of(object_of(created_at=TEXT, level=TEXT, text=TEXT))
        ),
        "ModelStatus": object_of(
            model=TEXT,
            champion=OBJECT_OR_NULL,
            versions=list_of(TEXT),
            workers=list_of(OBJECT),
        ),
        "ModelStatuses": object_of(models=list_of(ref("ModelStatus"))),
        "Overview": object_of(
            home=TEXT,
            registry=TEXT,
            ledger=TEXT,
            ledger_problem=TEXT_OR_NULL,
            processes=OBJECT,
            models=list_of(ref("ModelOverview")),
        ),
        "ModelOverview": open_of(model=TEXT, versions=list_of(TEXT), champion=OBJECT_OR_NULL, next=OBJECT),
        "Loop": object_of(
            model=TEXT,
            frozen=OBJECT_OR_NULL,
            proposal=OBJECT_OR_NULL,
            proposals=list_of(OBJECT),
            steps=list_of(ref("LoopStep")),
        ),
        "LoopStep": open_of(id=INTEGER, model=TEXT, version=TEXT, created_at=TEXT, did=TEXT, reason=TEXT, by=TEXT),
        "AcceptRequest": object_of(optional=["proposal"], proposal=COUNT),
        "Accepted": object_of(model=TEXT, proposal=INTEGER, action=TEXT, champion=TEXT_OR_NULL, job=OBJECT_OR_NULL),
        "DeclineRequest": object_of(optional=["proposal", "reason"], proposal=COUNT, reason=REASON),
        "Declined": object_of(model=TEXT, proposal=INTEGER, action=TEXT),
        "ReasonRequest": object_of(optional=["reason"], reason=REASON),
        "FreezeRequest": object_of(optional=["until", "reason"], until=UNTIL, reason=REASON),
        "Frozen": object_of(model=TEXT, champion=TEXT, until=TEXT_OR_NULL, reason=TEXT),
        "Unfrozen": object_of(model=TEXT, was_frozen=BOOLEAN),
        "LabelQueue": object_of(
            model=TEXT, labels=list_of(TEXT), answers=INTEGER, texts=INTEGER, requests=list_of(ref("LabelRequest"))
        ),
        "LabelRequest": object_of(
            prediction_id=TEXT, group=TEXT_OR_NULL, text=TEXT, pair=TEXT_OR_NULL, predicted=TEXT, score=SCORE
        ),
        **_history(),
        "PromoteRequest": object_of(optional=["expected", "force"], version=NAME, expected=EXPECTED, force=BOOLEAN),
        "RollBackRequest": object_of(optional=["expected"], expected=EXPECTED),
        "Promoted": object_of(model=TEXT, version=TEXT, champion=TEXT),
    }


def _history() -> Schema:
    about = {"id": INTEGER, "model": TEXT, "created_at": TEXT}
    return {
        "Checks": _page("checks", "Check"),
        "Check": object_of(
            optional=(),
            **about,
            version=TEXT,
            source=TEXT,
            verdict=OBJECT,
            report=TEXT_OR_NULL,
            window_end=TEXT_OR_NULL,
            last_number=INTEGER_OR_NULL,
        ),
        "Decisions": _page("decisions", "Decision"),
        "Decision": object_of(optional=(), **about, check_id=INTEGER_OR_NULL, decision=OBJECT),
        "Promotions": _page("promotions", "Promotion"),
        "Promotion": object_of(
            optional=(),
            **about,
            version=TEXT,
            previous=TEXT_OR_NULL,
            promoted=BOOLEAN,
            forced=BOOLEAN,
            reason=TEXT,
            gate=OBJECT_OR_NULL,
            after_number=INTEGER_OR_NULL,
            after_label=INTEGER_OR_NULL,
        ),
        "Incidents": _page("incidents", "Incident"),
        "Incident": object_of(
            optional=(),
            **about,
            version=TEXT,
            previous=TEXT_OR_NULL,
            guard_id=INTEGER_OR_NULL,
            cause=TEXT,
            action=TEXT,
            reason=TEXT,
            done=TEXT,
            after_label=INTEGER,
            ended_at=TEXT_OR_NULL,
        ),
        "AuditEntries": _page("entries", "AuditEntry"),
        "AuditEntry": object_of(
            optional=(),
            **{**about, "model": TEXT_OR_NULL},
            who=TEXT,
            via={"enum": list(get_args(Via))},
            action=TEXT,
            facts=OBJECT,
            request_id=TEXT_OR_NULL,
        ),
    }


def _page(name: str, row: str) -> Schema:
    return object_of(optional=(), **{name: list_of(ref(row)), "next": INTEGER_OR_NULL})


_JOB: dict[str, Schema] = {
    "job": INTEGER,
    "model": TEXT,
    "kind": TEXT,
    "status": {"enum": ["queued", "running", "done", "failed", "cancelled"]},
    "stage": TEXT_OR_NULL,
    "share": NUMBER_OR_NULL,
    "left_s": NUMBER_OR_NULL,
    "worker_died": BOOLEAN,
    "cancel_requested_at": TEXT_OR_NULL,
    "error": TEXT_OR_NULL,
    "attempts": INTEGER,
    "cpu_s": NUMBER_OR_NULL,
    "reason": TEXT_OR_NULL,
    "created_at": TEXT,
    "started_at": TEXT_OR_NULL,
    "finished_at": TEXT_OR_NULL,
    "outcome": OBJECT_OR_NULL,
}
