"""Errors that only the server raises: it refuses a request or cannot answer it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from core.errors import Conflict, InvalidInput, NotFound, RetuneError, Unavailable


class Fixed(RetuneError):
    """An error whose message is always the same."""

    sentence: str

    def __init__(self) -> None:
        super().__init__(self.sentence)


class Unauthorized(RetuneError):
    code = "unauthorized"


class Forbidden(RetuneError):
    code = "forbidden"


class ServerFailure(Fixed):
    """An unexpected error. Clients see no details; the log has them under the request's id."""

    code = "internal"
    sentence = "The server failed. Its log has the details under this request id."


class UnknownPath(Fixed, NotFound):
    sentence = "No route has this path. GET /openapi.json lists all routes."


class WrongMethod(InvalidInput):
    code = "method_not_allowed"

    def __init__(self, method: str, allowed: Iterable[str]) -> None:
        self.allowed = ", ".join(sorted(allowed))
        super().__init__(f"Method {method[:16]!r} is not allowed at this path. Use {self.allowed}.")


class UnsupportedBody(InvalidInput):
    code = "unsupported_media_type"

    def __init__(self, expected: str) -> None:
        super().__init__(f"The body's Content-Type is not {expected}. Send {expected} and say so in that header.")


class CompressedBody(Fixed, InvalidInput):
    code = "unsupported_media_type"
    sentence = "The body is compressed, and not by gzip. Send it with Content-Encoding: gzip, or uncompressed."


class BodyDamaged(Fixed, InvalidInput):
    code = "invalid_body"
    sentence = "The body is not gzip, or is cut off, although its Content-Encoding says gzip. Send all of it again."


class BodyTooLarge(InvalidInput):
    code = "body_too_large"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"The body is larger than {limit_bytes} bytes. Send fewer or shorter texts in one request.")


class MalformedRequest(Fixed, InvalidInput):
    code = "malformed_request"
    sentence = "The request is not valid HTTP/1.1. Check the client that sent it."


class HeadTooLarge(InvalidInput):
    code = "head_too_large"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"The request line and headers are larger than {limit_bytes} bytes. Send fewer headers.")


class HeadTooSlow(Fixed, InvalidInput):
    code = "head_too_slow"
    sentence = "The request line and headers were not complete in time. Send them at once."


class BodyTooSlow(Fixed, InvalidInput):
    code = "body_too_slow"
    sentence = "The body was not complete in time. Send it at once."


class BodyCut(Fixed, InvalidInput):
    code = "body_cut"
    sentence = "The connection ended before the body did. Send as much as Content-Length says."


class InvalidBody(InvalidInput):
    code = "invalid_body"


class ItemRefused(InvalidInput):
    """The only item of a request has an error, and the protocol's response has no field for errors of items."""

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
            f"Version {version[:64]!r} of {model!r} is not in memory. In memory: {', '.join(loaded)}. "
            "Name one of these, or none for the champion."
        )


class TextNotFound(NotFound):
    def __init__(self, prediction_id: str) -> None:
        super().__init__(
            f"No prediction {prediction_id[:64]!r} of this model can be shown: it was erased, its label was "
            "not asked for, or the id is wrong. Go back and choose another text."
        )


class UnknownPredictions(NotFound):
    code = "unknown_prediction"

    def __init__(self, count: int) -> None:
        super().__init__(
            f"None of the {count} prediction ids is known, so nothing was stored. Use the ids that /predict answered."
        )


class ReportNotFound(NotFound):
    def __init__(self, check_id: int) -> None:
        super().__init__(f"Check {check_id} has no report. If it reached a verdict: retune report --check {check_id}.")


class Overloaded(Unavailable):
    code = "overloaded"

    def __init__(self, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(f"More texts are waiting than can be answered soon. Send this again in {retry_after_s} s.")


class TooManyFollow(Unavailable):
    code = "too_many_streams"

    def __init__(self, most: int) -> None:
        super().__init__(
            f"This worker has {most} event streams, as many as it may have. Close one, or raise service.max_streams."
        )


class TimedOut(Unavailable):
    code = "timeout"

    def __init__(self, timeout_s: float) -> None:
        super().__init__(f"There was no answer within {timeout_s:g} s. Send fewer texts, or send this again later.")


class NotReady(Unavailable):
    code = "not_ready"

    def __init__(self, reason: str) -> None:
        super().__init__(f"Not ready: {reason}.")


class ChampionNotLoaded(Unavailable):
    """The message leaves out the reason, which names files; operators find it at /admin and in the log."""

    code = "champion_not_loaded"

    def __init__(self, model: str, version: str | None) -> None:
        what = f"Version {version} of model {model!r}" if version else f"The champion of model {model!r}"
        super().__init__(
            f"{what} cannot be loaded; /admin/models/{model} says why. Promote another version, or register it anew."
        )


class Stopping(NotReady):
    def __init__(self) -> None:
        super().__init__("the server is stopping")


class PredictionsPending(Unavailable):
    code = "prediction_pending"

    def __init__(self, count: int) -> None:
        which = "1 prediction is" if count == 1 else f"{count} predictions are"
        super().__init__(
            f"{which} not in the ledger yet; the labels of the others are stored. Send this again in a few seconds."
        )


class LedgerUnavailable(Fixed, Unavailable):
    code = "ledger_unavailable"
    sentence = "The ledger cannot be written right now and nothing was stored. Send this again."


class AdminTokenRequired(Fixed, Unauthorized):
    sentence = "This needs the admin token or a key with the scope 'admin'. Send it as 'Authorization: Bearer …'."


class KeyRequired(Unauthorized):
    def __init__(self, needed: str) -> None:
        super().__init__(
            f"This needs a key with the scope {needed!r}. Send it as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'."
        )


class KeyRefused(Fixed, Unauthorized):
    """The same message for an unknown id and a wrong secret, so that an attacker cannot find valid ids."""

    sentence = "This key or token is wrong, was revoked or has expired. Ask the operator for another one."


class KeysUnavailable(Fixed, Unavailable):
    """The message leaves out the file's path, which only operators may see; the log has it."""

    sentence = "The server cannot read its keys and accepts none. Tell the operator; its log says why."


class ScopeMissing(Forbidden):
    def __init__(self, name: str, needed: str) -> None:
        super().__init__(f"The key {name!r} lacks the scope {needed!r}. Ask the operator for a key that has it.")


class TokenNotForClients(Forbidden):
    def __init__(self, needed: str) -> None:
        super().__init__(
            f"This is the admin token, and it is right, but routes of clients take a key with the scope {needed!r}. "
            f"Make one: retune keys add NAME --scope {needed}."
        )


class FormExpired(Fixed, Forbidden):
    sentence = "This form is from another session, so nothing was changed. Load the page again and repeat it."


class OtherPerson(Conflict):
    def __init__(self, then: str, now: str) -> None:
        super().__init__(
            f"The answers were given by {then!r}, and {now!r} is logged in. Log in as {then!r} to send them."
        )


class RateExceeded(RetuneError):
    code = "rate_limited"

    def __init__(self, name: str, rate: float, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(
            f"The key {name!r} has sent more than its {rate:g} requests a second. Send this again in {retry_after_s} s."
        )


class OnlyFromLocalhost(Fixed, Forbidden):
    sentence = (
        "Without an admin token this is for requests from the same machine only. Use localhost, or set "
        "'service.admin_token'."
    )


class OperatorRoutesOff(Forbidden):
    def __init__(self, host: str) -> None:
        super().__init__(
            f"The server listens on {host} and has no admin token, so this is disabled. Set 'service.admin_token', "
            "or run: retune keys add NAME --scope admin."
        )


class CrossOrigin(Fixed, Forbidden):
    sentence = "The request was sent by a page of another site. Use the dashboard's own page."


class PageNeedsLedger(Unavailable):
    def __init__(self, model: str, problem: str) -> None:
        super().__init__(
            f"Nothing was changed, because the ledger is away: {problem} Try again when it is back. Without it, "
            f"'retune rollback {model}' and POST /admin/models/{model}/rollback put the version before in service."
        )


class RefusedVersion(Conflict):
    """`why`: what the gate or the guard said."""

    code = "force_needed"

    def __init__(self, model: str, version: str, why: str) -> None:
        super().__init__(
            f"{model}@{version} was not put in service: {why} To do it nonetheless, tick 'by force' and give a reason."
        )


class BackToAnother(Conflict):
    code = "champion_changed"

    def __init__(self, model: str, wanted: str, now: str | None) -> None:
        found = f"goes back to {model}@{now} by now" if now else "has nothing to go back to by now"
        super().__init__(
            f"A roll back of {model!r} {found}, and the page said {model}@{wanted}, so nothing has changed. Look again."
        )


class RungsNotFound(NotFound):
    def __init__(self, model: str, version: str) -> None:
        super().__init__(f"{model}@{version} keeps no page of its rungs: only an export writes one.")
