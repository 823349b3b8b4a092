"""What is new in the ledger, on every database."""

from __future__ import annotations

from core.ledger import Ledger
from core.news import Position, labels_mark, last_position, news_after
from core.records import TRAFFIC, Decision, Outcome, Verdict, Wanted


def check(ledger: Ledger, model: str, outcome: Outcome = "drift", rows: int = 60) -> int:
    return ledger.record_check(model, "1", Verdict(outcome, rows=rows, sentence="S."), source=TRAFFIC)


def decide(ledger: Ledger, model: str) -> int:
    return ledger.record_decision(model, Decision("label", "Drift.", 120), check_id=None)


def promote(ledger: Ledger, model: str) -> int:
    return ledger.record_promotion(model, "2", previous="1", promoted=True, reason="By hand.", gate=None)


def test_news_come_in_order_each_with_its_position(ledger: Ledger) -> None:
    check(ledger, "m")
    start = last_position(ledger.database)
    decide(ledger, "m")
    check(ledger, "other")
    promote(ledger, "m")
    news = news_after(ledger.database, start)
    assert [(one.kind, one.model, str(one.position)) for one in news] == [
        ("decision", "m", "1-1-0"),
        ("verdict", "other", "2-1-0"),
        ("promotion", "m", "2-1-1"),
    ]
    assert news[-1].position == last_position(ledger.database)
    assert (news[0].facts["action"], news[0].facts["count"]) == ("label", 120)
    assert (news[1].facts["verdict"], news[1].facts["rows"]) == ("drift", 60)
    assert (news[2].facts["version"], news[2].facts["previous"]) == ("2", "1")


def test_news_of_a_model_up_to_a_position_and_in_parts(ledger: Ledger) -> None:
    for model in ("m", "other", "m", "m"):
        decide(ledger, model)
    until = Position(0, 3, 0)
    assert [one.position.decisions for one in news_after(ledger.database, Position(), model="m", until=until)] == [1, 3]
    assert [one.position.decisions for one in news_after(ledger.database, Position(), limit=2)] == [1, 2]


def test_an_inconclusive_check_that_takes_the_place_of_another_is_news(ledger: Ledger) -> None:
    check(ledger, "m", "insufficient_data", 3)
    first = ledger.checks("m")[0]
    start = last_position(ledger.database)
    assert news_after(ledger.database, start, last_check_at=first.created_at) == []
    check(ledger, "m", "insufficient_data", 4)
    (news,) = news_after(ledger.database, start, last_check_at=first.created_at)
    assert news.facts["rows"] == 4


def test_a_position_of_another_ledger_is_found_out(ledger: Ledger) -> None:
    decide(ledger, "m")
    last = last_position(ledger.database)
    assert Position().is_within(last)
    assert last.is_within(last)
    assert not Position(0, 2, 0).is_within(last)
    assert Position.parsed("1" * 400) is None


def test_requests_for_labels_change_the_mark(ledger: Ledger) -> None:
    before = labels_mark(ledger.database)
    assert labels_mark(ledger.database) == before
    ledger.request_labels("m", [Wanted("p1", "learn")], check_id=None)
    asked = labels_mark(ledger.database)
    ledger.request_labels("m", [Wanted("p2", "learn")], check_id=None)
    assert len({before, asked, labels_mark(ledger.database)}) == 3
