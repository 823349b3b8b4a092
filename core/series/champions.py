"""Which version was in service when, and what changed it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from core.records import PromotionRecord


@dataclass(frozen=True)
class InService:
    """Changes of the champion, oldest first, as times and versions; the first entry is what served before them."""

    changes: list[tuple[str, str]]

    def at(self, stored: str) -> str | None:
        """The version in service at a stored time; None before the first.

        >>> served = InService([("2026-01-01", "1"), ("2026-02-01", "2")])
        >>> served.at("2025-12-31"), served.at("2026-01-15"), served.at("2026-02-01")
        (None, '1', '2')
        """
        place = bisect_right(self.changes, (stored, "~"))
        return self.changes[place - 1][1] if place else None

    def between(self, start: str, end: str) -> list[str]:
        """The versions in service at some time between, the earliest first."""
        inside = [version for time, version in self.changes if start <= time <= end]
        first = self.at(start)
        return list(dict.fromkeys([*([first] if first else []), *inside]))


def in_service(promotions: Sequence[PromotionRecord], champion: str | None) -> InService:
    """From promotions and refusals, most recent first, and the version in service now."""
    made = [row for row in reversed(promotions) if row.promoted]
    before = made[0].previous if made else champion
    changes = [("", before)] if before else []
    return InService(changes + [(row.created_at, row.version) for row in made])


def is_rollback(promotion: PromotionRecord) -> bool:
    """Whether it was a roll back, or went to a version that was registered before the one that it replaced."""
    return promotion.is_roll_back or promotion.goes_back


def first_in_service(promotions: Sequence[PromotionRecord]) -> str | None:
    """When the first version of a model came in service, from promotions, most recent first; None if they do not reach
    back so far.
    """
    return next((row.created_at for row in reversed(promotions) if row.promoted and row.previous is None), None)
