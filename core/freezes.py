"""Freezes: a champion that nobody may replace, until a stated time or until a person ends it.

A freeze is a small file beside the champion pointer, so it needs no database. One that cannot be read holds.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from core.clock import moment, stored_time, utc_now
from core.durable import file_lock
from core.duration import seconds_of
from core.errors import FreezeIsOver, InvalidDuration, InvalidUntil, ModelFrozen
from core.registry import Registry
from core.stored import as_stored, restored

FILE = "freeze.json"
LONGEST = timedelta(days=3660)
UNREADABLE = "its file cannot be read"


@dataclass(frozen=True)
class Freeze:
    """`until`: UTC as in `core.clock`, None until a person ends it; `since`: when it was made; `by`: who made it."""

    since: str
    until: str | None = None
    reason: str = ""
    by: str = ""

    def holds(self, now: str) -> bool:
        return self.until is None or now < self.until

    @property
    def words(self) -> str:
        """
        >>> Freeze("", "2026-12-24T18:00:00.000000+00:00", "Christmas").words
        'frozen until 24 Dec 2026, 18:00 UTC (Christmas)'
        """
        until = "until a person ends it" if self.until is None else f"until {moment(self.until)}"
        return f"frozen {until}{f' ({self.reason})' if self.reason else ''}"


def freeze(registry: Registry, lock: Path, model: str, made: Freeze) -> Freeze:
    """Freeze the champion; a freeze that holds is replaced. No promotion that begins later passes it.

    `lock`: of the promotions of the home. Raises `ModelNotFound`, `NoChampion` or `FreezeIsOver`.
    """
    registry.champion(model)
    if not made.holds(utc_now()):
        raise FreezeIsOver(str(made.until))
    with file_lock(lock):
        registry.write_note(f"{model}/{FILE}", json.dumps(as_stored(made)).encode())
    return made


def unfreeze(registry: Registry, lock: Path, model: str) -> Freeze | None:
    """End the freeze and return it; None if none holds. Raises `ModelNotFound`."""
    registry.require_model(model)
    with file_lock(lock):
        found = freeze_of(registry, model, now=utc_now())
        registry.remove_note(f"{model}/{FILE}")
    return found


def freeze_of(registry: Registry, model: str, *, now: str) -> Freeze | None:
    """The freeze that holds at a time; None if there is none, or it ended."""
    content = registry.note(f"{model}/{FILE}")
    if not content:
        return None if content is None else Freeze("", reason=UNREADABLE)
    try:
        found = restored(Freeze, json.loads(content))
        return found if found.holds(now) else None
    except (ValueError, TypeError, AttributeError):
        return Freeze("", reason=UNREADABLE)


def require_unfrozen(registry: Registry, model: str) -> None:
    """Raises `ModelFrozen`."""
    if found := freeze_of(registry, model, now=utc_now()):
        raise ModelFrozen(model, found.words)


def until_of(text: str, *, now: Callable[[], str] = utc_now) -> str:
    """The end of a freeze: a time, UTC if it has no offset, or a duration from now. Raises `InvalidUntil`.

    >>> until_of("2026-12-24T18:00"), until_of("2026-12-24T18:00+01:00")
    ('2026-12-24T18:00:00.000000+00:00', '2026-12-24T17:00:00.000000+00:00')
    >>> until_of("3d", now=lambda: "2026-12-24T18:00:00.000000+00:00")
    '2026-12-27T18:00:00.000000+00:00'
    """
    begin = datetime.fromisoformat(now())
    try:
        end = begin + timedelta(seconds=seconds_of(text))
    except InvalidDuration:
        end = _time(text)
    except OverflowError as error:
        raise InvalidUntil(text) from error
    if end - begin > LONGEST:
        raise InvalidUntil(text)
    return stored_time(end)


def _time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidUntil(text) from error
