from __future__ import annotations

from core.home import Home
from core.ledger import Ledger
from core.ledger_tables.incidents import Incidents
from core.records import FeedbackRecord, GateVerdict
from lifecycle.release.second_try import hold_if_rolled_back
from tests.lifecycle.predictions import predicted

PROMOTE = GateVerdict("promote", "Better.")


def test_a_version_that_was_rolled_back_waits_for_new_labels(home: Home, ledger: Ledger) -> None:
    rows = predicted(ledger, 20)
    ledger.record_feedback([FeedbackRecord(row.id, "bug") for row in rows[:10]])
    assert hold_if_rolled_back(home, "m", "2", PROMOTE) == PROMOTE
    Incidents(ledger.database).add(
        "m", "2", previous="1", guard_id=1, cause="accuracy", action="rolled back", reason="Worse.", done=""
    )
    held = hold_if_rolled_back(home, "m", "2", PROMOTE)
    assert (held.answer, held.labels_needed) == ("hold", 10)
    assert "The guard rolled m@2 back at" in held.reason
    assert hold_if_rolled_back(home, "m", "3", PROMOTE) == PROMOTE
    ledger.record_feedback([FeedbackRecord(row.id, "bug") for row in rows[10:]])
    assert hold_if_rolled_back(home, "m", "2", PROMOTE) == PROMOTE
