from __future__ import annotations

import logging
from pathlib import Path
from typing import get_args

import pytest

from service.wire.states import (
    ANSWERING,
    BODY,
    CLOSING,
    FINISHING,
    HEAD,
    IDLE,
    NEW,
    NEXT_HEAD,
    REST,
    TABLE,
    Event,
    State,
)
from tests.service.wire.bounded import run
from tests.service.wire.transports import MemoryTransport
from tests.service.wire.uvicorns import CALLBACKS, Uvicorn

EVENTS: tuple[Event, ...] = get_args(Event)
PAIRS = [(state, event) for state in State for event in EVENTS]
# The parser has raised an error, or is fed no more.
STOPPED = (FINISHING, CLOSING)
# Pairs that cannot happen, by the reason.
IMPOSSIBLE: dict[str, list[tuple[Event, tuple[State, ...]]]] = {
    "the parser ends a request before it begins the next one": [("begin", (HEAD, NEXT_HEAD, BODY, REST))],
    "the parser is fed no more": [
        ("begin", (FINISHING,)),
        ("part", STOPPED),
        ("complete", STOPPED),
        ("accept", STOPPED),
        ("shed", STOPPED),
        ("upgrade", STOPPED),
    ],
    "no head has come in": [
        ("accept", (NEW, BODY, ANSWERING, REST, IDLE)),
        ("shed", (NEW, BODY, ANSWERING, REST, IDLE)),
    ],
    "an early refusal would overtake answers": [("shed", (NEXT_HEAD,))],
    "a request has no body outside of its body": [
        ("part", (NEW, HEAD, NEXT_HEAD, ANSWERING, IDLE)),
        ("complete", (NEW, HEAD, NEXT_HEAD, ANSWERING, IDLE)),
    ],
    "an upgrade follows a complete request that the app has; such requests are not shed": [
        ("upgrade", (NEW, HEAD, NEXT_HEAD, BODY, REST, IDLE)),
    ],
    "no request waits for its answer": [
        ("next", (NEW, HEAD, REST, IDLE)),
        ("answered", (NEW, HEAD, REST, IDLE)),
        ("hang_up", (NEW, HEAD, REST)),
    ],
    "the last answer hangs up": [("answered", (FINISHING,))],
}
IMPOSSIBLE_PAIRS = [(state, event) for cases in IMPOSSIBLE.values() for event, states in cases for state in states]


def successors(state: State) -> set[State]:
    return {following for following, _ in TABLE[state].values()}


def reachable(state: State) -> set[State]:
    found = {state}
    while new := {after for one in found for after in successors(one)} - found:
        found |= new
    return found


def test_each_event_in_each_state_is_in_the_table_or_impossible_for_a_reason() -> None:
    in_table = [(state, event) for state in State for event in TABLE[state]]
    assert sorted(in_table + IMPOSSIBLE_PAIRS) == sorted(PAIRS)


def test_each_state_is_reached_and_can_be_left_but_the_last() -> None:
    assert reachable(NEW) == set(State)
    assert all(CLOSING in reachable(state) for state in State)
    assert successors(CLOSING) == {CLOSING}


def test_what_is_impossible_closes_the_connection_and_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> list[tuple[bool, State]]:
        worker = Uvicorn(CALLBACKS, tmp_path)
        found = []
        for state, event in IMPOSSIBLE_PAIRS:
            transport = MemoryTransport()
            connection = transport.connect(worker)
            connection.state = state
            connection._on(event)
            found.append((transport.is_closed, connection.state))
        return found

    with caplog.at_level(logging.ERROR, logger="service"):
        assert set(run(work())) == {(True, CLOSING)}
    expected = [f"'{event}' cannot happen in state {state.name}" for state, event in IMPOSSIBLE_PAIRS]
    assert [record.getMessage().partition(": ")[2] for record in caplog.records] == expected
