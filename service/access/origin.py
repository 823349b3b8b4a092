"""Checks of a request's origin: same site or another, same machine or another."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.requests import Request

from service.refusals import CrossOrigin, OnlyFromLocalhost

# Headers that proxies add: such a request may come from any machine.
PROXY_HEADERS = ("forwarded", "via", "x-forwarded-for", "x-real-ip")


def require_same_origin(request: Request) -> None:
    """Raise `CrossOrigin` if a page of another site sent it. Only browsers send Origin and Sec-Fetch-Site."""
    origin, fetched_from = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    own = f"{scheme_of(request)}://{request.headers.get('host', '')}"
    if (origin is not None and origin != own) or fetched_from not in (None, "same-origin", "none"):
        raise CrossOrigin


def scheme_of(request: Request) -> str:
    """The client's scheme. A proxy that terminates TLS adds X-Forwarded-Proto; a page of another site cannot set it."""
    return request.headers.get("x-forwarded-proto", request.url.scheme)


def require_localhost(request: Request) -> None:
    # Also check Host: with DNS rebinding a foreign name resolves to 127.0.0.1, and its page could read the responses.
    client = request.client.host if request.client else ""
    is_passed_on = any(header in request.headers for header in PROXY_HEADERS)
    if is_passed_on or not (is_loopback(client) and is_loopback(_host_name(request))):
        raise OnlyFromLocalhost


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


def _host_name(request: Request) -> str:
    try:
        return urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    except ValueError:
        return ""
