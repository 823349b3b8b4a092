"""The routes of operators: how a model stands in every worker, and the order to retrain it."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from core.errors import ModelNotFound
from core.records import JobRecord
from service.envelope import json_response
from service.requests import parse_empty
from service.worker import Worker


class Endpoints:
    """`Access` lets only operators in."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def routes(self) -> list[Route]:
        return [
            Route("/admin/models/{name}", self.model),
            Route("/admin/models/{name}/retrain", self.retrain, methods=["POST"]),
        ]

    async def model(self, request: Request) -> Response:
        return json_response(await asyncio.to_thread(standing, self._worker, request.path_params["name"]))

    async def retrain(self, request: Request) -> Response:
        parse_empty(await request.body())
        job = await asyncio.to_thread(ask_for_retrain, self._worker, request.path_params["name"])
        return json_response({"job": job.id, "status": job.status}, status=202)


def standing(worker: Worker, model: str) -> dict[str, Any]:
    """The champion as the registry names it, and what each worker has made of it."""
    versions = require_model(worker, model)
    champion = worker.registry.pointer(model)
    return {
        "model": model,
        "champion": asdict(champion) if champion else None,
        "versions": versions,
        "workers": [
            {"pid": entry.pid, **asdict(entry.models[model])}
            for entry in worker.roster.workers()
            if model in entry.models
        ],
    }


def ask_for_retrain(worker: Worker, model: str) -> JobRecord:
    """The job that a worker of `retune worker` takes; one that waits or runs already is the answer."""
    require_model(worker, model)
    worker.registry.champion(model)
    return worker.jobs().enqueue(model, "retrain")


def require_model(worker: Worker, model: str) -> list[str]:
    """The versions of a model; raises `ModelNotFound` before its name becomes part of a path."""
    known = worker.registry.models()
    if model not in known:
        raise ModelNotFound(model, known)
    return worker.registry.versions(model)
