"""A clock that a test sets: `core.clock.utc_now` tells its time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import pytest

import core.clock


class SetClock:
    def __init__(self, start: str = "2026-11-25T12:00:00+00:00") -> None:
        """A Wednesday, unless another start is given."""
        self.now = datetime.fromisoformat(start)

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)

    def install(self, patch: pytest.MonkeyPatch) -> None:
        clock = self

        class Shown(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> Any:
                return clock.now.astimezone(tz or UTC)

        patch.setattr(core.clock, "datetime", Shown)
