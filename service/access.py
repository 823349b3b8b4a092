"""Who may see /dashboard and /admin: the holder of the token; without one, only this machine."""

from __future__ import annotations

import hashlib
import hmac
import time
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.requests import Request

from service.refusals import OnlyFromHere, OtherOrigin, TokenNeeded

COOKIE = "retune_session"
SESSION_S = 12 * 3600


class Access:
    """Decides by the configured token; every comparison with it takes constant time."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def require(self, request: Request) -> None:
        """Raise `OtherOrigin`, `TokenNeeded` or `OnlyFromHere` unless the request may pass."""
        if request.method == "POST":
            require_same_origin(request)
        if self._token is None:
            _require_this_machine(request)
        elif not (self._has_bearer(request) or self._has_session(request)):
            raise TokenNeeded

    def accepts(self, token: str) -> bool:
        return self._token is not None and _equal(token, self._token)

    def new_session(self) -> str:
        """A cookie's value that proves until its end that the token was given; it does not hold the token."""
        expires = str(int(time.time()) + SESSION_S)
        return f"{expires}.{self._signed(expires)}"

    def _has_bearer(self, request: Request) -> bool:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and self.accepts(token.strip())

    def _has_session(self, request: Request) -> bool:
        expires, _, signature = request.cookies.get(COOKIE, "").partition(".")
        is_ours = _equal(signature, self._signed(expires))
        return is_ours and int(expires) > time.time()

    def _signed(self, expires: str) -> str:
        key = f"{self._token}".encode()
        return hmac.new(key, f"session {expires}".encode(), hashlib.sha256).hexdigest()


def require_same_origin(request: Request) -> None:
    """Refuse what a page of another site makes a browser send; programs send neither header."""
    origin, fetched_from = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    own = f"{request.url.scheme}://{request.headers.get('host', '')}"
    if (origin is not None and origin != own) or fetched_from not in (None, "same-origin", "none"):
        raise OtherOrigin


def _require_this_machine(request: Request) -> None:
    # The name too: a foreign name that resolves to 127.0.0.1 would let its page read the answers.
    client = request.client.host if request.client else ""
    if not (is_loopback(client) and is_loopback(_host_name(request))):
        raise OnlyFromHere


def _host_name(request: Request) -> str:
    try:
        return urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    except ValueError:
        return ""


def is_loopback(host: str) -> bool:
    """
    >>> is_loopback("localhost"), is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("example.org")
    (True, True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _equal(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())
