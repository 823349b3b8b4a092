"""The keys as a worker knows them: in memory, and never more than a moment behind their file."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

from core.api_keys import ApiKey, read_keys, split_key, verify_secret
from core.errors import KeysUnreadable
from service.refusals import KeysDown

# One stat, about 2 µs, in so many seconds; the file is read only when that shows a change.
LOOK_EVERY_S = 0.5
Signature = tuple[int, int, int, int]
logger = logging.getLogger(__name__)


class Keyring:
    """Follows `keys.json`. Every method that looks at it raises `KeysDown` while it cannot be read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._look_again_at = 0.0
        self._seen: Signature | None = None
        self._damage: str | None = None
        self._is_there = False
        self._by_id: dict[str, ApiKey] = {}
        self._slots: dict[str, int] = {}

    def is_in_use(self) -> bool:
        """Whether clients need a key: there is a file, whatever is left in it."""
        self._follow()
        return self._is_there

    def guards_operators(self) -> bool:
        """Whether the file has ever had a key for operators; the end of the last one must not open their routes."""
        self._follow()
        return any("admin" in key.scopes for key in self._by_id.values())

    def find(self, text: str) -> ApiKey | None:
        """The live key that the text proves."""
        self._follow()
        public_id, secret = split_key(text)
        key = self._by_id.get(public_id)
        return key if verify_secret(key, secret) and key is not None and key.is_live else None

    def live(self, public_id: str) -> ApiKey | None:
        """The live key of that id, unproven."""
        self._follow()
        key = self._by_id.get(public_id)
        return key if key is not None and key.is_live else None

    def slot(self, key: ApiKey) -> int:
        """The key's position in the file, the same in every worker; it does not change."""
        return self._slots[key.id]

    def _follow(self) -> None:
        now = time.monotonic()
        if now >= self._look_again_at:
            self._look_again_at = now + LOOK_EVERY_S
            self._look()
        if self._damage is not None:
            raise KeysDown

    def _look(self) -> None:
        signature = _signature(self._path)
        if signature is not None and signature == self._seen:
            return
        # Before reading: a file that is replaced meanwhile has another signature at the next look.
        self._seen = signature
        try:
            keys = read_keys(self._path)
        except KeysUnreadable as error:
            self._shut(str(error))
            return
        self._damage = None
        self._is_there = keys is not None
        self._by_id = {key.id: key for key in keys or ()}
        self._slots = {key.id: slot for slot, key in enumerate(keys or ())}

    def _shut(self, damage: str) -> None:
        if damage != self._damage:
            logger.error("%s", damage)
        self._damage, self._seen = damage, None


def _signature(path: Path) -> Signature | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size
