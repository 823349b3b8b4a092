"""Requests that are turned away: the leaves of the error tree that only a server needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from core.errors import InvalidInput, NotFound, RetuneError, Unavailable


class UnknownPath(NotFound):
    def __init__(self) -> None:
        super().__init__("There is nothing at this path. GET /openapi.json lists what there is.")


class WrongMethod(InvalidInput):
    code = "method_not_allowed"

    def __init__(self, method: str, allowed: Iterable[str]) -> None:
        self.allowed = ", ".join(sorted(allowed))
        super().__init__(f"Method {method[:16]!r} is not allowed at this path. Use {self.allowed}.")


class UnsupportedBody(InvalidInput):
    code = "unsupported_media_type"

    def __init__(self, expected: str) -> None:
        super().__init__(f"The body's Content-Type is not {expected}. Send {expected} and say so in that header.")


class BodyTooLarge(InvalidInput):
    code = "body_too_large"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"The body is larger than {limit_bytes} bytes. Send fewer or shorter texts in one request.")


class BodyTooSlow(InvalidInput):
    code = "body_too_slow"

    def __init__(self, timeout_s: float) -> None:
        super().__init__(f"The body was not complete after {timeout_s:g} s. Send it at once.")


class InvalidBody(InvalidInput):
    code = "invalid_body"


class ItemRefused(InvalidInput):
    """The only item of a request has no answer, and the protocol has one answer for both."""

    def __init__(self, code: str, sentence: str) -> None:
        self.code = code
        super().__init__(sentence)


class ModelNotNamed(InvalidInput):
    def __init__(self, known: Sequence[str]) -> None:
        models = ", ".join(known) or "none yet; add one with 'retune register'"
        super().__init__(f"The request names no model and there is no default. Name one in 'model'. Known: {models}.")


class VersionNotLoaded(NotFound):
    code = "version_not_loaded"

    def __init__(self, model: str, version: str, loaded: Sequence[str]) -> None:
        super().__init__(
            f"Version {version[:64]!r} of {model!r} does not answer here. Name one that does, {', '.join(loaded)}, "
            "or none for the champion."
        )


class UnknownPredictions(NotFound):
    code = "unknown_prediction"

    def __init__(self, count: int) -> None:
        super().__init__(
            f"None of the {count} prediction ids is known, so nothing was stored. Use the ids that /predict answered; "
            "send them again in a few seconds if they are new."
        )


class NoSuchReport(NotFound):
    def __init__(self, check_id: int) -> None:
        super().__init__(f"Check {check_id} has no report. Only checks that reached a verdict write one.")


class Overloaded(Unavailable):
    code = "overloaded"

    def __init__(self, waiting: int, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(f"{waiting} texts are waiting already. Send this again in {retry_after_s} s.")


class TookTooLong(Unavailable):
    code = "timeout"

    def __init__(self, timeout_s: float) -> None:
        super().__init__(f"There was no answer within {timeout_s:g} s. Send fewer texts, or this again later.")


class NotReady(Unavailable):
    code = "not_ready"

    def __init__(self, reason: str) -> None:
        super().__init__(f"Not ready: {reason}.")


class LedgerDown(Unavailable):
    code = "ledger_unavailable"

    def __init__(self) -> None:
        super().__init__("The ledger cannot be written right now and nothing was stored. Send this again.")


class TokenNeeded(RetuneError):
    code = "unauthorized"

    def __init__(self) -> None:
        super().__init__("This needs the admin token. Send it as 'Authorization: Bearer TOKEN'.")


class OnlyFromHere(RetuneError):
    code = "forbidden"

    def __init__(self) -> None:
        super().__init__(
            "Without an admin token this answers only to this machine. Ask on localhost, or set 'service.admin_token'."
        )


class OtherOrigin(RetuneError):
    code = "forbidden"

    def __init__(self) -> None:
        super().__init__("This request comes from a page of another site. Use the dashboard's own page.")
