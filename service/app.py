"""The ASGI app of one worker: all routes behind the guard."""

from __future__ import annotations

from collections.abc import Callable

from service.http import admin, client_routes, events, history, jobs, labels, loop, openapi, probes, status
from service.http.guard import Guard, RequestLimits
from service.http.once import once
from service.http.protocols import open_inference
from service.http.route import Route, Schema
from service.pages import all_pages
from service.pages.shell import Shell
from service.worker import Worker


def guarded_app(worker: Worker, *, schema: Callable[[], Schema]) -> Guard:
    """`schema`: the schema of the BentoML service."""
    settings, shell = worker.config.service, Shell(worker.access)
    return Guard(
        routes_of(worker, shell, schema),
        require=worker.access.require,
        metrics=worker.metrics,
        limits=RequestLimits(settings.max_body_bytes, settings.timeout_s),
        is_draining=lambda: worker.is_draining,
        full_for_s=worker.batcher.retry_after_s,
        log=worker.access_log.add if worker.access_log else lambda _: None,
        page_of=shell.refusal,
    )


def routes_of(worker: Worker, shell: Shell, schema: Callable[[], Schema]) -> list[Route]:
    api = [
        *client_routes.Endpoints(worker).routes(),
        *open_inference.Endpoints(worker).routes(),
        *probes.Endpoints(worker).routes(),
        *admin.Endpoints(worker).routes(),
        *jobs.Endpoints(worker).routes(),
        *history.Endpoints(worker).routes(),
        *labels.Endpoints(worker).routes(),
        *events.Endpoints(worker).routes(),
        *status.Endpoints(worker).routes(),
        *loop.Endpoints(worker).routes(),
    ]
    api = [once(route, worker) if is_change(route) else route for route in api]
    described = openapi.Endpoints(api, worker.config.service, schema).routes()
    return [*api, *described, *all_pages.routes_of(worker, shell)]


def is_change(route: Route) -> bool:
    """Whether it changes something for an operator."""
    return route.method == "POST" and route.path.startswith("/admin")
