"""The order of arrival is a number of the ledger, whatever the clocks say."""

from __future__ import annotations

import time

import numpy as np
import pytest
from sqlalchemy import Connection, text

from core.clock import earliest_id, sortable_id, utc_now
from core.config import Config
from core.ledger import Ledger
from core.privacy.erasure import DAY_S, erase, inputs_of, older_than, with_ids
from core.records import FeedbackRecord, PredictionRecord, Verdict
from tests.core.earlier import of_an_earlier_release


def prediction(given: str, *, clock_s: float = 0, version: str = "1") -> PredictionRecord:
    """`clock_s`: how far the clock of the writer is ahead."""
    made = earliest_id(time.time() + clock_s) + sortable_id()[16:]
    vector = np.zeros(2, dtype=np.float32)
    return PredictionRecord(made, "m", version, utc_now(), given, "a", 0.5, 3, False, vector)


def texts(ledger: Ledger, *, after: int = 0) -> list[str]:
    return [row.text for row in ledger.window("m", "1", limit=99, after=after)]


def checked(ledger: Ledger) -> list[str]:
    """The texts of a conclusive check of what no check has used yet."""
    rows = ledger.window("m", "1", limit=99, after=ledger.last_checked("m", "1"))
    ledger.record_check("m", "1", Verdict("ok", 0.5), source="traffic", window_end=rows[-1].id)
    return [row.text for row in rows]


def test_the_window_is_in_the_order_of_arrival(ledger: Ledger) -> None:
    for number, clock_s in enumerate([DAY_S, 0, -300, 300, 0]):
        ledger.record_predictions([prediction(str(number), clock_s=clock_s)])
    assert texts(ledger) == ["0", "1", "2", "3", "4"]


def test_a_clock_that_was_put_right_hides_no_row_from_the_checks(ledger: Ledger) -> None:
    ledger.record_predictions([prediction("ahead", clock_s=DAY_S)])
    assert checked(ledger) == ["ahead"]
    ledger.record_predictions([prediction("right")])
    assert checked(ledger) == ["right"]
    ledger.record_predictions([prediction("behind", clock_s=-DAY_S), prediction("right again")])
    assert checked(ledger) == ["behind", "right again"]


def test_every_row_of_two_writers_five_minutes_apart_is_in_one_window(ledger: Ledger) -> None:
    windows: list[str] = []
    for turn in range(4):
        ledger.record_predictions([prediction(f"{turn} ahead", clock_s=300)])
        windows += checked(ledger)
        ledger.record_predictions([prediction(f"{turn} behind")])
        windows += checked(ledger)
    assert windows == [f"{turn} {side}" for turn in range(4) for side in ("ahead", "behind")]


def test_the_number_of_an_erased_row_is_not_given_again(ledger: Ledger) -> None:
    erased = prediction("checked, then erased")
    ledger.record_predictions([prediction("stays"), erased])
    checked(ledger)
    erase(ledger.database, with_ids([erased.id]))
    ledger.record_predictions([prediction("new")])
    assert checked(ledger) == ["new"]


def test_a_promotion_knows_its_place_although_the_clock_ran_ahead(ledger: Ledger) -> None:
    before = prediction("before", clock_s=DAY_S)
    ledger.record_predictions([before])
    ledger.record_feedback([FeedbackRecord(before.id, "a")])
    ledger.record_promotion("m", "1", previous=None, promoted=True, reason="", gate=None)
    ledger.record_promotion("m", "2", previous="1", promoted=False, reason="", gate=None)
    after = prediction("after")
    ledger.record_predictions([after])
    ledger.record_feedback([FeedbackRecord(after.id, "a")])
    assert texts(ledger, after=ledger.promoted_after("m", "1")) == ["after"]
    assert ledger.promoted_after("m", "2") == 0
    after_label = ledger.promotions("m")[0].after_label
    assert after_label is not None
    assert [row.text for row in ledger.labelled("m") if row.label_number > after_label] == ["after"]


@pytest.mark.parametrize(
    ("clocks_d", "left"),
    [
        ([-31, -31, -29, -29], 2),  # days: right clocks
        ([-30.5, -30.6, -29.5, -29.6], 2),  # two writers
        ([-21, -21, -31, -31, -31, -1], 1),  # ten days ahead, then put right
        ([3650, 3650, -31, -1], 1),  # years ahead, then put right
        ([-2, -1, -20000, 0], 4),  # one that starts in 1970
        ([-31, -2, -1, -20000, 0], 4),
    ],
)
def test_the_age_of_a_row_is_that_of_its_place(ledger: Ledger, clocks_d: list[float], left: int) -> None:
    ledger.record_predictions([prediction(str(row), clock_s=days * DAY_S) for row, days in enumerate(clocks_d)])
    erase(ledger.database, older_than(ledger.database, 30))
    assert texts(ledger) == [str(row) for row in range(len(clocks_d) - left, len(clocks_d))]


def test_a_text_arrived_before_the_rows_after_it(ledger: Ledger) -> None:
    ledger.record_predictions([prediction("ahead", clock_s=DAY_S), prediction("right")])
    ids = [row.id for row in ledger.window("m", "1", limit=2)]
    assert all(arrived_s <= time.time() for arrived_s, _ in inputs_of(ledger.database, with_ids(ids)))


def insert_earlier(connection: Connection, ids: list[str]) -> None:
    """As a release without numbers does."""
    for key in ids:
        connection.execute(
            text(
                "INSERT INTO predictions (id, model, version, created_at, text, label, score, tokens, truncated, "
                "embedding) VALUES (:id, 'm', '1', :at, :given, 'a', 0.5, 3, :no, :vector)"
            ),
            {"id": key, "given": key, "at": utc_now(), "no": False, "vector": b"\0" * 4},
        )


def test_stored_rows_are_numbered_in_the_order_of_their_ids(config: Config) -> None:
    now_s = int(time.time())
    ids = [earliest_id(now_s + step) + "0" * 16 for step in range(-4, 0)]

    def fill(connection: Connection) -> None:
        insert_earlier(connection, [ids[2], ids[0], ids[3], ids[1]])
        for model, end in (("m", ids[1]), ("gone", "0" * 32)):
            connection.execute(
                text(
                    "INSERT INTO checks (model, version, created_at, source, verdict, window_end) "
                    "VALUES (:model, '1', :at, 'traffic', '{\"verdict\": \"ok\"}', :end)"
                ),
                {"model": model, "at": utc_now(), "end": end},
            )
        promoted_at = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(now_s - 2))
        connection.execute(
            text(
                "INSERT INTO promotions (model, version, created_at, promoted, reason, gate) "
                "VALUES ('m', '1', :at, :yes, '', '{}')"
            ),
            {"at": promoted_at, "yes": True},
        )

    ledger = of_an_earlier_release(config, "0004", fill)
    assert [row.number for row in ledger.window("m", "1", limit=9)] == [1, 2, 3, 4]
    assert texts(ledger) == ids
    assert (ledger.last_checked("m", "1"), ledger.last_checked("gone", "1")) == (2, 0)
    assert ledger.promoted_after("m", "1") == 2
    ledger.record_predictions([prediction("behind", clock_s=-DAY_S)])
    assert texts(ledger) == [*ids, "behind"]
    ledger.database.close()


def test_the_release_before_can_write_to_the_migrated_ledger(ledger: Ledger) -> None:
    ledger.record_predictions([prediction("new", clock_s=DAY_S)])
    earlier = sortable_id()
    with ledger.database.write() as connection:
        insert_earlier(connection, [earlier])
        connection.execute(
            text(
                "INSERT INTO checks (model, version, created_at, source, verdict, window_end) "
                "VALUES ('m', '1', :at, 'traffic', '{\"verdict\": \"ok\"}', :end)"
            ),
            {"at": utc_now(), "end": earlier},
        )
    assert texts(ledger) == ["new", earlier]
    assert ledger.last_checked("m", "1") == ledger.window("m", "1", limit=1)[0].number


def test_the_latest_texts_are_different_ones(ledger: Ledger) -> None:
    given = ["a", "b", "b", "c", " B ", "a", "d"]
    ledger.record_predictions([prediction(text) for text in given])
    found = ledger.window("m", "1", limit=3)
    assert [(row.text, row.number, row.copies) for row in found] == [(" B ", 5, 1), ("a", 6, 1), ("d", 7, 1)]
    found = ledger.window("m", "1", limit=9, after=1)
    assert [(row.text, row.copies) for row in found] == [("c", 1), (" B ", 3), ("a", 1), ("d", 1)]
    ledger.record_predictions([prediction("") for _ in range(2)])
    assert len(ledger.window("m", "1", limit=9)) == 6


def test_a_long_flood_is_read_in_part(ledger: Ledger) -> None:
    ledger.record_predictions([prediction("hidden"), *(prediction("flood") for _ in range(100))])
    assert [(row.text, row.copies) for row in ledger.window("m", "1", limit=5)] == [("flood", 50)]
