"""A change on a page waits for nothing and loses nothing: while the ledger is away, or has no room, it is refused."""

from __future__ import annotations

import shutil

from core.errors import DiskFull, Unavailable
from core.home import Home
from service.refusals import PageNeedsLedger

MIN_FREE_BYTES = 2**20
"""With less, a champion may change, and its record or its entry of the audit find no room."""


def require_ledger(home: Home, model: str, *, to_write: bool = True) -> None:
    """Raises `PageNeedsLedger` unless the ledger takes a change now, or `DiskFull`; without `to_write`, unless it can
    be read.
    """
    if to_write and shutil.disk_usage(home.folder).free < MIN_FREE_BYTES:
        raise DiskFull(home.folder)
    try:
        if to_write:
            home.ledger.database.require_writable()
        else:
            with home.ledger.database.read():
                pass
    except Unavailable as error:
        raise PageNeedsLedger(model, str(error)) from error
