"""Finds the route of a request: a table for fixed paths, patterns for paths with parameters."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from starlette.types import Scope

from service.http.route import Route
from service.refusals import UnknownPath, WrongMethod

UNKNOWN = "(unknown)"


class Router:
    """Finds routes by path and method, and writes "route" and "path_params" to the request's scope."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._fixed: dict[str, list[Route]] = {}
        self._patterns = [route for route in routes if route.param_convertors]
        for route in routes:
            if not route.param_convertors:
                self._fixed.setdefault(route.path, []).append(route)

    def find(self, scope: Scope) -> Route:
        """Raises `UnknownPath` or `WrongMethod`."""
        path: str = scope["path"]
        candidates = self._fixed.get(path) or self._matching(path, scope)
        if not candidates:
            raise UnknownPath
        for route in candidates:
            scope["route"] = route
            if scope["method"] in (route.methods or ()):
                return route
        raise WrongMethod(scope["method"], {method for route in candidates for method in route.methods or ()})

    def traced_path(self, scope: Scope) -> str | None:
        """The path of a request's route, even if the method is wrong; None for what is not traced: probes, streams."""
        copy = dict(scope)
        with suppress(UnknownPath, WrongMethod):
            self.find(copy)
        route = copy.get("route")
        return None if route is not None and (route.is_probe or route.is_stream) else route_template(copy)

    def _matching(self, path: str, scope: Scope) -> list[Route]:
        found = []
        for route in self._patterns:
            if match := route.path_regex.match(path):
                scope["path_params"] = match.groupdict()
                found.append(route)
        return found


def route_template(scope: Scope) -> str:
    """The path of the route that was found. Unlike request paths, the number of route paths is limited."""
    route = scope.get("route")
    return route.path if isinstance(route, Route) else UNKNOWN
