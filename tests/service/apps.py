"""The ASGI app of a worker in this process, without the BentoML service."""

from __future__ import annotations

from service.app import guarded_app, routes_of
from service.http.guard import Guard
from service.http.route import Route
from service.pages.shell import Shell
from service.worker import Worker


def app_of(worker: Worker) -> Guard:
    return guarded_app(worker, schema=dict)


def all_routes(worker: Worker) -> list[Route]:
    return routes_of(worker, Shell(worker.access), dict)
