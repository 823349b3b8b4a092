from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from core.config import ServiceConfig
from core.engine import Encoded, Engine, Outputs
from service.answering.batcher import Batcher, BatchFacts
from service.answering.items import NOT_ENCODABLE, ItemError, encode_each
from service.answering.length_buckets import EngineResult
from service.answering.throughput import Throughput
from service.refusals import NotReady, Overloaded
from tests.service.fakes import GatedEngine, PoisonedEngine
from tests.tiny import tiny_rows

TEXTS = [row.text for row in tiny_rows(60, seed=7)]


def settings(*, max_queue_items: int = 10_000, max_queue_s: float = math.inf) -> ServiceConfig:
    return ServiceConfig(max_batch_tokens=256, max_queue_items=max_queue_items, max_queue_s=max_queue_s)


@pytest.fixture
def facts() -> list[BatchFacts]:
    return []


@pytest.fixture
def batcher(facts: list[BatchFacts]) -> Iterator[Batcher]:
    # Without calls on the event loop, which a gated engine would block.
    batcher = Batcher(settings(max_queue_items=10), max_inline_s=0.0, on_batch=facts.append)
    batcher.start()
    yield batcher
    batcher.close()


async def started_call(
    batcher: Batcher, engine: GatedEngine, encoded: Sequence[Encoded]
) -> asyncio.Task[list[EngineResult]]:
    """A request in an engine call that lasts until the gate is opened."""
    call = asyncio.create_task(batcher.answer(engine, encoded))
    await asyncio.to_thread(engine.entered.wait, 5)
    return call


async def cancelled(call: asyncio.Task[list[EngineResult]]) -> None:
    call.cancel()
    await asyncio.wait([call])


def probability(result: EngineResult) -> float:
    assert isinstance(result, Outputs)
    return float(result.confidence[0])


def test_concurrent_requests_get_the_same_answers_as_single_engine_calls(batcher: Batcher, tiny_package: Path) -> None:
    engine = Engine(tiny_package, threads=1)
    encoded = engine.encode(TEXTS[:10])

    async def ask() -> list[list[EngineResult]]:
        return await asyncio.gather(*(batcher.answer(engine, [item]) for item in encoded))

    given = [probability(results[0]) for results in asyncio.run(ask())]
    alone = [float(engine.infer([item]).confidence[0]) for item in encoded]
    assert np.allclose(given, alone, atol=1e-5)


def test_texts_that_arrive_during_an_engine_call_share_the_next_batch(batcher: Batcher, tiny_package: Path) -> None:
    engine = GatedEngine(tiny_package)
    [encoded] = engine.encode(TEXTS[:1])

    async def ask() -> None:
        calls = [asyncio.create_task(batcher.answer(engine, [encoded])) for _ in range(6)]
        await asyncio.to_thread(engine.entered.wait, 5)
        engine.gate.set()
        await asyncio.gather(*calls)

    asyncio.run(ask())
    assert sum(engine.calls) == 6
    assert len(engine.calls) <= 2


def test_only_the_text_that_fails_in_the_engine_gets_an_error(batcher: Batcher, tiny_package: Path) -> None:
    engine = PoisonedEngine(tiny_package, threads=1)
    poison = Encoded(ids=[1] * PoisonedEngine.poison, truncated=False)
    encoded = [item for item in engine.encode(TEXTS) if item.tokens != PoisonedEngine.poison][:8]
    results = asyncio.run(batcher.answer(engine, [*encoded[:4], poison, *encoded[4:]]))
    assert [isinstance(result, ItemError) for result in results] == [False] * 4 + [True] + [False] * 4
    assert batcher.is_alive


def test_only_the_text_that_fails_in_the_tokenizer_gets_an_error(tiny_package: Path) -> None:
    engine = PoisonedEngine(tiny_package, threads=1)
    results = encode_each(engine, ["my invoice", "unreadable", "a crash"])
    assert [result == NOT_ENCODABLE for result in results] == [False, True, False]


def test_a_full_queue_raises_overloaded_with_retry_after(batcher: Batcher, tiny_package: Path) -> None:
    engine = GatedEngine(tiny_package)
    encoded = engine.encode(TEXTS)

    async def ask() -> Overloaded:
        working = await started_call(batcher, engine, encoded[:1])
        waiting = asyncio.create_task(batcher.answer(engine, encoded[1:9]))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded) as refused:
            await batcher.answer(engine, encoded[9:14])
        engine.gate.set()
        await asyncio.gather(working, waiting)
        return refused.value

    assert asyncio.run(ask()).retry_after_s >= 1


def test_texts_are_refused_when_the_queued_work_exceeds_its_limit(tiny_package: Path) -> None:
    batcher = Batcher(settings(max_queue_s=1e-9), max_inline_s=0.0)
    batcher.start()
    engine = GatedEngine(tiny_package)
    [encoded] = engine.encode(TEXTS[:1])

    async def ask() -> None:
        calls = [asyncio.create_task(batcher.answer(engine, [encoded]))]
        await asyncio.to_thread(engine.entered.wait, 5)
        calls.append(asyncio.create_task(batcher.answer(engine, [encoded])))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await batcher.answer(engine, [encoded])
        engine.gate.set()
        await asyncio.gather(*calls)

    asyncio.run(ask())
    batcher.close()


def test_texts_of_a_cancelled_request_leave_the_queue_at_once(batcher: Batcher, tiny_package: Path) -> None:
    engine = GatedEngine(tiny_package)
    encoded = engine.encode(TEXTS)

    async def ask() -> None:
        working = await started_call(batcher, engine, encoded[:1])
        abandoned = asyncio.create_task(batcher.answer(engine, encoded[1:9]))
        await asyncio.sleep(0)
        assert (batcher.waiting, batcher.retry_after_s(3) is None) == (8, False)
        await cancelled(abandoned)
        assert (batcher.waiting, batcher.retry_after_s(3)) == (0, None)  # while the engine call still runs
        assert batcher.wait_s == pytest.approx(0.0)
        engine.gate.set()
        await working
        await batcher.answer(engine, encoded[:1])
        assert batcher.waiting == 0
        assert batcher.wait_s == pytest.approx(0.0)

    asyncio.run(ask())


def test_texts_cancelled_during_their_engine_call_are_subtracted_once(batcher: Batcher, tiny_package: Path) -> None:
    engine = GatedEngine(tiny_package)
    encoded = engine.encode(TEXTS)

    async def ask() -> None:
        abandoned = await started_call(batcher, engine, encoded[:3])
        await cancelled(abandoned)
        assert batcher.waiting == 0
        engine.gate.set()
        await batcher.answer(engine, encoded[:1])
        assert batcher.waiting == 0

    asyncio.run(ask())


def test_texts_of_a_cancelled_request_never_reach_the_engine(batcher: Batcher, tiny_package: Path) -> None:
    engine = GatedEngine(tiny_package)
    encoded = engine.encode(TEXTS)

    async def ask() -> None:
        working = await started_call(batcher, engine, encoded[:1])
        abandoned = asyncio.create_task(batcher.answer(engine, encoded[1:6]))
        await asyncio.sleep(0)
        await cancelled(abandoned)
        engine.gate.set()
        await working
        await batcher.answer(engine, encoded[:1])

    asyncio.run(ask())
    assert engine.calls == [1, 1]


class WatchedEngine(Engine):
    """Records the rows and the thread of each call."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, threads=1)
        self.calls: list[tuple[int, str]] = []

    def infer(self, batch: Sequence[Encoded]) -> Outputs:
        self.calls.append((len(batch), threading.current_thread().name))
        return super().infer(batch)


def ask_at_once(engine: WatchedEngine, encoded: Sequence[Encoded], *, max_inline_s: float) -> None:
    batcher = Batcher(settings(max_queue_items=10), max_inline_s=max_inline_s)
    batcher.start()

    async def ask() -> None:
        await batcher.answer(engine, encoded[:1])  # measures the throughput
        engine.calls.clear()
        await asyncio.gather(*(batcher.answer(engine, [item]) for item in encoded))

    asyncio.run(ask())
    assert batcher.waiting == 0
    batcher.close()


def test_a_single_short_text_is_answered_on_the_event_loop(tiny_package: Path) -> None:
    engine = WatchedEngine(tiny_package)
    ask_at_once(engine, engine.encode(TEXTS[:1]), max_inline_s=1.0)
    assert engine.calls == [(1, threading.current_thread().name)]


def test_a_text_that_would_block_the_event_loop_is_answered_in_the_thread(tiny_package: Path) -> None:
    engine = WatchedEngine(tiny_package)
    ask_at_once(engine, engine.encode(TEXTS[:1]), max_inline_s=1e-6)
    assert engine.calls == [(1, "engine")]


def test_texts_of_one_loop_iteration_share_an_engine_call(tiny_package: Path) -> None:
    engine = WatchedEngine(tiny_package)
    ask_at_once(engine, [Encoded([1] * 4, False)] * 3, max_inline_s=1.0)
    assert engine.calls == [(3, "engine")]


class SlowEngine(Engine):
    """Takes a fifth of a second for each text."""

    def infer(self, batch: Sequence[Encoded]) -> Outputs:
        time.sleep(0.2 * len(batch))
        return super().infer(batch)


def test_expected_time_uses_the_throughput_of_each_engine(tiny_package: Path) -> None:
    slow, fast = SlowEngine(tiny_package, threads=1), GatedEngine(tiny_package)
    fast.gate.set()
    batcher = Batcher(settings(max_queue_items=100), max_inline_s=0.0)
    batcher.start()
    [encoded] = slow.encode(TEXTS[:1])

    async def ask() -> tuple[float, float]:
        await batcher.answer(slow, [encoded])
        for _ in range(50):  # so that one average for both would be close to the fast one
            await batcher.answer(fast, [encoded])
        fast.gate.clear()
        fast.entered.clear()
        calls = [asyncio.create_task(batcher.answer(fast, [encoded]))]
        await asyncio.to_thread(fast.entered.wait, 5)
        waits = []
        for engine in (fast, slow):
            calls.append(asyncio.create_task(batcher.answer(engine, [encoded] * 4)))
            await asyncio.sleep(0)
            waits.append(batcher.wait_s)
        fast.gate.set()
        await asyncio.gather(*calls)
        return waits[0], waits[1]

    with_fast, with_slow = asyncio.run(ask())
    batcher.close()
    assert with_fast < 0.1
    assert with_slow - with_fast > 0.7


def test_a_new_engine_starts_with_the_latest_throughput(tiny_package: Path) -> None:
    throughput = Throughput()
    old, new = Engine(tiny_package, threads=1), Engine(tiny_package, threads=1)
    throughput.add(old, 100.0)
    assert (throughput.tokens_per_s(new), throughput.is_measured(new)) == (100.0, False)
    throughput.add(new, 1_000.0)
    assert (throughput.tokens_per_s(old), throughput.tokens_per_s(new)) == (100.0, 1_000.0)


def test_texts_that_arrived_just_before_close_are_answered(batcher: Batcher, tiny_package: Path) -> None:
    engine = Engine(tiny_package, threads=1)

    async def ask() -> list[EngineResult]:
        request = asyncio.create_task(batcher.answer(engine, engine.encode(TEXTS[:2])))
        await asyncio.sleep(0)
        batcher.close()
        return await asyncio.wait_for(request, 5)

    assert all(isinstance(result, Outputs) for result in asyncio.run(ask()))


def test_a_closed_batcher_refuses_texts(tiny_package: Path) -> None:
    batcher = Batcher(settings(max_queue_items=10))
    batcher.start()
    batcher.close()
    engine = Engine(tiny_package, threads=1)
    with pytest.raises(NotReady):
        asyncio.run(batcher.answer(engine, engine.encode(TEXTS[:1])))


def test_rows_and_tokens_of_batches_are_reported(batcher: Batcher, facts: list[BatchFacts], tiny_package: Path) -> None:
    engine = Engine(tiny_package, threads=1)
    encoded = [Encoded([1] * 4, False), Encoded([1] * 6, False)]
    asyncio.run(batcher.answer(engine, encoded))
    assert [(fact.rows, fact.tokens, fact.padded_tokens) for fact in facts] == [(2, 10, 12)]
