"""Which addresses a webhook may have: by default public ones only, so that it reaches nothing inside a network."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
TRANSLATED = IPv6Network("64:ff9b::/96")
"""IPv4 addresses through NAT64 (RFC 6052): the last four bytes are the address."""


def addresses_of(host: str, port: int) -> list[str]:
    """The addresses of a host in the resolver's order; raises `OSError`."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found))


def is_public(address: str) -> bool:
    """Whether it, and each IPv4 address inside it, is neither private, loopback, link-local nor multicast.

    >>> [is_public(address) for address in ("8.8.8.8", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1")]
    [True, False, False, False, False]
    """
    return all(one.is_global and not one.is_multicast for one in _all_in(ip_address(address)))


def _all_in(address: Address) -> Iterator[Address]:
    yield address
    if isinstance(address, IPv6Address):
        inside = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        yield from (one for one in inside if one is not None)
        if address in TRANSLATED:
            yield IPv4Address(address.packed[-4:])
