"""Sessions of the dashboard: a signed cookie that proves a login and does not contain the token or key."""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path

from core.durable import detect_disk_full

COOKIE = "retune_session"
SESSION_S = 12 * 3600
SECRET_BYTES = 32


class Sessions:
    """Cookies signed with a secret that the workers of one server share in a file.

    The signature also covers the `proof`, which is the token or the key's hash: if the token is changed or the key
    revoked, the sessions end. The proof is not a safe signing key: anyone who can read the key file has the hash.
    """

    def __init__(self, secret_file: Path) -> None:
        self._secret_file = secret_file
        self._secret = b""

    def new(self, holder: str, proof: str) -> str:
        """A cookie's value. `holder`: the key's id, or "" for the token; without dots."""
        expires = str(int(time.time()) + SESSION_S)
        return f"{expires}.{holder}.{self._signed(expires, holder, proof)}"

    def holder(self, cookie: str, proof_of: Callable[[str], str | None]) -> str | None:
        """The holder, if this server signed the cookie, it has not expired and the holder's proof is unchanged."""
        match cookie.split("."):
            case [expires, holder, signature] if (proof := proof_of(holder)) is not None:
                is_ours = is_same(signature, self._signed(expires, holder, proof))
                return holder if is_ours and int(expires) > time.time() else None
        return None

    def form_token(self, cookie: str) -> str:
        """What a form of a page must send back, so that a page of another site cannot make it up.

        `cookie`: the session's, "" if the page needs none.
        """
        return self._hmac(f"form {cookie}")

    def _signed(self, expires: str, holder: str, proof: str) -> str:
        return self._hmac(f"session {expires} {holder} {proof}")

    def _hmac(self, signed: str) -> str:
        self._secret = self._secret or _shared_secret(self._secret_file)
        return hmac.new(self._secret, signed.encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()


def is_same(given: str, expected: str) -> bool:
    """Compares in constant time."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), expected.encode("utf-8", "surrogateescape"))


def _shared_secret(path: Path) -> bytes:
    """The file's secret; the first worker creates it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with detect_disk_full(path), open(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        secret = file.read()
        if len(secret) != SECRET_BYTES:
            secret = secrets.token_bytes(SECRET_BYTES)
            file.seek(0)
            file.truncate()
            file.write(secret)
            file.flush()
    return secret
