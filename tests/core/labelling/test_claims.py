"""Texts that several people label at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from core.config import Config
from core.database import Database
from core.labelling.claims import GRACE_S, LEASE_S, LabelClaims, Labeller

ANN, BEN = Labeller("ann", "1"), Labeller("ben", "2")
ASKED = [[f"{number:032x}"] for number in range(12)]


@pytest.fixture
def claims(config: Config) -> Iterator[LabelClaims]:
    database = Database(config.ledger_url)
    yield LabelClaims(database)
    database.close()


def held(claims: LabelClaims, labeller: Labeller, *, now_s: float = 0.0, count: int = 3) -> list[str]:
    return [together[0] for together in claims.hold("m", labeller, ASKED, count=count, now_s=now_s)]


def test_two_people_hold_different_texts_and_each_keeps_its_own(claims: LabelClaims) -> None:
    first, second = held(claims, ANN), held(claims, BEN)
    assert [first, second] == [[key for (key,) in ASKED[:3]], [key for (key,) in ASKED[3:6]]]
    assert held(claims, ANN, now_s=1) == first


def test_a_second_window_of_a_person_gets_others(claims: LabelClaims) -> None:
    assert not set(held(claims, ANN)) & set(held(claims, Labeller("ann", "other")))


def test_a_window_keeps_its_texts_when_another_name_is_typed_in_it(claims: LabelClaims) -> None:
    first = held(claims, Labeller("page", "1"))
    assert held(claims, ANN, now_s=1) == first
    assert held(claims, BEN, now_s=2) == [key for (key,) in ASKED[3:6]]
    claims.release("m", ANN, now_s=3)
    assert held(claims, Labeller("eve", "3"), now_s=3 + GRACE_S) == first


def test_a_window_that_is_heard_of_no_more_loses_its_texts(claims: LabelClaims) -> None:
    first = held(claims, ANN)
    assert not set(held(claims, BEN, now_s=LEASE_S - 1)) & set(first)
    assert held(claims, Labeller("eve", "3"), now_s=LEASE_S) == first


def test_a_closed_window_may_be_loaded_again_at_once(claims: LabelClaims) -> None:
    first = held(claims, ANN)
    claims.release("m", ANN, now_s=10)
    assert held(claims, ANN, now_s=10 + GRACE_S - 1) == first
    claims.release("m", ANN, now_s=20)
    assert held(claims, BEN, now_s=20 + GRACE_S) == first


def test_a_group_is_held_as_a_whole(claims: LabelClaims) -> None:
    claims.hold("m", ANN, [["a"]], count=1, now_s=0)
    assert claims.hold("m", BEN, [["b", "a"], ["c"]], count=1, now_s=0) == [["c"]]


def test_what_a_person_leaves_to_others_comes_back_to_the_others_only(claims: LabelClaims) -> None:
    first, *_ = held(claims, ANN)
    claims.leave("m", "ann", [first])
    assert first not in held(claims, ANN)
    assert held(claims, BEN)[0] == first
    claims.take_back("m", "ann", [first])
    claims.release("m", BEN, now_s=0)
    assert first in held(claims, ANN, now_s=GRACE_S, count=12)


def test_what_was_put_off_comes_last_and_what_was_taken_back_first(claims: LabelClaims) -> None:
    keys = [key for (key,) in ASKED]
    held(claims, ANN)
    found = claims.hold("m", ANN, ASKED, count=12, first=keys[7], later=keys[:1], now_s=1)
    assert [key for (key,) in found] == [keys[7], *keys[1:7], *keys[8:], keys[0]]


def test_at_the_same_time_nobody_gets_the_text_of_another(config: Config) -> None:
    found: list[list[str]] = []
    barrier = threading.Barrier(4)

    def ask(number: int) -> None:
        database = Database(config.ledger_url)
        barrier.wait()
        for round_s in range(5):
            mine = held(LabelClaims(database), Labeller("ann", str(number)), now_s=round_s)
        found.append(mine)
        database.close()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(key for keys in found for key in keys) == [key for (key,) in ASKED]
