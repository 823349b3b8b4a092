"""The routes of operators: how a model stands in every worker, and the order to retrain it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from core import promotion
from core.errors import CorruptPackage, VersionRefused
from core.records import JobRecord
from core.registry import Champion
from service.fields import fields_in, name_in, require_empty
from service.http.envelope import json_response
from service.http.route import Operation, Route
from service.refusals import InvalidBody
from service.worker import Worker

# The workers have so much of a request's time to follow; the rest is for the answer.
SHARE_OF_TIMEOUT = 0.8
logger = logging.getLogger(__name__)


class Endpoints:
    """`Access` lets only operators in."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def routes(self) -> list[Route]:
        return [
            Route(
                "/admin/models",
                self.models,
                scope="admin",
                operation=Operation("How all models stand in every worker", "ModelStatuses"),
            ),
            Route(
                "/admin/models/{name}",
                self.model,
                scope="admin",
                operation=Operation("How a model stands in every worker", "ModelStatus"),
            ),
            Route(
                "/admin/models/{name}/promote",
                self.promote,
                method="POST",
                scope="admin",
                operation=Operation(
                    "Put a version in service",
                    "Promoted",
                    takes="PromoteRequest",
                    example={"version": "1"},
                    refusals=["409"],
                ),
            ),
            Route(
                "/admin/models/{name}/rollback",
                self.roll_back,
                method="POST",
                scope="admin",
                operation=Operation("Put the champion before in service again", "Promoted", refusals=["409"]),
            ),
            Route(
                "/admin/models/{name}/retrain",
                self.retrain,
                method="POST",
                scope="admin",
                operation=Operation("Ask for a retrain", "Job", status="202"),
            ),
        ]

    async def models(self, _: Request) -> Response:
        names = await self._worker.at_desk(self._worker.home.registry.models)
        return json_response({"models": [await self._worker.at_desk(status_of, self._worker, name) for name in names]})

    async def promote(self, request: Request) -> Response:
        fields = fields_in(await request.body(), known=("version",))
        version = name_in(fields, "version")
        if version is None:
            raise InvalidBody("Field 'version' is missing. Send the version to put in service, as a string.")
        return await self._changed(request, partial(put_in_service, version=version))

    async def roll_back(self, request: Request) -> Response:
        require_empty(await request.body())
        return await self._changed(request, put_back)

    async def _changed(self, request: Request, change: Callable[[Worker, str], Champion]) -> Response:
        name = request.path_params["name"]
        champion = await self._worker.at_desk(change, self._worker, name)
        return json_response({"model": name, "version": champion.version, "champion": champion.version})

    async def model(self, request: Request) -> Response:
        return json_response(await self._worker.at_desk(status_of, self._worker, request.path_params["name"]))

    async def retrain(self, request: Request) -> Response:
        require_empty(await request.body())
        job = await self._worker.at_desk(ask_for_retrain, self._worker, request.path_params["name"])
        return json_response({"job": job.id, "status": job.status}, status=202)


def status_of(worker: Worker, model: str) -> dict[str, Any]:
    """The champion as the registry names it, and what each worker has made of it."""
    versions = worker.home.registry.require_model(model)
    champion = worker.home.registry.readable_pointer(model)
    return {
        "model": model,
        "champion": asdict(champion) if champion else None,
        "versions": versions,
        "workers": [
            {"pid": entry.pid, **asdict(entry.models[model])}
            for entry in worker.server_workers.living()
            if model in entry.models
        ],
    }


def put_in_service(worker: Worker, model: str, *, version: str) -> Champion:
    """As `retune promote`: returns when every worker answers with the version."""
    worker.home.registry.require_model(model)
    try:
        return promotion.promote(worker.home, model, version, **_following(worker, model, "Promoted over HTTP."))
    except CorruptPackage as error:  # whose status says that texts may be answered later
        champion = worker.home.registry.readable_pointer(model)
        raise VersionRefused(model, version, str(error), champion.version if champion else None) from error


def put_back(worker: Worker, model: str) -> Champion:
    """As `retune rollback`."""
    worker.home.registry.require_model(model)
    return promotion.roll_back(worker.home, model, **_following(worker, model, "Rolled back over HTTP."))


def _following(worker: Worker, model: str, reason: str) -> dict[str, Any]:
    return {
        "timeout_s": worker.config.service.timeout_s * SHARE_OF_TIMEOUT,
        # Off the way: a rollback is not to wait for a ledger that is locked.
        "on_change": partial(_note, worker, model, reason),
    }


def _note(worker: Worker, *change: Any) -> None:
    worker.notes.submit(_record, worker, *change)


def _record(
    worker: Worker, model: str, reason: str, champion: Champion, before: Champion | None, is_undone: bool
) -> None:
    """Note it in the ledger if that is reachable; the pointer is what counts."""
    try:
        promotion.record_change(worker.home.ledger, model, reason, champion, before, is_undone)
    except Exception as error:  # nobody waits for it
        logger.error("A change of champion is not noted in the ledger: %s", error)


def ask_for_retrain(worker: Worker, model: str) -> JobRecord:
    """The job that a worker of `retune worker` takes; one that waits or runs already is the answer."""
    worker.home.registry.require_model(model)
    worker.home.registry.champion(model)
    return worker.home.jobs.enqueue(model, "retrain")
