"""One entry of a model's history."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from core.home import Home


@dataclass(frozen=True)
class Link:
    """`path`: below `/dashboard`."""

    path: tuple[str, ...]
    words: str

    @property
    def href(self) -> str:
        """
        >>> Link(("a/b", "checks", "7"), "Check 7").href
        '/dashboard/a%2Fb/checks/7'
        """
        return "/".join(["/dashboard", *(quote(part, safe="") for part in self.path)])


@dataclass(frozen=True)
class Event:
    """`number`: places it among those of its kind, later ones are greater; `tone`: the look of the title; `why`: a
    sentence; `notes`: what else is known, in sentences; `again`: how many equal ones followed it, until `until`.
    """

    number: int
    at: str
    title: str
    tone: str = ""
    why: str = ""
    who: str = ""
    notes: Sequence[str] = ()
    links: Sequence[Link] = ()
    repeats: bool = False
    again: int = 0
    until: str | None = None


Read = Callable[[Home, str, int, int | None], list[Event]]
"""Home, model, the most events, and the number that theirs are smaller than → events, most recent first."""


def version_link(model: str, version: str) -> Link:
    return Link((model, "versions", version), f"Version {version}")


def job_link(job_id: int) -> Link:
    return Link(("-", "jobs", str(job_id)), f"Job {job_id}")
