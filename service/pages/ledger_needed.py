"""A change on a page waits for nothing and loses nothing: while the ledger is away it is refused."""

from __future__ import annotations

from core.errors import Unavailable
from core.home import Home
from service.refusals import PageNeedsLedger


def require_ledger(home: Home, model: str, *, to_write: bool = True) -> None:
    """Raises `PageNeedsLedger` unless the ledger takes a change now; without `to_write`, unless it can be read."""
    try:
        database = home.ledger.database
        with database.write() if to_write else database.read():
            pass
    except Unavailable as error:
        raise PageNeedsLedger(model, str(error)) from error
