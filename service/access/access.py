"""Access control: a route needs a key with its scope, the admin token, or a request from the same machine."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from starlette.requests import Request

from core.api_keys import ApiKey, KeyScope
from core.config import Config
from core.errors import RetuneError
from service.access.keyring import Keyring
from service.access.origin import is_loopback, require_localhost, require_same_origin
from service.access.rate_limits import RateLimits
from service.access.sessions import COOKIE, Sessions, is_same
from service.host.process import server_folder
from service.refusals import (
    AdminTokenRequired,
    FormExpired,
    KeyRefused,
    KeyRequired,
    OperatorRoutesOff,
    RateExceeded,
    ScopeMissing,
    TokenNotForClients,
)

TOKEN_HOLDER, ADMIN_TOKEN = "", "admin token"


class Access:
    """Checks a request before its body is read. Every comparison with a secret takes constant time."""

    def __init__(self, config: Config, *, on_refusal: Callable[[str], None]) -> None:
        """`on_refusal` gets the code of each refusal."""
        self._token = config.service.admin_token
        self._host = config.service.host
        self._keyring = Keyring(config.keys_file, may_open=config.service.open)
        self._limits = RateLimits(server_folder(config) / "limits")
        self._sessions = Sessions(server_folder(config) / "session-secret")
        self._on_refusal = on_refusal

    def close(self) -> None:
        self._limits.close()

    def require(self, request: Request, needed: KeyScope) -> None:
        """Raise a refusal unless the request has the scope. The key's name is written to the request's state; of scopes
        of operators, also who sent it (see `actor_of`).
        """
        try:  # not `_counted`: on every request a context manager costs more than the check itself
            if needed == "admin":
                self._require_operator(request)
            elif needed == "label":
                self._require_labeller(request)
            elif self._keyring.is_in_use():
                self._require_key(request, needed, otherwise=KeyRequired(needed))
        except RetuneError as error:
            self._on_refusal(error.code)
            raise

    def is_still_operator(self, request: Request) -> bool:
        """Whether a request that was let in would be let in again; the question counts for no rate."""
        try:
            self._require_operator(Request({**request.scope, "state": {}}), counts=False)
        except RetuneError:
            return False
        return True

    def may_see_texts(self, request: Request) -> bool:
        """Whether a request that was let in comes from an operator, or with a key of the scope `label`; the question
        counts for no rate.
        """
        key = self._keyring.find(_credential(request))
        return (key is not None and key.allows("label")) or self.is_still_operator(request)

    def new_session(self, request: Request, credential: str) -> str:
        """The value of a session cookie. `credential`: the admin token or a key with the scope `admin` or `label`.

        Raises `CrossOrigin` or `KeyRefused`.
        """
        with self._counted():
            require_same_origin(request)
            if self._is_token(credential):
                return self._sessions.new(TOKEN_HOLDER, credential)
            key = self._keyring.find(credential)
            if key is None or not _may_log_in(key):
                raise KeyRefused
            return self._sessions.new(key.id, key.secret_sha256)

    def form_token(self, request: Request) -> str:
        """Of the forms in the page that answers the request."""
        return self._sessions.form_token(request.cookies.get(COOKIE, ""))

    def require_form_token(self, request: Request, given: str) -> None:
        """Raise `FormExpired` unless the form is of a page that this session got. A credential in a header is no
        browser's own doing, and needs none.
        """
        with self._counted():
            if not _credential(request) and not is_same(given, self.form_token(request)):
                raise FormExpired

    def require_same_origin(self, request: Request) -> None:
        """Raise `CrossOrigin` if a page of another site made the browser send the request."""
        with self._counted():
            require_same_origin(request)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        try:
            yield
        except RetuneError as error:
            self._on_refusal(error.code)
            raise

    def _require_labeller(self, request: Request) -> None:
        """The queue holds texts of clients: without keys it is for operators only, other than the clients' routes."""
        key = self._keyring.find(_credential(request))
        if key is not None and not key.allows("admin"):
            self._require_key(request, "label", otherwise=KeyRequired("label"))
        elif not _credential(request) and (holder := self._session_key(request)) and not holder.allows("admin"):
            if request.method == "POST":
                require_same_origin(request)
            request.state.who = f"key {holder.name}"
        else:
            self._require_operator(request)

    def _require_operator(self, request: Request, *, counts: bool = True) -> None:
        if request.method == "POST":
            require_same_origin(request)
        if self._token is None and not self._keyring.has_admin_key():
            # A proxy on this machine makes all clients look local, so the server must listen on loopback only.
            if not is_loopback(self._host):
                raise OperatorRoutesOff(self._host)
            require_localhost(request)
            request.state.who = "this machine"
        elif self._is_token(_credential(request)):
            request.state.who = ADMIN_TOKEN
        elif (holder := self._session_holder(request)) is not None:
            request.state.who = holder
        else:
            self._require_key(request, "admin", otherwise=AdminTokenRequired(), counts=counts)
        request.state.is_operator = True

    def _require_key(self, request: Request, needed: KeyScope, *, otherwise: RetuneError, counts: bool = True) -> None:
        credential = _credential(request)
        if not credential:
            raise otherwise
        key = self._keyring.find(credential)
        if key is None:
            raise TokenNotForClients(needed) if self._is_token(credential) else KeyRefused
        request.state.key = key.name
        if not key.allows(needed):
            raise ScopeMissing(key.name, needed)
        if counts:
            self._count(key)

    def _count(self, key: ApiKey) -> None:
        if key.rate is None:
            return
        wait_s = self._limits.wait_s(self._keyring.slot(key), rate=key.rate, burst=key.burst)
        if wait_s:
            raise RateExceeded(key.name, key.rate, max(1, math.ceil(wait_s)))

    def _session_holder(self, request: Request) -> str | None:
        """The operator who logged in; None without a valid session. Raises `ScopeMissing` for one who only labels."""
        if self._session(request) == TOKEN_HOLDER:
            return ADMIN_TOKEN
        key = self._session_key(request)
        if key is not None and not key.allows("admin"):
            raise ScopeMissing(key.name, "admin")
        return f"key {key.name}" if key else None

    def _session_key(self, request: Request) -> ApiKey | None:
        """The key of a valid session."""
        holder = self._session(request)
        return self._keyring.live_key(holder) if holder else None

    def _session(self, request: Request) -> str | None:
        cookie = request.cookies.get(COOKIE)
        return None if cookie is None else self._sessions.holder(cookie, self._proof_of)

    def _proof_of(self, holder: str) -> str | None:
        if holder == TOKEN_HOLDER:
            return self._token
        key = self._keyring.live_key(holder)
        return key.secret_sha256 if key and _may_log_in(key) else None

    def _is_token(self, credential: str) -> bool:
        return self._token is not None and is_same(credential, self._token)


def _may_log_in(key: ApiKey) -> bool:
    return key.allows("admin") or key.allows("label")


def _credential(request: Request) -> str:
    """The token or key of a request, or "". X-API-Key is for clients whose proxy uses `Authorization` itself."""
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    return credential.strip() if scheme.lower() == "bearer" else request.headers.get("x-api-key", "").strip()
