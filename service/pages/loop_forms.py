"""What a person tells the loop on pages: to do what it proposes or not, to leave the champion alone, to try again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from core.errors import ChampionChanged, InvalidInput
from core.freezes import until_of
from core.home import Home
from service.access.actor import actor_of
from service.http import loop
from service.http.paging import MAX_ID
from service.http.route import Route
from service.pages.champion_forms import reason_in
from service.pages.ledger_needed import require_ledger
from service.pages.shell import Form, Shell, to_page
from service.worker import Worker

VERSION = "version"
"""Stands for the version that the form names."""
PAGES = {"versions": ("versions",), "rollback": ("rollback",), "promote": ("versions", VERSION, "promote")}
"""Pages of a model from which a form may be sent, apart from its first one, by the field `from`."""
MAX_UNTIL_CHARS = 40


class Endpoints:
    def __init__(self, worker: Worker, shell: Shell) -> None:
        self._home, self._shell = worker.home, shell
        self._run = worker.run_for_operator

    def routes(self) -> list[Route]:
        return [
            self._shell.change("/{model}/accept", self.accept),
            self._shell.change("/{model}/decline", self.decline),
            self._shell.change("/{model}/freeze", self.freeze),
            self._shell.change("/{model}/unfreeze", self.unfreeze),
            self._shell.change("/{model}/resume", self.resume),
        ]

    async def accept(self, request: Request, form: Form) -> Response:
        return await self._told(loop.accept, request, form, _proposal_in(form))

    async def decline(self, request: Request, form: Form) -> Response:
        return await self._told(loop.decline, request, form, _proposal_in(form), reason_in(form))

    async def freeze(self, request: Request, form: Form) -> Response:
        until, reason = form.get("until", "").strip(), reason_in(form)
        if len(until) > MAX_UNTIL_CHARS:
            raise InvalidInput(
                f"The end of the freeze has {len(until)} characters. Write a time, e.g. 2026-12-24T18:00."
            )
        await self._run(_require_champion, self._home, request.path_params["model"], form.get("expected", ""))
        return await self._told(loop.freeze, request, form, until_of(until) if until else None, reason)

    async def unfreeze(self, request: Request, form: Form) -> Response:
        return await self._told(loop.unfreeze, request, form)

    async def resume(self, request: Request, form: Form) -> Response:
        return await self._told(loop.resume, request, form, reason_in(form))

    async def _told(self, order: Callable[..., Any], request: Request, form: Form, *given: Any) -> Response:
        model = request.path_params["model"]
        await self._run(_require_model, self._home, model)
        await self._run(order, self._home, actor_of(request), model, *given)
        return to_page(model, *_page_of(form))


def _page_of(form: Form) -> list[str]:
    version = form.get(VERSION, "")
    page = PAGES.get(form.get("from", ""), ())
    return [version if part == VERSION else part for part in page] if version or VERSION not in page else []


def _require_model(home: Home, model: str) -> None:
    home.registry.require_model(model)
    require_ledger(home, model)


def _require_champion(home: Home, model: str, expected: str) -> None:
    """Raises `ChampionChanged` if the page showed another champion."""
    now = home.registry.champion(model).version
    if now != expected:
        raise ChampionChanged(model, expected or None, now)


def _proposal_in(form: Form) -> int:
    written = form.get("proposal", "")
    number = int(written) if written.isascii() and written.isdigit() and len(written) <= len(str(MAX_ID)) else 0
    if not 1 <= number <= MAX_ID:
        raise InvalidInput("The form names no proposal. Load the page again and use its button.")
    return number
