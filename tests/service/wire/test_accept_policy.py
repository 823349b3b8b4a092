from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest

from service.wire.accept_policy import ACCEPT_ALL_S, AT_ONCE, BACK_OFFS, LEAD, AcceptPolicy
from service.wire.connection_counts import ConnectionCounts
from tests.service.wire.bounded import run
from tests.service.wire.test_balancing import balancer_with


def test_a_worker_with_more_backs_off_but_not_for_ever(tmp_path: Path) -> None:
    async def work() -> list[bool]:
        neighbour = ConnectionCounts(tmp_path / "connections", workers=2, index=1)
        policy = AcceptPolicy(balancer_with(10, in_use=10, folder=tmp_path))
        neighbour.show(5)
        found = [policy.backs_off() for _ in range(BACK_OFFS + 2)]
        await asyncio.sleep(ACCEPT_ALL_S)
        found.append(policy.backs_off())
        neighbour.show(10)
        found.append(policy.backs_off())
        return found

    assert run(work()) == [True] * BACK_OFFS + [False, False, True, False]


def test_turns_are_long_by_the_time_between_two_accepts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> list[bool]:
        policy = AcceptPolicy(balancer_with(0, in_use=0, folder=tmp_path))
        found = []
        with monkeypatch.context() as patched:
            for now in (100.0, 100.002, 100.022, 100.222):
                patched.setattr(policy, "_loop", SimpleNamespace(time=lambda now=now: now))
                found.append(policy.burst() == (AT_ONCE, LEAD))
        return found

    assert run(work()) == [False, False, True, False]


def test_connections_that_are_not_in_use_make_no_worker_back_off(tmp_path: Path) -> None:
    async def work() -> list[bool]:
        neighbour = ConnectionCounts(tmp_path / "connections", workers=2, index=1)
        policy = AcceptPolicy(balancer_with(10, in_use=2, folder=tmp_path))
        found = []
        for neighbours in (1, 2, 5):
            neighbour.show(neighbours)
            found.append(policy.backs_off())
        return found

    assert run(work()) == [True, False, False]
