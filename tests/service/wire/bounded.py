"""Runs a coroutine on uvloop, and names the tasks that wait if it does not end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest
import uvloop

LIMIT_S = 120
Result = TypeVar("Result")


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """The result of `work`; the test fails with the stacks of all tasks if `work` takes longer than `LIMIT_S`."""

    async def bounded() -> Result:
        task = asyncio.create_task(work)
        if not (await asyncio.wait({task}, timeout=LIMIT_S))[0]:
            for waiting in asyncio.all_tasks():
                waiting.print_stack()
            pytest.fail(f"the test did not end within {LIMIT_S} s; the stacks of its tasks are on stderr")
        return await task

    return uvloop.run(bounded())
