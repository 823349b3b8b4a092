"""The history of a model: all kinds of events in one timeline, in pages.

A page begins where each kind ended on the page before: `older=decisions.120-jobs.4`. Times alone would not do, because
a clock may go back.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

from core.errors import InvalidInput
from core.home import Home
from service.http.paging import MAX_ID, SHOWN_CHARS
from service.pages.timeline import loop, people, versions
from service.pages.timeline.event import Event, Read

KINDS: Mapping[str, Read] = {
    "decisions": loop.decisions,
    "proposals": loop.proposals,
    "loop": loop.steps,
    "promotions": versions.promotions,
    "incidents": versions.incidents,
    "guards": versions.guards,
    "freezes": loop.freezes,
    "jobs": versions.jobs,
    "labels": people.labels,
    "changes": people.changes,
}
Cursor = dict[str, int]
Entry = tuple[str, Event]


@dataclass(frozen=True)
class Timeline:
    """`entries`: kind and event, most recent first; `older`: where the next page begins, None if there is none."""

    entries: Sequence[Entry]
    older: str | None


def read_timeline(home: Home, model: str, *, kind: str | None, older: Cursor, limit: int) -> Timeline:
    """Raises `ModelNotFound` or `Unavailable`."""
    home.registry.require_known(model)
    kinds = KINDS if kind is None else {kind: KINDS[kind]}
    found = {name: read(home, model, limit + 1, older.get(name)) for name, read in kinds.items()}
    # Of each kind a beginning, whatever the times say, so that the next page goes on behind it.
    merged = heapq.merge(*(map(partial(_entry, name), events) for name, events in found.items()), key=_at, reverse=True)
    taken = list(islice(merged, limit))
    is_end = len(taken) == sum(map(len, found.values()))
    after = {**older, **{name: event.number for name, event in taken}}
    return Timeline(list(folded(taken)), None if is_end else cursor_text(after))


def _entry(kind: str, event: Event) -> Entry:
    return kind, event


def _at(entry: Entry) -> str:
    return entry[1].at


def folded(entries: Sequence[Entry]) -> Iterator[Entry]:
    """Of equal events that follow each other, such as quiet decisions, the first one with their number."""
    last: Entry | None = None
    for kind, event in entries:
        if last and event.repeats and (last[0], last[1].title) == (kind, event.title):
            newest = last[1]
            last = kind, replace(newest, again=newest.again + 1, until=event.at)
            continue
        if last:
            yield last
        last = kind, event
    if last:
        yield last


def cursor_text(older: Cursor) -> str:
    """
    >>> cursor_text({"jobs": 4, "decisions": 120})
    'decisions.120-jobs.4'
    """
    return "-".join(f"{kind}.{older[kind]}" for kind in KINDS if kind in older)


def cursor_of(written: str) -> Cursor:
    """The inverse of `cursor_text`; raises `InvalidInput`.

    >>> cursor_of("decisions.120-jobs.4")
    {'decisions': 120, 'jobs': 4}
    """
    parts = [part.partition(".") for part in written.split("-")[: len(KINDS)]]
    if not all(kind in KINDS and _is_number(number) for kind, _, number in parts):
        raise InvalidInput(
            f"Parameter 'older' is {written[:SHOWN_CHARS]!r}. It is a place in the history: follow the link 'Older'."
        )
    return {kind: int(number) for kind, _, number in parts}


def _is_number(written: str) -> bool:
    return written.isascii() and written.isdigit() and len(written) <= 10 and 1 <= int(written) <= MAX_ID
