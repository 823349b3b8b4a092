"""Pages of a list, most recent rows first: `?limit=50&before=ID`, and the id for the next page as `next`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from core.errors import InvalidInput
from service.fields import listed
from service.http.route import Schema

DEFAULT_ROWS, MAX_ROWS = 50, 200
MAX_ID = 2**31 - 1
SHOWN_CHARS = 32


def _integer(most: int) -> Schema:
    return {"type": "integer", "minimum": 1, "maximum": most}


def in_query(name: str, schema: Schema) -> Schema:
    return {"name": name, "in": "query", "required": False, "schema": schema}


LIMIT = in_query("limit", _integer(MAX_ROWS))
PAGED = [LIMIT, in_query("before", _integer(MAX_ID))]


@dataclass(frozen=True)
class Page:
    """At most `limit` rows with an id smaller than `before`."""

    limit: int = DEFAULT_ROWS
    before: int | None = None


def page_in(request: Request, *, others: Sequence[str] = ()) -> Page:
    """`others`: names of further parameters of the route. Raises `InvalidInput`."""
    require_known(request, ("limit", "before", *others))
    limit = number_in(request, "limit", MAX_ROWS)
    return Page(DEFAULT_ROWS if limit is None else limit, number_in(request, "before", MAX_ID))


def require_known(request: Request, known: Sequence[str]) -> None:
    if (unknown := next((name for name in request.query_params if name not in known), None)) is not None:
        raise InvalidInput(f"Unknown parameter {unknown[:SHOWN_CHARS]!r}. Known: {listed(known)}.")


def number_in(request: Request, name: str, most: int) -> int | None:
    written = request.query_params.get(name)
    if written is None:
        return None
    digits = written if written.isascii() and written.isdigit() and len(written) <= len(str(most)) else "0"
    if not 1 <= int(digits) <= most:
        shown = written[:SHOWN_CHARS]
        raise InvalidInput(f"Parameter {name!r} is {shown!r}. Send a whole number from 1 to {most}.")
    return int(digits)


def name_in_query(request: Request, name: str) -> str | None:
    written = request.query_params.get(name)
    if written == "":
        raise InvalidInput(f"Parameter {name!r} is empty. Name one, or leave it out.")
    return written


def choice_in(request: Request, name: str, choices: Sequence[str]) -> str | None:
    """One of the choices; None if the parameter is missing. Raises `InvalidInput`."""
    written = request.query_params.get(name)
    if written is not None and written not in choices:
        shown = written[:SHOWN_CHARS]
        raise InvalidInput(f"Parameter {name!r} is {shown!r}. Known: {listed(choices)}.")
    return written


def paged(name: str, rows: Sequence[dict[str, Any]], page: Page) -> dict[str, Any]:
    """The rows, and the `before` of the next page; None if there is none."""
    return {name: list(rows), "next": rows[-1]["id"] if len(rows) == page.limit else None}
