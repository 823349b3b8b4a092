"""Posts JSON to a webhook, once: no redirects, no proxies, a deadline, and only addresses that are allowed."""

from __future__ import annotations

import hashlib
import hmac
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from urllib.parse import SplitResult, urlsplit

from core.errors import WebhookFailed
from monitoring.alerts.addresses import addresses_of, is_public

HEADERS = {"Content-Type": "application/json", "User-Agent": "retune", "Connection": "close"}
MOST_ADDRESSES = 3


def signature(secret: str, body: bytes, *, at_s: int) -> str:
    """The header `Retune-Signature`: HMAC-SHA256 of the time, a point and the body.

    >>> signature("s", b"{}", at_s=1)[:19]
    't=1,v1=b253639bcd70'
    """
    made = hmac.new(secret.encode(), f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at_s},v1={made}"


def post(url: str, body: bytes, headers: dict[str, str], *, allow_private: bool, timeout_s: float) -> None:
    """Raises `WebhookFailed`, whose sentence does not contain the URL: its path is often a secret."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        addresses = _allowed(host, port, parts.scheme, allow_private=allow_private)
        # An address that was looked at is connected to, not the name: it could resolve to another one now.
        with _connected(_opened(addresses, port, timeout_s), parts, timeout_s) as connection:
            status = _answer(connection, parts, host, port, body, headers)
    except (OSError, HTTPException, UnicodeError) as error:
        raise WebhookFailed(host, str(error) or type(error).__name__) from error
    if 300 <= status < 400:
        raise WebhookFailed(host, f"it redirects ({status}), which is not followed")
    if not 200 <= status < 300:
        raise WebhookFailed(host, f"it answered {status}")


def _allowed(host: str, port: int, scheme: str, *, allow_private: bool) -> list[str]:
    addresses = addresses_of(host, port)
    private = [address for address in addresses if not is_public(address)]
    if private and not allow_private:
        raise WebhookFailed(host, f"its address {private[0]} is not public, and alerts.allow_private is false")
    if scheme != "https" and len(private) < len(addresses):
        raise WebhookFailed(host, "its address is public, and only https may go there")
    return addresses


def _opened(addresses: list[str], port: int, timeout_s: float) -> socket.socket:
    """A connection to the first address that takes one: a machine without IPv6 may get such an address, too."""
    *others, last = addresses[:MOST_ADDRESSES]
    for address in others:
        with suppress(OSError):
            return socket.create_connection((address, port), timeout_s)
    return socket.create_connection((last, port), timeout_s)


@contextmanager
def _connected(plain: socket.socket, parts: SplitResult, timeout_s: float) -> Iterator[socket.socket]:
    """A connection that ends after `timeout_s`, also if the other side sends a byte now and then."""
    with plain, _wrapped(plain, parts) as connection:
        ends = threading.Timer(timeout_s, _shut_down, [connection])
        ends.daemon = True
        ends.start()
        try:
            if isinstance(connection, ssl.SSLSocket):
                connection.do_handshake()
            yield connection
        finally:
            ends.cancel()


def _wrapped(plain: socket.socket, parts: SplitResult) -> socket.socket:
    if parts.scheme != "https":
        return plain
    context = ssl.create_default_context()
    return context.wrap_socket(plain, server_hostname=parts.hostname, do_handshake_on_connect=False)


def _shut_down(connection: socket.socket) -> None:
    with suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def _answer(
    connection: socket.socket, parts: SplitResult, host: str, port: int, body: bytes, headers: dict[str, str]
) -> int:
    """The status of the answer."""
    client = HTTPConnection(host, port)
    client.sock = connection
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    client.request("POST", target, body, {**HEADERS, **headers})
    return client.getresponse().status
