"""The API keys in a worker's memory, reloaded within half a second when their file changes."""

from __future__ import annotations

import logging
import os
import time
from contextlib import suppress
from pathlib import Path

from core.api_keys import ApiKey, read_keys, split_key, verify_secret
from core.errors import KeysGone, KeysUnreadable
from service.refusals import KeysUnavailable

# Seconds between two calls of stat (2 µs each); the file is read only after a change.
STAT_INTERVAL_S = 0.5
Signature = tuple[int, int, int, int]
logger = logging.getLogger(__name__)


class Keyring:
    """The content of `keys.json`. All methods except `slot` raise `KeysUnavailable` while the file cannot be read.

    A file that vanishes, e.g. with the volume it is on, does not open a running server: the keys stay as they were.
    """

    def __init__(self, path: Path, *, may_open: bool = False) -> None:
        """`may_open`: a server without the file is open to all, also if there was one before."""
        self._path = path
        self._may_open = may_open
        self._next_stat_s = 0.0
        self._seen: Signature | None = None
        self._damage: str | None = None
        self._has_file = self._is_gone = False
        self._by_id: dict[str, ApiKey] = {}
        self._slots: dict[str, int] = {}

    def is_in_use(self) -> bool:
        """Whether clients need a key: the file exists, even if it has no keys."""
        self._refresh()
        return self._has_file

    def has_admin_key(self) -> bool:
        """Whether there is or was an admin key: revoking the last one must not open the operators' routes."""
        self._refresh()
        return any("admin" in key.scopes for key in self._by_id.values())

    def find(self, text: str) -> ApiKey | None:
        """The live key with this id and secret; a key works as soon as it is in the file."""
        public_id, secret = split_key(text)
        if public_id not in self._by_id:
            self._next_stat_s = 0.0
        self._refresh()
        key = self._by_id.get(public_id)
        return key if verify_secret(key, secret) and key is not None and key.is_live else None

    def live_key(self, public_id: str) -> ApiKey | None:
        """The live key with this id; its secret is not checked."""
        self._refresh()
        key = self._by_id.get(public_id)
        return key if key is not None and key.is_live else None

    def slot(self, key: ApiKey) -> int:
        """The key's position in the file: it never changes, and is the same in every worker."""
        return self._slots[key.id]

    def _refresh(self) -> None:
        now = time.monotonic()
        if now >= self._next_stat_s:
            self._next_stat_s = now + STAT_INTERVAL_S
            self._read_if_changed()
        if self._damage is not None:
            raise KeysUnavailable

    def _read_if_changed(self) -> None:
        signature = _signature(self._path)
        if signature is not None and signature == self._seen:
            return
        # Set before reading: if the file is replaced during the read, the next check sees the change.
        self._seen = signature
        try:
            keys = read_keys(self._path)
        except KeysUnreadable as error:
            if str(error) != self._damage:
                logger.error("%s", error)
            self._damage, self._seen = str(error), None
            return
        self._damage = None
        if keys is None and self._has_file and not self._may_open:
            if not self._is_gone:
                logger.error("%s", KeysGone(self._path))
            self._is_gone = True
            return
        self._is_gone = False
        self._has_file = keys is not None
        self._by_id = {key.id: key for key in keys or ()}
        self._slots = {key.id: slot for slot, key in enumerate(keys or ())}


def _signature(path: Path) -> Signature | None:
    with suppress(OSError):
        found = os.stat(path)
        return found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size
    return None
