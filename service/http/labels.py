"""The routes for people who give labels: the queue of a model, and their answers."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from core.audit.entries import Actor
from core.feedback import Given, StoredLabels
from core.home import Home
from core.labelling.queue import first_answers, label_queue
from core.records import LabelRequest
from service.access.actor import actor_of
from service.http.envelope import json_response
from service.http.paging import DEFAULT_ROWS, LIMIT, MAX_ROWS, number_in, require_known
from service.http.protocols import feedback
from service.http.route import Operation, Route
from service.recording.audit import audited
from service.worker import Worker

SHOWN = ("prediction_id", "group", "text", "pair", "predicted", "score")
"""Without the purpose: who knows which texts measure may label them otherwise."""
QUEUE = Operation("The texts whose labels are asked for", "LabelQueue", refusals=["400"], more={"parameters": [LIMIT]})
GIVE = Operation("Store labels of predictions of a model", "Stored", takes="FeedbackRequest")


class Endpoints:
    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._home = worker.home
        self._run = worker.run_for_operator

    def routes(self) -> list[Route]:
        path = "/admin/models/{name}/labels"
        return [
            Route(path, self.queue, scope="label", operation=QUEUE),
            Route(path, self.give, method="POST", scope="label", operation=GIVE),
        ]

    async def queue(self, request: Request) -> Response:
        require_known(request, ("limit",))
        limit = number_in(request, "limit", MAX_ROWS) or DEFAULT_ROWS
        return json_response(await self._run(shown_queue, self._home, request.path_params["name"], limit))

    async def give(self, request: Request) -> Response:
        model, actor = request.path_params["name"], actor_of(request)
        items = feedback.parse(await request.body(), max_items=self._worker.config.service.max_items)
        await self._run(self._home.registry.require_model, model)
        stored = await self._worker.feedback.store(items, model=model)
        await self._run(record_labels, self._home, actor, model, items, stored)
        return json_response(feedback.rendered(stored))


def shown_queue(home: Home, model: str, limit: int) -> dict[str, Any]:
    """The requests for the first `limit` answers."""
    home.registry.require_model(model)
    queue = label_queue(home, model)
    requests = [shown(item) for item in first_answers(queue.requests, limit)]
    counts = {"answers": queue.answers, "texts": len(queue.requests)}
    return {"model": model, "labels": queue.labels, **counts, "requests": requests}


def shown(item: LabelRequest) -> dict[str, Any]:
    return {name: getattr(item, name) for name in SHOWN}


def record_labels(home: Home, actor: Actor, model: str, items: list[list[Given]], stored: StoredLabels) -> None:
    sources = sorted({given.source for item in items for given in item})
    counts = {"accepted": stored.accepted, "cannot_tell": stored.cannot_tell, "doubtful": len(stored.doubtful)}
    audited(home, actor, "give_labels", model, {"source": ", ".join(sources[:4]), **counts})
