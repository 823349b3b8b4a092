from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import update

from core.clock import sortable_id, utc_now
from core.labelling.batches import label_batches
from core.ledger import Ledger
from core.records import FeedbackRecord, PredictionRecord
from core.schema import feedback
from tests.core.conftest import SQLITE

pytestmark = SQLITE


@pytest.fixture
def labelled(ledger: Ledger) -> Ledger:
    """Four labels of `m`, two an hour, and one of another model between them."""
    vector = np.zeros(2, dtype=np.float32)
    models = ["m", "m", "k", "m", "m"]
    rows = [PredictionRecord(sortable_id(), one, "1", utc_now(), "", "a", 0.5, 3, False, vector) for one in models]
    ledger.record_predictions(rows)
    for row, source in zip(rows, ["anna", "ben", "anna", "anna", "anna"], strict=True):
        ledger.record_feedback([FeedbackRecord(row.id, "b", source)])
    with ledger.database.write() as connection:
        for number in range(1, 6):
            at = f"2026-01-31T{9 if number < 4 else 10:02d}:0{number}:00.000000+00:00"
            connection.execute(update(feedback).where(feedback.c.id == number).values(created_at=at))
    return ledger


def test_labels_are_told_by_the_hour(labelled: Ledger) -> None:
    found = label_batches(labelled.database, "m", limit=9)
    assert [(one.first, one.at[:16], one.sources) for one in found] == [
        (4, "2026-01-31T10:05", {"anna": 2}),
        (1, "2026-01-31T09:02", {"anna": 1, "ben": 1}),
    ]
    assert label_batches(labelled.database, "m", limit=1) == found[:1]
    assert label_batches(labelled.database, "m", limit=9, before=4) == found[1:]


def test_a_long_hour_goes_on_behind_its_first_label(labelled: Ledger) -> None:
    first, second = (label_batches(labelled.database, "m", limit=9, before=before, most=1)[0] for before in (3, 2))
    assert [(one.first, one.labels) for one in (first, second)] == [(2, 1), (1, 1)]
