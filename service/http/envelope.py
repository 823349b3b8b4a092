"""The error envelope: status and body of every error, `{"error": {"code", "message", "request_id"}}`.

Clients of the Open Inference Protocol expect a string as `error`, and tritonclient fails on an object. They get the
body `{"error": message, "code", "request_id"}`.
"""

from __future__ import annotations

import orjson
from starlette.responses import Response

from core import errors
from service import refusals

# A class without an entry has the status of its nearest base class.
STATUSES: dict[type[errors.RetuneError], int] = {
    errors.RetuneError: 500,
    errors.InvalidInput: 400,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Unavailable: 503,
    refusals.Unauthorized: 401,
    refusals.Forbidden: 403,
    refusals.WrongMethod: 405,
    refusals.BodyTooSlow: 408,
    refusals.HeadTooSlow: 408,
    refusals.BodyTooLarge: 413,
    refusals.UnsupportedBody: 415,
    refusals.CompressedBody: 415,
    refusals.Overloaded: 429,
    refusals.RateExceeded: 429,
    refusals.HeadTooLarge: 431,
    refusals.TimedOut: 504,
}
RETRY_AFTER_S = 5


def status_of(error: errors.RetuneError) -> int:
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


def json_response(content: object, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(content), status_code=status, headers=headers, media_type="application/json")


def error_response(error: errors.RetuneError, request_id: str, *, flat: bool = False) -> Response:
    facts = {"code": error.code, "message": str(error), "request_id": request_id}
    body = {"error": facts.pop("message"), **facts} if flat else {"error": facts}
    status = status_of(error)
    return json_response(body, status=status, headers=headers_of(error, status))


def headers_of(error: errors.RetuneError, status: int) -> dict[str, str]:
    if isinstance(error, refusals.WrongMethod):
        return {"Allow": error.allowed}
    if status == 401:
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, refusals.BodyTooLarge | refusals.BodyTooSlow):
        return {"Connection": "close"}  # the rest of the body must not be parsed as a request
    if status in (429, 503):
        return {"Retry-After": str(getattr(error, "retry_after_s", RETRY_AFTER_S))}
    return {}
