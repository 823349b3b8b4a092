"""The routes for operators about the loop of a model: its proposals and steps, and what a person tells it."""

from __future__ import annotations

from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from core.audit.entries import Actor
from core.clock import utc_now
from core.freezes import Freeze, freeze_of, until_of
from core.home import Home
from core.job_json import job_json
from core.loop import accepting
from core.loop import orders as loop_orders
from core.stored import as_stored
from service.access.actor import actor_of
from service.fields import Fields, count_in, fields_in, require_empty, text_in
from service.http.envelope import json_response
from service.http.paging import DEFAULT_ROWS, LIMIT, MAX_ROWS, number_in, require_known
from service.http.route import Operation, Route
from service.recording.audit import audited
from service.worker import Worker

MAX_REASON_CHARS = 500
LOOP = Operation(
    "What the loop of a model proposes and did, and whether its champion is frozen",
    "Loop",
    refusals=["400"],
    more={"parameters": [LIMIT]},
)
ACCEPT = Operation(
    "Do what the loop proposes", "Accepted", takes="AcceptRequest", is_body_optional=True, refusals=["409"]
)
DECLINE = Operation(
    "Say no to what the loop proposes", "Declined", takes="DeclineRequest", is_body_optional=True, refusals=["409"]
)
RESUME = Operation("Let the loop try again", "LoopStep", takes="ReasonRequest", is_body_optional=True)
FREEZE = Operation("Keep the champion in service", "Frozen", takes="FreezeRequest", is_body_optional=True)
UNFREEZE = Operation("End a freeze", "Unfrozen")


class Endpoints:
    def __init__(self, worker: Worker) -> None:
        self._home = worker.home
        self._run = worker.run_for_operator

    def routes(self) -> list[Route]:
        post = partial(Route, method="POST", scope="admin")
        return [
            Route("/admin/models/{name}/loop", self.loop, scope="admin", operation=LOOP),
            post("/admin/models/{name}/accept", self.accept, operation=ACCEPT),
            post("/admin/models/{name}/decline", self.decline, operation=DECLINE),
            post("/admin/models/{name}/resume", self.resume, operation=RESUME),
            post("/admin/models/{name}/freeze", self.freeze, needs_ledger=False, operation=FREEZE),
            post("/admin/models/{name}/unfreeze", self.unfreeze, needs_ledger=False, operation=UNFREEZE),
        ]

    async def loop(self, request: Request) -> Response:
        require_known(request, ("limit",))
        limit = number_in(request, "limit", MAX_ROWS) or DEFAULT_ROWS
        return json_response(await self._run(loop_of, self._home, request.path_params["name"], limit))

    async def accept(self, request: Request) -> Response:
        proposal = count_in(await _fields(request, "proposal"), "proposal")
        return json_response(await self._told(accept, request, proposal))

    async def decline(self, request: Request) -> Response:
        fields = await _fields(request, "proposal", "reason")
        proposal = count_in(fields, "proposal")
        return json_response(await self._told(decline, request, proposal, reason_in(fields)))

    async def resume(self, request: Request) -> Response:
        return json_response(await self._told(resume, request, reason_in(await _fields(request, "reason"))))

    async def freeze(self, request: Request) -> Response:
        fields = await _fields(request, "until", "reason")
        until = text_in(fields, "until", max_chars=40)
        end = until_of(until) if until is not None else None
        return json_response(await self._told(freeze, request, end, reason_in(fields)))

    async def unfreeze(self, request: Request) -> Response:
        require_empty(await request.body())
        return json_response(await self._told(unfreeze, request))

    async def _told(self, order: Any, request: Request, *given: Any) -> dict[str, Any]:
        told: dict[str, Any] = await self._run(
            order, self._home, actor_of(request), request.path_params["name"], *given
        )
        return told


async def _fields(request: Request, *known: str) -> Fields:
    """Those of a body that may be missing."""
    body = await request.body()
    return fields_in(body, known=known) if body else {}


def reason_in(fields: Fields) -> str:
    return text_in(fields, "reason", max_chars=MAX_REASON_CHARS) or ""


def loop_of(home: Home, model: str, limit: int) -> dict[str, Any]:
    home.registry.require_model(model)
    proposal = home.ledger.proposals.open(model)
    frozen = freeze_of(home.registry, model, now=utc_now())
    return {
        "model": model,
        "frozen": as_stored(frozen) if frozen else None,
        "proposal": as_stored(proposal) if proposal else None,
        "proposals": [as_stored(one) for one in home.ledger.proposals.latest(model, limit=limit)],
        "steps": [as_stored(one) for one in home.ledger.loop_steps.latest(model, limit=limit)],
    }


def accept(home: Home, actor: Actor, model: str, proposal: int | None) -> dict[str, Any]:
    done = accepting.accept(home, model, by=actor.who, proposal_id=proposal)
    facts = {
        "proposal": done.proposal.id,
        "action": done.proposal.action,
        "job": done.job.id if done.job else None,
        "champion": done.champion,
    }
    audited(home, actor, "accept", model, facts)
    return {"model": model, **facts, "job": job_json(done.job) if done.job else None}


def decline(home: Home, actor: Actor, model: str, proposal: int | None, reason: str) -> dict[str, Any]:
    ended = accepting.decline(home, model, by=actor.who, reason=reason, proposal_id=proposal)
    facts = {"proposal": ended.id, "action": ended.action}
    audited(home, actor, "decline", model, {**facts, "reason": reason})
    return {"model": model, **facts}


def resume(home: Home, actor: Actor, model: str, reason: str) -> dict[str, Any]:
    home.registry.require_model(model)
    step = loop_orders.resume(home, model, by=actor.who, reason=reason)
    audited(home, actor, "resume", model, {"reason": reason})
    told: dict[str, Any] = as_stored(step)
    return told


def freeze(home: Home, actor: Actor, model: str, until: str | None, reason: str) -> dict[str, Any]:
    home.registry.require_model(model)
    made = loop_orders.freeze(home, model, Freeze(utc_now(), until, reason, actor.who))
    champion = home.registry.champion(model).version
    audited(home, actor, "freeze", model, {"version": champion, "until": made.until, "reason": made.reason})
    return {"model": model, "champion": champion, "until": made.until, "reason": made.reason}


def unfreeze(home: Home, actor: Actor, model: str) -> dict[str, Any]:
    ended = loop_orders.unfreeze(home, model, by=actor.who)
    if ended is not None:
        audited(home, actor, "unfreeze", model)
    return {"model": model, "was_frozen": ended is not None}
