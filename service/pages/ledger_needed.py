"""A change on a page waits for nothing and loses nothing: while the ledger is away it is refused."""

from __future__ import annotations

from core.errors import Unavailable
from core.home import Home
from service.refusals import PageNeedsLedger


def require_ledger(home: Home, model: str) -> None:
    """Raises `PageNeedsLedger` unless the ledger takes a change now."""
    try:
        with home.ledger.database.write():
            pass
    except Unavailable as error:
        raise PageNeedsLedger(model, str(error)) from error
