from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.config import Config, LedgerConfig
from core.home import Home
from core.home_processes.server_workers import ModelStatus
from core.ledger_tables.incidents import Incidents
from core.news import Position
from core.records import Decision
from service.following import hub as hub_module
from service.following.hub import Hub
from service.following.reading import Reader
from service.following.stream import MAX_BEHIND, Stream
from service.refusals import Stopping, TooManyFollow

Told = tuple[str, dict[str, Any], str]
"""Kind, facts and id of an event."""
STATUS = {"m": ModelStatus("1", "2026-01-31"), "other": ModelStatus("7", "2026-01-31")}


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "LOOK_S", 0.01)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    opened = Home(Config(home=tmp_path))
    yield opened
    opened.close()


def hub_of(home: Home, most: int = 4) -> Hub:
    return Hub(Reader(home, lambda: STATUS), most=most)


def decide(home: Home, model: str = "m") -> None:
    home.ledger.record_decision(model, Decision("watch", "Drift."), check_id=None)


def told(written: bytes) -> Told | None:
    """None for a comment and for the opening."""
    fields = dict(line.split(": ", 1) for line in written.decode().splitlines() if line and not line.startswith(":"))
    return (fields["event"], json.loads(fields["data"]), fields["id"]) if "event" in fields else None


async def until(events: AsyncIterator[bytes], is_last: Callable[[Told], bool]) -> list[Told]:
    found: list[Told] = []
    async with asyncio.timeout(60):
        async for written in events:
            if one := told(written):
                found.append(one)
                if is_last(one):
                    return found
    raise AssertionError(found)


def run(scenario: Coroutine[Any, Any, None], hub: Hub) -> None:
    try:
        asyncio.run(scenario)
    finally:
        hub.close()


def test_a_stream_begins_with_the_states_and_the_last_of_each_kind(home: Home) -> None:
    decide(home)
    decide(home)
    decide(home, "other")
    home.jobs.enqueue("m", "retrain")
    hub = hub_of(home)

    async def scenario() -> None:
        found = await until(hub.events(hub.join("m"), None), lambda one: one[0] == "labels")
        assert [kind for kind, _, _ in found] == ["decision", "champion", "job", "proposal", "labels"]
        assert {facts["model"] for _, facts, _ in found} == {"m"}
        assert (found[0][1]["id"], found[1][1]["version"], found[2][1]["status"]) == (2, "1", "queued")

    run(scenario(), hub)


def test_what_comes_is_told_to_those_who_follow_the_model(home: Home) -> None:
    hub = hub_of(home)

    async def scenario() -> None:
        one, every = hub.events(hub.join("m"), None), hub.events(hub.join(None), None)
        await until(one, lambda event: event[0] == "labels")
        await until(every, lambda event: event[0] == "labels" and event[1]["model"] == "other")
        decide(home, "other")
        decide(home, "m")
        (event,) = await until(one, lambda event: event[0] == "decision")
        assert (event[1]["id"], event[2]) == (2, "0-2-0")
        both = await until(every, lambda event: event[0] == "decision" and event[1]["model"] == "m")
        assert [facts["model"] for _, facts, _ in both] == ["other", "m"]
        job = home.jobs.enqueue("m", "retrain")
        assert (await until(one, lambda event: event[0] == "job"))[-1][1]["job"] == job.id

    run(scenario(), hub)


def test_a_stream_goes_on_after_the_last_event(home: Home) -> None:
    for _ in range(3):
        decide(home)
    hub = hub_of(home)

    async def scenario() -> None:
        found = await until(hub.events(hub.join("m"), Position(0, 1, 0)), lambda one: one[0] == "labels")
        assert [facts["id"] for kind, facts, _ in found if kind == "decision"] == [2, 3]
        found = await until(hub.events(hub.join("m"), Position(0, 9, 0)), lambda one: one[0] == "labels")
        assert [facts["id"] for kind, facts, _ in found if kind == "decision"] == [3]

    run(scenario(), hub)


def test_an_incident_is_told_and_again_when_it_is_settled(home: Home) -> None:
    hub = hub_of(home)
    incidents = Incidents(home.ledger.database)

    async def scenario() -> None:
        events = hub.events(hub.join("m"), None)
        await until(events, lambda one: one[0] == "labels")
        found = incidents.add(
            "m", "2", previous="1", guard_id=1, cause="accuracy", action="rolling back", reason="Worse.", done=""
        )
        assert (await until(events, lambda one: one[0] == "incident"))[-1][1]["action"] == "rolling back"
        incidents.settle(found, "rolled back", "m@1 is in service again.")
        assert (await until(events, lambda one: one[0] == "incident"))[-1][1]["action"] == "rolled back"

    run(scenario(), hub)


def test_the_number_of_streams_is_bounded_and_a_place_is_free_again(home: Home) -> None:
    hub = hub_of(home, most=1)

    async def scenario() -> None:
        stream = hub.join("m")
        with pytest.raises(TooManyFollow, match="1 event streams"):
            hub.join("m")
        hub.leave(stream)
        hub.join(None)

    run(scenario(), hub)


def test_streams_end_when_the_worker_stops(home: Home) -> None:
    hub = hub_of(home)

    async def scenario() -> None:
        events = hub.events(hub.join("m"), None)
        await until(events, lambda one: one[0] == "labels")
        hub.end_all()
        assert [written async for written in events] == []
        with pytest.raises(Stopping):
            hub.join("m")

    run(scenario(), hub)


def test_a_stream_ends_when_its_key_is_revoked(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "HEARTBEAT_S", 0.01)
    hub, answers = hub_of(home), iter([True, True, False])

    async def scenario() -> None:
        events = hub.events(hub.join("m"), None, is_allowed=lambda: next(answers))
        assert [written async for written in events].count(b": still here\n\n") == 2

    run(scenario(), hub)


def test_who_follows_is_told_that_the_ledger_is_away_and_that_it_is_back(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").mkdir()
    home = Home(Config(home=tmp_path, ledger=LedgerConfig()))
    hub = hub_of(home)

    async def scenario() -> None:
        events = hub.events(hub.join("m"), None)
        found = await until(events, lambda one: one[0] == "champion")
        assert (found[0][0], found[0][1]["readable"]) == ("ledger", False)
        (tmp_path / "ledger.db").rmdir()
        decide(home)
        found = await until(events, lambda one: one[0] == "labels")
        assert found[0][:2] == ("ledger", {"readable": True, "problem": None})

    run(scenario(), hub)
    home.close()


def test_nothing_is_read_while_nobody_follows(home: Home) -> None:
    class Counting(Reader):
        looks = 0

        def look(self) -> Any:
            self.looks += 1
            return super().look()

    reader = Counting(home, lambda: STATUS)
    hub = Hub(reader, most=4)

    async def scenario() -> None:
        streams = [hub.join("m") for _ in range(3)]
        for stream in streams:
            await until(hub.events(stream, None), lambda one: one[0] == "labels")
        while_followed = reader.looks
        for stream in streams:
            hub.leave(stream)
        await asyncio.sleep(0.05)
        after = reader.looks
        await asyncio.sleep(0.1)
        assert 0 < while_followed <= after == reader.looks

    run(scenario(), hub)


def test_who_does_not_read_is_cut_off() -> None:
    async def scenario() -> None:
        stream = Stream(None)
        for _ in range(MAX_BEHIND + 1):
            stream.put(b"x")
        assert await stream.next(1) is None

    asyncio.run(scenario())
