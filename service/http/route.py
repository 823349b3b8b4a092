"""A route with all its facts: scope, accepted bodies, format of errors, description."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette import routing
from starlette.requests import Request
from starlette.responses import Response

from core.api_keys import KeyScope

JSON, FORM, OCTETS = "application/json", "application/x-www-form-urlencoded", "application/octet-stream"
MULTIPART = "multipart/form-data"
UNTYPED = ""
Schema = dict[str, Any]
Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class RouteGroup:
    """Accepted media types and format of errors for all paths with a prefix, including paths without a route.

    `flat_errors`: `error` is the message itself (see `service.http.envelope`).
    """

    prefix: str
    media_types: tuple[str, ...]
    flat_errors: bool = False

    @property
    def expected(self) -> str:
        """
        >>> RouteGroup("/v2", (JSON, OCTETS, UNTYPED)).expected
        'application/json or application/octet-stream'
        """
        return " or ".join(filter(None, self.media_types))


API = RouteGroup("/", (JSON,))
PAGES = RouteGroup("/dashboard", (FORM, MULTIPART))
# tritonclient sends no Content-Type, neither with JSON nor with binary tensors.
OPEN_INFERENCE = RouteGroup("/v2", (JSON, OCTETS, UNTYPED), flat_errors=True)


@dataclass(frozen=True)
class Operation:
    """A route's entry in the OpenAPI document.

    `takes` and `gives` are names of schemas (`service.http.schemas`); `gives` may also be a response object.
    `refusals`: error statuses that do not follow from the route's other facts. `more`: other keys of the entry.
    """

    summary: str
    gives: str | Schema
    status: str = "200"
    takes: str | None = None
    is_body_optional: bool = False
    example: Schema | None = None
    refusals: Sequence[str] = ()
    more: Schema = field(default_factory=dict)


class Route(routing.Route):
    def __init__(
        self,
        path: str,
        endpoint: Endpoint,
        *,
        method: str = "GET",
        scope: KeyScope | None = "predict",
        group: RouteGroup = API,
        takes_texts: bool = False,
        is_probe: bool = False,
        is_stream: bool = False,
        needs_ledger: bool = True,
        operation: Operation | None = None,
    ) -> None:
        """`scope`: the scope that a key needs; None: no key is needed. `takes_texts`: refused early at overload.
        `is_probe`: not traced. `is_stream`: its response goes on
        without a time limit. `needs_ledger`: its change is refused while the ledger is away.
        `operation` None: not part of the OpenAPI document.
        """
        super().__init__(path, endpoint, methods=[method])
        self.method = method
        self.scope = scope
        self.group = group
        self.takes_texts = takes_texts
        self.is_probe = is_probe
        self.is_stream = is_stream
        self.needs_ledger = needs_ledger
        self.operation = operation
