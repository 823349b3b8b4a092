"""Checks the TLS files before the server starts and turns them into arguments of uvicorn and BentoML."""

from __future__ import annotations

import ssl
from pathlib import Path

from core.config import ServiceConfig
from core.errors import FileMissing, TlsFilesUnfit, TlsIncomplete


def tls_arguments(settings: ServiceConfig) -> dict[str, str | int]:
    """`ssl_certfile`, `ssl_keyfile`, `ssl_ca_certs` and `ssl_cert_reqs`; empty without TLS.

    Raises `TlsIncomplete`, `FileMissing`, or `TlsFilesUnfit` for files that do not match.
    """
    certificate, key, client_ca = settings.tls_certificate, settings.tls_key, settings.tls_client_ca
    if certificate is None and key is None and client_ca is None:
        return {}
    if certificate is None or key is None:
        raise TlsIncomplete(missing="tls_certificate" if certificate is None else "tls_key")
    named = {"TLS certificate": certificate, "TLS key": key, "file of TLS client authorities": client_ca}
    for what, path in named.items():
        if path is not None and not path.is_file():
            raise FileMissing(path, what=what)
    _require_pair(certificate, key)
    arguments: dict[str, str | int] = {"ssl_certfile": str(certificate.absolute()), "ssl_keyfile": str(key.absolute())}
    if client_ca is not None:
        _require_authorities(client_ca)
        # Without ssl_cert_reqs uvicorn does not ask clients for a certificate.
        arguments |= {"ssl_ca_certs": str(client_ca.absolute()), "ssl_cert_reqs": int(ssl.CERT_REQUIRED)}
    return arguments


def _require_pair(certificate: Path, key: Path) -> None:
    try:
        # Without the callback OpenSSL asks for a password on the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=lambda: b"")
    except (OSError, ValueError) as error:
        raise TlsFilesUnfit(f"certificate {certificate} with key {key}", _reason(error)) from error


def _require_authorities(path: Path) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(path)
    except OSError as error:
        raise TlsFilesUnfit(f"client authorities {path}", _reason(error)) from error


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.lower().replace("_", " ")
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
