from __future__ import annotations

import asyncio

import pytest

from service.http.deadlines import Deadlines


async def limited(deadlines: Deadlines, work_s: float) -> bool:
    """Whether the deadline cancelled the work."""
    deadline = deadlines.begin()
    try:
        await asyncio.sleep(work_s)
    except asyncio.CancelledError:
        if not deadline.has_passed:
            raise
        return True
    finally:
        deadline.end()
    return False


def test_only_tasks_over_the_limit_are_cancelled() -> None:
    async def work() -> list[bool]:
        deadlines = Deadlines(0.2)
        return await asyncio.gather(*(limited(deadlines, work_s) for work_s in (0.0, 30.0, 0.01, 30.0, 0.0)))

    assert asyncio.run(work()) == [False, True, False, True, False]


def test_each_task_has_its_own_deadline() -> None:
    async def work() -> list[bool]:
        deadlines = Deadlines(0.2)
        first = asyncio.create_task(limited(deadlines, 30.0))
        await asyncio.sleep(0.1)
        second = asyncio.create_task(limited(deadlines, 30.0))
        cut = [await first, second.done()]
        return [*cut, await second]

    assert asyncio.run(work()) == [True, False, True]


def test_another_cancellation_is_not_a_passed_deadline() -> None:
    async def work() -> None:
        task = asyncio.create_task(limited(Deadlines(30.0), 30.0))
        await asyncio.sleep(0)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(work())


def test_deadlines_work_in_another_event_loop() -> None:
    deadlines = Deadlines(0.05)

    async def abandoned() -> None:
        deadlines.begin()

    asyncio.run(abandoned())
    assert asyncio.run(limited(deadlines, 30.0))
