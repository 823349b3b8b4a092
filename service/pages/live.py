"""The events that a page follows, as `/admin/events` sends them, for the session of a browser."""

from __future__ import annotations

from service.http import events
from service.http.route import Route
from service.pages.shell import Shell
from service.worker import Worker


class Endpoints:
    def __init__(self, worker: Worker, shell: Shell) -> None:
        self._events, self._shell = events.Endpoints(worker), shell

    def routes(self) -> list[Route]:
        return [
            self._shell.data("/-/events", self._events.all_models, is_stream=True),
            self._shell.data("/{name}/events", self._events.one_model, is_stream=True),
        ]
