"""The page of who changed what, when and through what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from core.audit.entries import Audit, AuditEntry
from core.audit.waiting import waiting
from core.home import Home
from service.http.history import since_of
from service.http.paging import Page, page_in
from service.http.route import Route
from service.pages.shell import Shell
from service.worker import Worker

MODEL, WHO, SINCE = "model", "who", "since"
LABELS = "give_labels"


@dataclass(frozen=True)
class Asked:
    """The fields of the form, None if they are empty."""

    model: str | None
    who: str | None
    since: str | None


@dataclass(frozen=True)
class Found:
    """`models`: to choose from; `waiting`: entries that the ledger does not have yet."""

    entries: list[AuditEntry]
    models: list[str]
    waiting: int


class Endpoints:
    def __init__(self, worker: Worker, shell: Shell) -> None:
        self._home, self._shell = worker.home, shell
        self._run = worker.run_for_operator

    def routes(self) -> list[Route]:
        return [self._shell.page("/-/audit", self.audit)]

    async def audit(self, request: Request) -> Response:
        page = page_in(request, others=[MODEL, WHO, SINCE])
        asked = Asked(*(request.query_params.get(name) or None for name in (MODEL, WHO, SINCE)))
        since = since_of(asked.since)
        found = await self._run(audit_of, self._home, asked, since, page)
        older = found.entries[-1].id if len(found.entries) == page.limit else None
        found = replace(found, entries=together(found.entries))
        query = {**vars(asked), "limit": page.limit, "before": older}
        return self._shell.render(request, "audit.html", asked=asked, found=found, page=page, older=query)


def together(entries: Sequence[AuditEntry]) -> list[AuditEntry]:
    """The entries; labels that one person gave in a row are one, with the counts of all of them."""
    found: list[AuditEntry] = []
    for entry in entries:
        last = found[-1] if found else None
        if last is not None and entry.action == last.action == LABELS and _same(entry) == _same(last):
            found[-1] = replace(last, facts=_sum(last.facts, entry.facts))
        else:
            found.append(entry)
    return found


def _same(entry: AuditEntry) -> tuple[object, ...]:
    return entry.who, entry.via, entry.model, entry.facts.get("source")


def _sum(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value + other.get(name, 0) if isinstance(value, int) else value for name, value in one.items()}


def audit_of(home: Home, asked: Asked, since: str, page: Page) -> Found:
    """Raises `Unavailable`."""
    read = Audit(home.ledger.database).latest
    entries = read(asked.model, since=since, who=asked.who, before=page.before, limit=page.limit)
    models = home.registry.models()
    if asked.model is not None and asked.model not in models:  # the entries of a model outlive it
        models = [*models, asked.model]
    return Found(entries, models, len(waiting(home.folder)))
