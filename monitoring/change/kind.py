"""The Protocol of a kind of change: a measure of its own, a weight and a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from core.arrays import Booleans, Indices
from core.changes import Change, KindName
from monitoring.change.compared import Compared


@dataclass(frozen=True)
class Found:
    """`rows` (n,): the window's rows that it explains, which the kinds after it do not look at; `members`: indices of
    the rows of each of the change's groups.
    """

    change: Change
    rows: Booleans
    members: Sequence[Indices] = ()


class Kind(Protocol):
    """A kind of change, without state."""

    name: KindName
    is_drift: bool
    """Whether it is said beside the verdict drift only."""

    def find(self, compared: Compared) -> Found | None:
        """The change if it is significant, at the level of `monitoring.change.significance`."""
