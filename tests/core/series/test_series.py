from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from core.accumulated import Accumulated
from core.clock import earliest_id, stored_time
from core.config import Config
from core.datasets import is_held_out
from core.home import Home
from core.ledger import Ledger
from core.ledger_tables.traffic import Load, Traffic, TrafficMinute
from core.package import REFERENCE, PackageFacts
from core.records import FeedbackRecord, PredictionRecord, PromotionRecord, Verdict
from core.series.answers import PARTS, SAMPLED, answer_samples, latest_answers
from core.series.champions import InService, first_in_service, in_service, is_rollback
from core.series.checks import latest_checks
from core.series.given import LEAST_ROWS, confusion, given_labels, measured_parts
from core.series.reference import reference_answers
from core.series.requests import request_buckets
from core.series.span import LEAST_S, LONGEST_S, MOST_BUCKETS, SHORTEST_S, Span, span_until
from core.share import Share

NOW_S = datetime(2026, 11, 29, 12, tzinfo=UTC).timestamp()
HOUR_S, DAY_S = 3600.0, 86400.0
ALWAYS = InService([("", "1")])


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Home(Config(home=tmp_path)).ledger


def at(time_s: float) -> str:
    return stored_time(datetime.fromtimestamp(time_s, UTC))


def predict(ledger: Ledger, count: int, *, start_s: float, label: str = "a", version: str = "1") -> list[str]:
    """One a second; their texts."""
    embedding = np.zeros(2, dtype=np.float32)
    records = [
        PredictionRecord(
            f"{earliest_id(start_s + row)}{row:016x}",
            "tickets",
            version,
            at(start_s + row),
            f"text {row} of {start_s}",
            label,
            0.9,
            3,
            False,
            embedding,
        )
        for row in range(count)
    ]
    ledger.record_predictions(records)
    return [record.id for record in records]


def promotion(version: str, previous: str | None, day: int, *, promoted: bool = True) -> PromotionRecord:
    return PromotionRecord(day, "tickets", version, previous, f"2026-11-{day:02d}T00:00:00+00:00", promoted, "")


def test_the_range_begins_at_the_oldest_check_within_bounds() -> None:
    assert span_until(NOW_S, at(NOW_S - 5 * DAY_S)).start_s == pytest.approx(NOW_S - 5.1 * DAY_S)
    assert span_until(NOW_S, at(NOW_S - 60)).start_s == NOW_S - SHORTEST_S
    for first_s, length_s in ((60, LEAST_S), (1200, 1224), (2 * DAY_S, SHORTEST_S)):
        span = span_until(NOW_S, at(NOW_S - 60), first=at(NOW_S - first_s))
        assert span.end_s - span.start_s == pytest.approx(length_s)
    assert span_until(NOW_S, None, first=at(NOW_S - 1000)).start_s == pytest.approx(NOW_S - 1020)
    assert span_until(NOW_S, at(NOW_S - 900 * DAY_S)).start_s == NOW_S - LONGEST_S
    assert abs(span_until(None, None).end_s - time.time()) < 60


@pytest.mark.parametrize("days", [0.04, 0.5, 1, 7, 30, 90])
def test_a_range_has_a_bounded_number_of_buckets(days: float) -> None:
    span = Span(NOW_S - days * DAY_S, NOW_S)
    assert 20 < days * DAY_S / span.bucket_s <= MOST_BUCKETS


def test_checks_have_the_figures_of_their_verdicts_oldest_first(ledger: Ledger) -> None:
    full = Verdict(
        "drift", 0.001, 300, 500, estimated_accuracy=Share(0.8, 0.7, 0.9), level=0.003, accumulated=Accumulated([], 1.2)
    )
    ledger.record_check("tickets", "1", full, source="traffic")
    ledger.record_check("tickets", "1", full, source="later.csv")
    ledger.record_check("tickets", "2", Verdict("insufficient_data"), source="traffic")
    ledger.record_check("other", "1", full, source="traffic")
    first, second = latest_checks(ledger.database, "tickets")
    assert (first.version, first.outcome, first.rows, first.p_value, first.level) == ("1", "drift", 300, 0.001, 0.003)
    assert (first.accumulated, first.estimated) == (1.2, Share(0.8, 0.7, 0.9, 300))
    assert (second.outcome, second.p_value, second.accumulated, second.estimated) == (
        "insufficient_data",
        None,
        None,
        None,
    )
    assert latest_checks(ledger.database, "tickets", limit=1) == [second]


@pytest.mark.parametrize("days", [0.1, 1.0, 5.0, 30.0, 80.0])
def test_all_requests_are_counted_in_buckets_within_the_range(ledger: Ledger, days: float) -> None:
    span = Span(NOW_S - days * DAY_S, NOW_S)
    minutes = [NOW_S - 60 * (minute + 1) for minute in range(0, int(days * 1440) - 1, max(1, int(days * 3)))]
    load = Load(requests=3, failed_requests=1, answered=3, seconds=[2, 1] + [0] * 12)
    Traffic(ledger.database).add([TrafficMinute("tickets", "1", at(minute)[:16], load) for minute in minutes])
    Traffic(ledger.database).add([TrafficMinute("other", "1", at(NOW_S - 60)[:16], load)])
    found = request_buckets(ledger.database, "tickets", span)
    assert sum(one.load.requests for one in found) == 3 * len(minutes)
    assert sum(one.load.failed_requests for one in found) == len(minutes)
    assert len(found) <= MOST_BUCKETS
    assert all(one.end_s - one.start_s == span.bucket_s for one in found)
    assert all(one.start_s <= minute < one.end_s for one, minute in zip(found[-1:], minutes[:1], strict=True))


def test_a_bucket_has_the_times_of_its_requests(ledger: Ledger) -> None:
    fast, slow = Load(requests=2, seconds=[2] + [0] * 13), Load(requests=2, seconds=[0] * 9 + [2] + [0] * 4)
    rows = [(NOW_S - 7200, fast), (NOW_S - 600, slow)]
    Traffic(ledger.database).add([TrafficMinute("tickets", "1", at(time_s)[:16], load) for time_s, load in rows])
    first, second = request_buckets(ledger.database, "tickets", Span(NOW_S - 3 * HOUR_S, NOW_S))
    assert (first.load.within_s(0.95), second.load.within_s(0.95)) == (0.0025, 2.5)


def test_of_very_many_minutes_some_are_timed_and_all_are_counted(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.series.requests.ALL_TIMED", 10)
    load = Load(requests=2, seconds=[2] + [0] * 13)
    minutes = [TrafficMinute("tickets", "1", at(NOW_S - 60 * minute)[:16], load) for minute in range(1, 200)]
    Traffic(ledger.database).add(minutes)
    found = request_buckets(ledger.database, "tickets", Span(NOW_S - DAY_S, NOW_S))
    assert sum(one.load.requests for one in found) == 2 * len(minutes)
    assert 0 < sum(sum(one.load.seconds) for one in found) < len(minutes)


def test_the_version_in_service_follows_promotions_and_not_refusals() -> None:
    rows = [promotion("1", "3", 20), promotion("4", "3", 15, promoted=False), promotion("3", "1", 10)]
    served = in_service(rows, "1")
    assert [served.at(f"2026-11-{day:02d}T12:00") for day in (1, 12, 16, 25)] == ["1", "3", "3", "1"]
    assert served.between("2026-11-12T00:00", "2026-11-25T00:00") == ["3", "1"]
    assert in_service([], "7").at("2026-11-01") == "7"
    assert in_service([], None).between("2026-11-01", "2026-12-01") == []


def test_the_first_version_came_with_the_promotion_that_replaced_none() -> None:
    refused = promotion("1", None, 5, promoted=False)
    first = promotion("1", None, 10)
    assert first_in_service([promotion("2", "1", 20), first, refused]) == first.created_at
    assert first_in_service([promotion("2", "1", 20)]) is None


def test_a_roll_back_goes_to_an_earlier_version() -> None:
    assert is_rollback(promotion("1", "3", 20))
    assert is_rollback(replace(promotion("10", "9", 20), reason="Rolled back by hand."))
    assert not is_rollback(promotion("10", "9", 20))
    assert not is_rollback(promotion("1", None, 1))


def test_answers_are_sampled_in_each_part_of_the_time(ledger: Ledger) -> None:
    span = Span(NOW_S - 20 * HOUR_S, NOW_S)
    predict(ledger, SAMPLED + 40, start_s=span.start_s + 10, label="a")
    predict(ledger, 30, start_s=NOW_S - 1800, label="b")
    predict(ledger, 30, start_s=NOW_S - 1700, label="of no champion", version="2")
    first, last = answer_samples(ledger, "tickets", span, ALWAYS, "single-label")
    assert dict(first.labels) == {"a": SAMPLED}
    assert dict(last.labels) == {"b": 30}
    assert last.end_s - last.start_s == pytest.approx(20 * HOUR_S / PARTS)


def test_the_latest_answers_of_several_labels_count_for_each(ledger: Ledger) -> None:
    predict(ledger, 3, start_s=NOW_S, label="a|b")
    predict(ledger, 2, start_s=NOW_S + 10, label="b")
    assert dict(latest_answers(ledger, "tickets", "1", "multi-label")) == {"a": 3, "b": 5}


def test_accuracy_is_measured_on_held_out_texts_of_each_version(ledger: Ledger) -> None:
    ids = predict(ledger, 60, start_s=NOW_S - HOUR_S)
    wrong = set(ids[::4])
    ledger.record_feedback([FeedbackRecord(key, "b" if key in wrong else "a") for key in ids])
    given = given_labels(ledger, "tickets", "single-label")
    held_out = [row for row in range(60) if is_held_out(f"text {row} of {NOW_S - HOUR_S}")]
    (part,) = measured_parts(given, Span(NOW_S - DAY_S, NOW_S))
    assert part.version == "1"
    assert part.accuracy.rows == len(held_out) >= LEAST_ROWS
    assert part.accuracy.value == pytest.approx(1 - sum(row % 4 == 0 for row in held_out) / len(held_out))
    assert part.start_s <= NOW_S - HOUR_S <= part.end_s
    assert measured_parts(given[: LEAST_ROWS - 1], Span(NOW_S - DAY_S, NOW_S)) == []


def test_the_last_label_of_a_prediction_counts_and_other_models_do_not(ledger: Ledger) -> None:
    ids = predict(ledger, 2, start_s=NOW_S)
    for label in ("b", "a"):
        ledger.record_feedback([FeedbackRecord(ids[0], label)])
    assert [one.label for one in given_labels(ledger, "tickets", "single-label")] == ["a"]
    assert given_labels(ledger, "other", "single-label") == []


def test_the_confusion_has_the_labels_with_the_most_errors(ledger: Ledger) -> None:
    right = predict(ledger, 5, start_s=NOW_S, label="a")
    wrong = predict(ledger, 3, start_s=NOW_S + 100, label="b")
    rare = predict(ledger, 1, start_s=NOW_S + 200, label="c")
    ledger.record_feedback([FeedbackRecord(key, "a") for key in [*right, *wrong, *rare]])
    given = given_labels(ledger, "tickets", "single-label")
    assert confusion(given, "single-label", version="1", most=2) == (["a", "b"], [[5, 3], [0, 0]])
    assert confusion(given, "single-label", version="2", most=2) == ([], [])


def test_of_several_labels_only_the_missing_and_the_superfluous_are_confused(ledger: Ledger) -> None:
    (key,) = predict(ledger, 1, start_s=NOW_S, label="a|b")
    ledger.record_feedback([FeedbackRecord(key, "a|c")])
    given = given_labels(ledger, "tickets", "multi-label")
    labels, counts = confusion(given, "multi-label", version="1", most=5)
    assert (labels, counts) == (["a", "b", "c"], [[1, 0, 0], [0, 0, 0], [0, 1, 0]])


def test_the_answers_to_the_reference_are_read_alone(tmp_path: Path) -> None:
    facts = PackageFacts(["a", "b"], "softmax", 1.0, 128, "fp32")
    np.savez(tmp_path / REFERENCE, predicted=np.array([0, 1, 1]))
    assert dict(reference_answers(tmp_path, facts)) == {"a": 1, "b": 2}
    np.savez(tmp_path / REFERENCE, predicted=np.array([[True, True], [False, True]]))
    assert dict(reference_answers(tmp_path, facts)) == {"a": 1, "b": 2}
    (tmp_path / REFERENCE).write_bytes(b"damaged")
    assert not reference_answers(tmp_path, facts)


def test_an_empty_ledger_has_no_series(ledger: Ledger) -> None:
    span = Span(NOW_S - DAY_S, NOW_S)
    assert latest_checks(ledger.database, "tickets") == []
    assert request_buckets(ledger.database, "tickets", span) == []
    assert answer_samples(ledger, "tickets", span, ALWAYS, "single-label") == []
    assert not latest_answers(ledger, "tickets", "1", "single-label")
    assert given_labels(ledger, "tickets", "single-label") == []
