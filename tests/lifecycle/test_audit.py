"""Some random texts each week are labelled, whatever the checks say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from core.champion import read_champion
from core.clock import sortable_id
from core.config import Config, LabelsConfig
from core.datasets import is_held_out
from core.home import Home
from core.ledger import Ledger
from core.ledger_tables.draws import AUDIT
from core.privacy.erasure import erase, with_ids
from core.records import CannotTell, FeedbackRecord, PredictionRecord, RequestedLabels, Wanted
from lifecycle.labels.audit import audit, draw
from lifecycle.respond import respond

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
TEXTS = [f"words {number}" for number in range(400)]


@pytest.fixture
def home(home: Home, tiny_package: Path) -> Home:
    home.registry.promote("m", home.registry.add(tiny_package, "m"))
    return home


def recorded(ledger: Ledger, *, days: float, until: float, texts: list[str] = TEXTS) -> list[str]:
    """Predictions of the texts, spread evenly from one day to another; their ids."""
    times = [BEGIN + timedelta(days=day) for day in np.linspace(days, until, len(texts))]
    vector = np.zeros(4, dtype=np.float32)
    rows = [
        PredictionRecord(
            sortable_id(), "m", "1", time.isoformat(timespec="microseconds"), text, "bug", 0.5, 3, False, vector
        )
        for text, time in zip(texts, times, strict=True)
    ]
    ledger.record_predictions(rows)
    return [row.id for row in rows]


def audited(home: Home) -> int:
    return audit(home, read_champion(home.registry, "m"))


def test_texts_are_due_by_the_stored_times_and_each_is_held_out_with_its_chance(home: Home, ledger: Ledger) -> None:
    recorded(ledger, days=0, until=3.6)
    assert audited(home) == 10
    draws = ledger.draws.rows("m", "1")
    held_out = sum(map(is_held_out, TEXTS))
    assert all(is_held_out(draw.text) and draw.chance == 10 / held_out for draw in draws)
    assert {draw.prediction_id for draw in draws} == {item.prediction_id for item in ledger.label_requests("m")}
    assert {item.purpose for item in ledger.label_requests("m")} == {AUDIT}
    assert audited(home) == 0
    recorded(ledger, days=3.7, until=3.8, texts=[f"more {number}" for number in range(50)])
    assert audited(home) == 0
    # Half a text was due before.
    recorded(ledger, days=3.8, until=3.9, texts=[f"further {number}" for number in range(50)])
    assert audited(home) == 1
    assert ledger.draws.rows("m", "1")[-1].text.startswith(("more", "further"))


def test_a_pause_makes_no_more_due_than_a_week(home: Home, ledger: Ledger) -> None:
    recorded(ledger, days=0, until=90)
    assert (audited(home), audited(home)) == (20, 0)


def test_a_clock_that_runs_ahead_does_not_stop_audits(home: Home, ledger: Ledger) -> None:
    recorded(ledger, days=0, until=100_000)
    assert audited(home) == 20
    assert ledger.draws.rows("m", "1")[-1].until <= datetime.now(UTC).isoformat(timespec="microseconds")


def test_a_text_is_drawn_once_and_one_with_a_label_counts_without_being_asked_for(home: Home, ledger: Ledger) -> None:
    texts = [text for text in TEXTS if is_held_out(text)][:12]
    keys = recorded(ledger, days=0, until=20, texts=texts)
    ledger.record_feedback([FeedbackRecord(key, "bug") for key in keys[:5]])
    ledger.untold.record([CannotTell(key) for key in keys[5:7]])
    assert audited(home) == 10
    drawn = {draw.prediction_id for draw in ledger.draws.rows("m", "1")}
    assert drawn == {*keys[:5], *keys[7:]}
    assert {item.prediction_id for item in ledger.label_requests("m")} == set(keys[7:])
    recorded(ledger, days=21, until=60, texts=texts)
    assert audited(home) == 0


def test_audits_come_after_the_requests_of_a_drift_and_stay_beside_them(home: Home, ledger: Ledger) -> None:
    keys = recorded(ledger, days=0, until=1.1)
    assert audited(home) == 3
    audits = [item.prediction_id for item in ledger.label_requests("m")]
    other = [key for key in keys if key not in audits][:2]
    for wanted in ([other[0]], [other[1], audits[0]]):
        ledger.request_labels("m", [Wanted(key, "learn") for key in wanted], check_id=None)
    found = [(item.prediction_id, item.purpose) for item in ledger.label_requests("m")]
    assert found[:2] == [(other[1], "learn"), (audits[0], "learn")]
    assert set(found[2:]) == {(key, AUDIT) for key in audits[1:]}
    assert ledger.label_progress("m", "1") == RequestedLabels(2)


def test_without_audits_nothing_is_drawn(ledger: Ledger, home: Home, config: Config) -> None:
    recorded(ledger, days=0, until=30)
    off = Home(config.model_copy(update={"labels": LabelsConfig(audit_per_week=0)}))
    assert audited(off) == 0
    off.close()
    recorded(ledger, days=30, until=60, texts=[""] * 20)
    assert {draw.text for draw in ledger.draws.rows("m", "1")} == set()


def test_a_round_audits_also_with_too_few_rows_for_a_check(home: Home, ledger: Ledger) -> None:
    recorded(ledger, days=0, until=14)
    assert respond(home, read_champion(home.registry, "m")).decision.action == "none"
    assert len(ledger.draws.rows("m", "1")) == 20


def test_requests_of_an_earlier_version_end_with_the_next_audit(home: Home, ledger: Ledger) -> None:
    keys = recorded(ledger, days=0, until=14)
    old = Wanted(keys[0], AUDIT, 0.5)
    ledger.draws.record("m", "0", [old], until_number=1, until="", ask=[])
    row = PredictionRecord(sortable_id(), "m", "0", "", "old", "bug", 0.5, 3, False, np.zeros(4, dtype=np.float32))
    ledger.record_predictions([row])
    ledger.request_labels("m", [Wanted(row.id, AUDIT, 0.5)], check_id=None)
    audited(home)
    assert row.id not in {item.prediction_id for item in ledger.label_requests("m")}


def test_each_held_out_text_has_the_same_chance(home: Home, ledger: Ledger) -> None:
    recorded(ledger, days=0, until=1, texts=TEXTS[:60])
    rows = ledger.window("m", "1", limit=60)
    drawn = [one for seed in range(600) for one in draw(rows, 5, settled=set(), purpose=AUDIT, seed=seed)]
    held_out = {row.id for row in rows if is_held_out(row.text)}
    counts = [sum(one.prediction_id == key for one in drawn) for key in held_out]
    expected = 3000 / len(held_out)
    assert drawn[0].chance == 5 / len(held_out)
    assert max(abs(count - expected) for count in counts) < 4.5 * expected**0.5


def test_draws_are_erased_with_their_prediction(home: Home, ledger: Ledger) -> None:
    keys = recorded(ledger, days=0, until=14)
    audited(home)
    erase(ledger.database, with_ids(keys))
    assert ledger.draws.rows("m", "1") == []
