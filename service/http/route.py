"""A route with everything that the layers around it must know: who may enter, what it takes, how it is described."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette import routing
from starlette.requests import Request
from starlette.responses import Response

from core.api_keys import KeyScope

JSON, FORM, OCTETS = "application/json", "application/x-www-form-urlencoded", "application/octet-stream"
UNTYPED = ""
Schema = dict[str, Any]
Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class RouteGroup:
    """What all paths below a prefix have in common, found or not: the types of body that they take, and the form of
    their errors. `flat_errors`: `error` is the sentence itself (see `service.http.envelope`).
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
PAGES = RouteGroup("/dashboard", (FORM,))
# tritonclient names no type, whether it sends JSON alone or with tensors behind it.
OPEN_INFERENCE = RouteGroup("/v2", (JSON, OCTETS, UNTYPED), flat_errors=True)


@dataclass(frozen=True)
class Operation:
    """A route's entry in the OpenAPI document.

    `takes` and `gives` are names of schemas (`service.http.schemas`); a response object may stand for the
    latter. `refusals`: statuses beside those that follow from the route's other facts; `more`: other keys.
    """

    summary: str
    gives: str | Schema
    status: str = "200"
    takes: str | None = None
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
        operation: Operation | None = None,
    ) -> None:
        """`scope`: what a key needs to enter, None where anyone is let in; `takes_texts`: for the engine, which may
        have enough to do; `is_probe`: asked so often that it is not traced; `operation` None: a page.
        """
        super().__init__(path, endpoint, methods=[method])
        self.method = method
        self.scope = scope
        self.group = group
        self.takes_texts = takes_texts
        self.is_probe = is_probe
        self.operation = operation
