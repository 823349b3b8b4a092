"""Whether a server can listen on an address."""

from __future__ import annotations

import errno
import socket

from core.errors import CannotListen, PortInUse


def free_address(host: str, port: int) -> str:
    """The host as an IPv4 address on which the port is free. Raises `PortInUse` or `CannotListen`."""
    try:
        address = socket.gethostbyname(host)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(host, port) from error
        raise CannotListen(host, str(error.strerror)) from error
    return address
