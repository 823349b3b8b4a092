from __future__ import annotations

from pathlib import Path

import pytest

from core.engine import Encoded, Engine
from service.answering.length_buckets import MAX_ROWS, LengthBuckets, PendingRequest, QueuedText


@pytest.fixture(scope="module")
def engine(tiny_package: Path) -> Engine:
    return Engine(tiny_package, threads=1)


def item(engine: Engine, tokens: int, *, arrived: float = 0.0) -> QueuedText:
    request = PendingRequest(None, arrived, [], 1, 1, tokens / 10)  # type: ignore[arg-type]  # no test waits for the answer
    return QueuedText(request, 0, engine, Encoded([1] * tokens, truncated=False), tokens, tokens / 10)


def buckets_of(*items: QueuedText, max_tokens: int = 1000) -> LengthBuckets:
    buckets = LengthBuckets(max_tokens=max_tokens)
    for one in items:
        buckets.add(one)
    return buckets


def taken(buckets: LengthBuckets, *, now: float = 1.0) -> list[list[int]]:
    """The lengths of the texts in each batch, in order."""
    calls = []
    while batch := buckets.next_batch(now):
        calls.append([one.tokens for one in batch])
    return calls


def test_texts_of_the_same_length_share_a_batch(engine: Engine) -> None:
    assert taken(buckets_of(*(item(engine, tokens) for tokens in (10, 40, 10, 40, 10)))) == [[10, 10, 10], [40, 40]]


def test_a_near_length_joins_if_its_padding_costs_less_than_a_call(engine: Engine) -> None:
    assert taken(buckets_of(item(engine, 10), item(engine, 12))) == [[10, 12]]
    assert taken(buckets_of(item(engine, 10), item(engine, 19))) == [[10], [19]]
    assert taken(buckets_of(*[item(engine, 12)] * 3, *[item(engine, 9)] * 3)) == [[9, 9, 9], [12, 12, 12]]


def test_a_batch_keeps_its_limits_of_tokens_and_rows(engine: Engine) -> None:
    assert taken(buckets_of(*[item(engine, 10)] * 7, max_tokens=30)) == [[10] * 3, [10] * 3, [10]]
    assert taken(buckets_of(item(engine, 500), max_tokens=30)) == [[500]]
    assert [len(call) for call in taken(buckets_of(*[item(engine, 1)] * 70))] == [MAX_ROWS, 70 - MAX_ROWS]


def test_versions_do_not_share_a_batch(engine: Engine, tiny_package: Path) -> None:
    other = Engine(tiny_package, threads=1)
    assert taken(buckets_of(item(engine, 10), item(other, 10), item(engine, 10))) == [[10, 10], [10]]


def test_a_short_text_overtakes_a_long_one_for_a_limited_time(engine: Engine) -> None:
    assert taken(buckets_of(item(engine, 128, arrived=0.0), item(engine, 10, arrived=0.5)), now=1.0) == [[10], [128]]
    assert taken(buckets_of(item(engine, 128, arrived=0.0), item(engine, 10, arrived=0.95)), now=1.0) == [[128], [10]]


def test_the_oldest_text_of_a_length_goes_first(engine: Engine) -> None:
    old, young = item(engine, 10, arrived=0.0), item(engine, 10, arrived=0.9)
    assert buckets_of(old, young, max_tokens=10).next_batch(1.0) == [old]


def test_texts_of_requests_that_are_over_are_dropped_and_not_counted(engine: Engine) -> None:
    cancelled, wanted = item(engine, 10), item(engine, 10)
    cancelled.request.is_over = True
    buckets = buckets_of(cancelled, wanted, item(engine, 30))
    assert taken(buckets) == [[10], [30]]
    assert buckets.items_out == 2
    assert buckets.work_out_s == pytest.approx(4.0)
    assert (cancelled.request.queued, wanted.request.queued) == (1, 0)
    assert not buckets
