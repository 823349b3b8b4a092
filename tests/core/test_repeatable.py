"""Kept answers of requests, on every database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import update

from core.errors import KeyOfOtherRequest, RequestRunning
from core.ledger import Ledger
from core.repeatable import Claim, KeptAnswer, Repeatable
from core.schema import repeatable

CLAIM = Claim("key ops", "k1", "a" * 64)
ANSWER = KeptAnswer(200, '{"job":1}')


@pytest.fixture
def store(ledger: Ledger) -> Repeatable:
    return Repeatable(ledger.database)


def test_a_repeated_request_gets_the_first_answer(store: Repeatable) -> None:
    assert store.begin(CLAIM) is None
    with pytest.raises(RequestRunning, match="'k1' is still under way"):
        store.begin(CLAIM)
    store.keep(CLAIM, ANSWER)
    assert store.begin(CLAIM) == ANSWER
    with pytest.raises(KeyOfOtherRequest):
        store.begin(Claim(CLAIM.who, CLAIM.key, "b" * 64))
    assert store.begin(Claim("key other", CLAIM.key, "b" * 64)) is None


def test_a_request_that_changed_nothing_may_be_sent_again(store: Repeatable) -> None:
    store.begin(CLAIM)
    store.give_up(CLAIM)
    assert store.begin(CLAIM) is None
    store.keep(CLAIM, ANSWER)
    store.give_up(CLAIM)
    assert store.begin(CLAIM) == ANSWER


def test_an_answer_without_a_beginning_is_kept(store: Repeatable) -> None:
    store.keep(CLAIM, ANSWER)
    assert store.begin(CLAIM) == ANSWER


def test_a_request_whose_process_died_and_an_answer_of_yesterday_end(store: Repeatable, ledger: Ledger) -> None:
    store.begin(CLAIM)
    with ledger.database.write() as connection:
        connection.execute(update(repeatable).values(lease_until=1.0))
    assert store.begin(CLAIM) is None
    store.keep(CLAIM, ANSWER)
    with ledger.database.write() as connection:
        connection.execute(update(repeatable).values(created_at="2020-01-01T00:00:00.000000+00:00"))
    assert store.begin(CLAIM) is None


def test_one_of_several_at_once_has_the_request(store: Repeatable) -> None:
    def begins(_: int) -> bool:
        try:
            return store.begin(CLAIM) is None
        except RequestRunning:
            return False

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(begins, range(8))) == 1
