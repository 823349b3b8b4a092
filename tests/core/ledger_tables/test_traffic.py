from __future__ import annotations

from typing import Any

import pytest

from core.ledger import Ledger
from core.ledger_tables import traffic
from core.ledger_tables.traffic import BOUNDS_S, Load, Traffic, TrafficMinute


def minute(time: str, *, version: str = "1", **counts: Any) -> TrafficMinute:
    return TrafficMinute("m", version, f"2026-01-31T09:{time}", Load(**counts))


def test_workers_add_to_the_same_minute(ledger: Ledger) -> None:
    stored = Traffic(ledger.database)
    first = minute("30", requests=2, answered=5)
    first.load.time(0.004)
    stored.add([first, minute("30", version="2", requests=1)])
    stored.add([minute("30", requests=3, failed=1, abstained=2), minute("31", requests=1)])
    rows = stored.minutes("m")
    assert [(row.minute[-2:], row.version, row.load.requests) for row in rows] == [
        ("30", "2", 1),
        ("30", "1", 5),
        ("31", "1", 1),
    ]
    load = rows[1].load
    assert (load.answered, load.failed, load.abstained, sum(load.seconds)) == (5, 1, 2, 1)


def test_a_load_is_of_a_version_and_a_time(ledger: Ledger) -> None:
    stored = Traffic(ledger.database)
    stored.add([minute(f"{place:02}", requests=1) for place in range(10)])
    stored.add([minute("05", version="2", requests=7)])
    assert stored.load("m", "1", since="2026-01-31T09:03:59").requests == 7
    assert stored.load("m", "1", until="2026-01-31T09:03:59").requests == 4
    assert stored.load("m", "2").requests == 7
    assert stored.load("other", "1") == Load()


def test_old_minutes_are_forgotten_by_their_number(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "KEPT_ROWS", 3)
    stored = Traffic(ledger.database)
    for place in range(6):
        stored.add([minute(f"{place:02}", requests=1)])
    assert [row.minute[-2:] for row in stored.minutes("m")] == ["03", "04", "05"]


def test_places_of_a_latency() -> None:
    load = Load()
    for seconds in (0.001, 0.001, 0.02, 99.0):
        load.time(seconds)
    assert (load.place_of(0.5), load.place_of(0.75), load.place_of(1.0)) == (0, 3, len(BOUNDS_S))
    assert (load.slower_than(0), load.slower_than(len(BOUNDS_S))) == (2, 0)
