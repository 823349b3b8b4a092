"""Background texts of the batcher: they wait for the texts of clients, and those never for many of them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.config import ServiceConfig
from core.engine import Encoded, Engine, Outputs
from service.answering.batcher import BACKGROUND_TOKENS, ENDED, Batcher, BatchFacts
from service.answering.length_buckets import EngineResult
from service.answering.pacing import QUIET_S, SHARE, Pacing
from service.refusals import Stopping
from tests.service.fakes import GatedEngine
from tests.tiny import tiny_rows

TEXTS = [row.text for row in tiny_rows(60, seed=7)]


@pytest.fixture
def facts() -> list[BatchFacts]:
    return []


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def batcher(facts: list[BatchFacts], waits: list[float]) -> Iterator[Batcher]:
    settings = ServiceConfig(max_queue_items=10)
    batcher = Batcher(settings, max_inline_s=0.0, on_batch=facts.append, on_waits=waits.extend)
    batcher.start()
    yield batcher
    batcher.close()


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not is_so():
            await asyncio.sleep(0.001)


def test_background_texts_get_the_answers_of_the_engine(
    batcher: Batcher, facts: list[BatchFacts], waits: list[float], tiny_package: Path
) -> None:
    engine = Engine(tiny_package, threads=1)
    encoded = engine.encode(TEXTS)
    results = asyncio.run(batcher.answer_in_background(engine, encoded))
    alone = [int(engine.infer([item]).predicted[0]) for item in encoded]
    assert [int(result.predicted[0]) for result in results if isinstance(result, Outputs)] == alone
    assert sum(call.rows for call in facts) == len(TEXTS)
    assert max(call.padded_tokens for call in facts) <= BACKGROUND_TOKENS
    assert waits == []


def test_background_texts_do_not_count_as_waiting(batcher: Batcher, tiny_package: Path) -> None:
    engine = GatedEngine(tiny_package)
    encoded = engine.encode(TEXTS[:40])

    async def ask() -> None:
        background = asyncio.create_task(batcher.answer_in_background(engine, encoded))
        await asyncio.to_thread(engine.entered.wait, 5)
        assert (batcher.waiting, batcher.wait_s, batcher.retry_after_s(10)) == (0, 0.0, None)
        asked = asyncio.create_task(batcher.answer(engine, encoded[:8]))
        await asyncio.sleep(0)
        assert batcher.waiting == 8
        engine.gate.set()
        assert len(await asked) == 8
        await background
        assert batcher.waiting == 0

    asyncio.run(ask())


def test_texts_of_clients_overtake_background_texts(batcher: Batcher, tiny_package: Path) -> None:
    engine = GatedEngine(tiny_package)
    encoded = [Encoded([1] * 16, truncated=False)] * 40

    async def ask() -> None:
        background = asyncio.create_task(batcher.answer_in_background(engine, encoded))
        await asyncio.to_thread(engine.entered.wait, 5)
        asked = asyncio.create_task(batcher.answer(engine, [Encoded([1] * 5, truncated=False)] * 3))
        await asyncio.sleep(0.01)
        engine.gate.set()
        await asked
        await background

    asyncio.run(ask())
    assert engine.calls[:2] == [8, 3]
    assert sum(engine.calls) == 43


def test_a_cancelled_background_request_leaves_the_engine_alone(batcher: Batcher, tiny_package: Path) -> None:
    engine = GatedEngine(tiny_package)
    encoded = [Encoded([1] * 16, truncated=False)] * 40

    async def ask() -> None:
        background = asyncio.create_task(batcher.answer_in_background(engine, encoded))
        await asyncio.to_thread(engine.entered.wait, 5)
        background.cancel()
        await asyncio.wait([background])
        engine.gate.set()
        await batcher.answer(engine, encoded[:1])
        await batcher.answer_in_background(engine, encoded[:2])

    asyncio.run(ask())
    assert engine.calls == [8, 1, 2]


def test_background_texts_end_with_the_batcher(tiny_package: Path) -> None:
    engine = GatedEngine(tiny_package)
    encoded = [Encoded([1] * 16, truncated=False)] * 20
    batcher = Batcher(ServiceConfig(), max_inline_s=0.0)
    batcher.start()

    async def ask() -> list[EngineResult]:
        background = asyncio.create_task(batcher.answer_in_background(engine, encoded))
        await asyncio.to_thread(engine.entered.wait, 5)
        closing = threading.Thread(target=batcher.close)
        closing.start()
        await until(lambda: batcher._closed)
        engine.gate.set()
        results = await background
        await asyncio.to_thread(closing.join)
        with pytest.raises(Stopping):
            await batcher.answer_in_background(engine, encoded)
        return results

    results = asyncio.run(ask())
    assert [isinstance(result, Outputs) for result in results[:8]] == [True] * 8
    assert results[8:] == [ENDED] * 12


def test_under_load_background_texts_get_their_share_of_the_time() -> None:
    pacing, now, worked = Pacing(), 0.0, 0.0
    while now < 60:
        if pacing.wait_s(now) == 0.0:
            now, worked = now + 0.006, worked + 0.006
            pacing.answered_background(now, 0.006)
        now += 0.005
        pacing.answered(now)
    assert worked / now == pytest.approx(SHARE, rel=0.1)


def test_without_load_background_texts_do_not_wait() -> None:
    pacing = Pacing()
    pacing.answered_background(100.0, 0.006)
    assert pacing.wait_s(100.0) == 0.0
    pacing.answered(100.0)
    assert pacing.wait_s(100.0) == pytest.approx(QUIET_S)
