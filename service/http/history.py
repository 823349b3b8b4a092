"""The routes for operators about what happened to a model: checks, decisions, promotions, and the audit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from core.audit.entries import Audit
from core.clock import stored_time
from core.errors import InvalidInput
from core.home import Home
from core.ledger_tables.incidents import Incidents
from core.records import PromotionRecord
from core.stored import as_stored
from service.http.envelope import json_response
from service.http.paging import PAGED, SHOWN_CHARS, Page, in_query, name_in_query, page_in, paged
from service.http.route import Operation, Route, Schema
from service.worker import Worker

PAGE: Schema = {"parameters": PAGED}
CHECKS = Operation("Drift checks of a model, most recent first", "Checks", refusals=["400"], more=PAGE)
DECISIONS = Operation("Decisions about a model, most recent first", "Decisions", refusals=["400"], more=PAGE)
PROMOTIONS = Operation(
    "Promotions and refusals of a model with the gate's verdicts, most recent first",
    "Promotions",
    refusals=["400"],
    more=PAGE,
)
INCIDENTS = Operation("Incidents of a model, most recent first", "Incidents", refusals=["400"], more=PAGE)
TEXT: Schema = {"type": "string", "minLength": 1}
AUDIT = Operation(
    "Who changed what, most recent first",
    "AuditEntries",
    refusals=["400"],
    more={"parameters": [*PAGED, in_query("model", TEXT), in_query("since", {"type": "string", "format": "date"})]},
)
Reader = Callable[[Home, str, Page], dict[str, Any]]


class Endpoints:
    def __init__(self, worker: Worker) -> None:
        self._home = worker.home
        self._run = worker.run_for_operator

    def routes(self) -> list[Route]:
        readers = (
            ("checks", checks, CHECKS),
            ("decisions", decisions, DECISIONS),
            ("promotions", promotions, PROMOTIONS),
            ("incidents", incidents, INCIDENTS),
        )
        return [
            *(
                Route(f"/admin/models/{{name}}/{what}", partial(self.page, read), scope="admin", operation=operation)
                for what, read, operation in readers
            ),
            Route("/admin/audit", self.audit, scope="admin", operation=AUDIT),
        ]

    async def page(self, read: Reader, request: Request) -> Response:
        return json_response(await self._run(read, self._home, request.path_params["name"], page_in(request)))

    async def audit(self, request: Request) -> Response:
        page = page_in(request, others=("model", "since"))
        model, since = name_in_query(request, "model"), since_in(request)
        return json_response(await self._run(audit_entries, self._home, model, since, page))


def checks(home: Home, model: str, page: Page) -> dict[str, Any]:
    home.registry.require_model(model)
    found = home.ledger.checks(model, limit=page.limit, before=page.before)
    return paged("checks", [as_stored(check) for check in found], page)


def decisions(home: Home, model: str, page: Page) -> dict[str, Any]:
    home.registry.require_model(model)
    found = home.ledger.decisions(model, limit=page.limit, before=page.before)
    return paged("decisions", [as_stored(decision) for decision in found], page)


def promotions(home: Home, model: str, page: Page) -> dict[str, Any]:
    home.registry.require_model(model)
    found = home.ledger.promotions(model, limit=page.limit, before=page.before)
    return paged("promotions", [promotion_json(promotion) for promotion in found], page)


def incidents(home: Home, model: str, page: Page) -> dict[str, Any]:
    home.registry.require_model(model)
    found = Incidents(home.ledger.database).latest(model, limit=page.limit, before=page.before)
    return paged("incidents", [as_stored(incident) for incident in found], page)


def promotion_json(promotion: PromotionRecord) -> dict[str, Any]:
    """The disagreements of the gate's verdict by their number only: there may be thousands. Without what is counted by
    label.
    """
    row: dict[str, Any] = as_stored(promotion)
    if promotion.gate is not None:
        verdict = row["gate"]["gate"]
        verdict["disagreements"]["differing"] = len(promotion.gate.verdict.disagreements.differing)
        del verdict["disagreements"]["agreed"], verdict["fresh"]["by_label"], verdict["old"]["by_label"]
    return row


def audit_entries(home: Home, model: str | None, since: str, page: Page) -> dict[str, Any]:
    found = Audit(home.ledger.database).latest(model, since=since, before=page.before, limit=page.limit)
    return paged("entries", [vars(entry) for entry in found], page)


def since_in(request: Request) -> str:
    """The parameter `since` as a stored time; before all times if it is missing. Raises `InvalidInput`."""
    return since_of(request.query_params.get("since"))


def since_of(written: str | None) -> str:
    """As `since_in`, of the parameter's text."""
    if written is None:
        return ""
    try:
        return stored_time(datetime.fromisoformat(written))
    except (ValueError, OverflowError) as error:
        shown = written[:SHOWN_CHARS]
        raise InvalidInput(f"Parameter 'since' is {shown!r}. Send a date or time, e.g. 2026-01-31.") from error
