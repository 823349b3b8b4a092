"""The routes for operators: the state of models in every worker, promotion, rollback and retraining."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from core import promotion
from core.audit.entries import Actor
from core.home import Home
from core.home_processes.server_workers import ServerWorkerStatus
from core.loop.accepting import request_retrain
from core.records import JobRecord
from service.access.actor import actor_of
from service.fields import Fields, fields_in, flag_in, name_in, require_empty
from service.http.champion_changes import Change, change_champion, put_in_service
from service.http.envelope import json_response
from service.http.route import Operation, Route
from service.recording.audit import audited
from service.refusals import InvalidBody
from service.worker import Worker

ALL_MODELS = Operation("The state of all models in every worker", "ModelStatuses")
ONE_MODEL = Operation("The state of a model in every worker", "ModelStatus")
PROMOTE = Operation(
    "Put a version in service", "Promoted", takes="PromoteRequest", example={"version": "1"}, refusals=["409"]
)
ROLL_BACK = Operation(
    "Put the previous champion in service again",
    "Promoted",
    takes="RollBackRequest",
    is_body_optional=True,
    refusals=["409"],
)
RETRAIN = Operation("Queue a retrain", "Job", status="202")


class Endpoints:
    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._run = worker.run_for_operator

    def routes(self) -> list[Route]:
        post = partial(Route, method="POST", scope="admin")
        return [
            Route("/admin/models", self.models, scope="admin", operation=ALL_MODELS),
            Route("/admin/models/{name}", self.model, scope="admin", operation=ONE_MODEL),
            post("/admin/models/{name}/promote", self.promote, needs_ledger=False, operation=PROMOTE),
            post("/admin/models/{name}/rollback", self.roll_back, needs_ledger=False, operation=ROLL_BACK),
            post("/admin/models/{name}/retrain", self.retrain, operation=RETRAIN),
        ]

    async def models(self, _: Request) -> Response:
        return json_response({"models": await self._run(self._statuses)})

    async def model(self, request: Request) -> Response:
        return json_response(await self._run(self._status_of, request.path_params["name"]))

    async def promote(self, request: Request) -> Response:
        fields = fields_in(await request.body(), known=("version", "expected", "force"))
        version = name_in(fields, "version")
        if version is None:
            raise InvalidBody("Field 'version' is missing. Send the version to put in service, as a string.")
        expected, force = expected_in(fields), flag_in(fields, "force")
        change = partial(put_in_service, version=version, expected=expected, force=force)
        return await self._changed(request, Change(change, "promote", "Promoted over HTTP."))

    async def roll_back(self, request: Request) -> Response:
        body = await request.body()
        fields = fields_in(body, known=("expected",)) if body else {}
        change = partial(promotion.roll_back, expected=expected_in(fields))
        return await self._changed(request, Change(change, "roll_back", "Rolled back over HTTP."))

    async def retrain(self, request: Request) -> Response:
        require_empty(await request.body())
        job = await self._run(enqueue_retrain, self._worker.home, request.path_params["name"], actor_of(request))
        return json_response({"job": job.id, "status": job.status}, status=202)

    async def _changed(self, request: Request, change: Change) -> Response:
        name = request.path_params["name"]
        champion = await change_champion(self._worker, name, change, actor_of(request))
        return json_response({"model": name, "version": champion.version, "champion": champion.version})

    def _status_of(self, model: str) -> dict[str, Any]:
        versions = self._worker.home.registry.require_model(model)
        return self._status(model, versions, self._worker.server_workers.living())

    def _statuses(self) -> list[dict[str, Any]]:
        workers = self._worker.server_workers.living()
        catalog = self._worker.home.registry.catalog()
        return [self._status(model, versions, workers) for model, versions in catalog.items()]

    def _status(self, model: str, versions: list[str], workers: Sequence[ServerWorkerStatus]) -> dict[str, Any]:
        """The champion in the registry, and the state of the model in each worker."""
        champion = self._worker.home.registry.readable_pointer(model)
        return {
            "model": model,
            "champion": asdict(champion) if champion else None,
            "versions": versions,
            "workers": [
                {"pid": entry.pid, **asdict(entry.models[model])} for entry in workers if model in entry.models
            ],
        }


def enqueue_retrain(home: Home, model: str, actor: Actor) -> JobRecord:
    """The new job, or the retrain that is already queued or running. Raises `ModelNotFound` or `NoChampion`."""
    home.registry.require_model(model)
    job = request_retrain(home, model, by=actor.who)
    audited(home, actor, "retrain", model, {"job": job.id})
    return job


def expected_in(fields: Fields) -> str | None:
    """The version that the client takes for the champion; None: it takes the model to have none."""
    return name_in(fields, "expected") if "expected" in fields else promotion.ANY
