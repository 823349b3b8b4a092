from __future__ import annotations

from core.ledger import Ledger
from core.ledger_tables.guards import Finding, Guard, Guards, Promise
from core.ledger_tables.incidents import Act, Cause, Incident, Incidents
from core.registry import Champion
from core.share import measured

PROMISE = Promise(measured(9, 10), measured(1, 10), "promised by the gate", 0.9)
CHAMPION = Champion("2", ["1"], since="2026-01-31T09:30:00.000000+00:00", forced=True)


def begun(ledger: Ledger) -> Guard:
    return Guards(ledger.database).begin("m", CHAMPION, previous="1", after_number=7, promise=PROMISE)


def added(ledger: Ledger, guard: Guard, *, cause: Cause = "accuracy", action: Act = "rolling back") -> Incident:
    return Incidents(ledger.database).add(
        "m", "2", previous="1", guard_id=guard.id, cause=cause, action=action, reason="It is worse.", done=""
    )


def test_a_promotion_has_one_guard(ledger: Ledger) -> None:
    guards, guard = Guards(ledger.database), begun(ledger)
    assert begun(ledger) == guard
    assert (guard.promise, guard.forced, guard.previous, guard.after_number) == (PROMISE, True, "1", 7)
    assert guards.open("m") == guards.of("m", CHAMPION.since) == guard
    assert guards.open("other") is None


def test_an_ended_guard_changes_no_more(ledger: Ledger) -> None:
    guards, guard = Guards(ledger.database), begun(ledger)
    finding = Finding("accuracy", 8, 0.01, "It is worse.", breached=True)
    noted = guards.note(guard, [finding], labels=8, watched_s=5.0)
    assert (noted.found, noted.labels, noted.watched_s) == ([finding], 8, 5.0)
    ended = guards.end(guard, "passed", "Nothing was found.")
    assert (ended.outcome, guards.open("m")) == ("passed", None)
    assert guards.end(guard, "told", "Too late.") == guards.latest("m")[0] == ended


def test_an_incident_of_a_guard_is_there_once(ledger: Ledger) -> None:
    guard = begun(ledger)
    incident = added(ledger, guard)
    assert added(ledger, guard) == incident
    assert Incidents(ledger.database).begun(guard.id) == incident
    assert added(ledger, guard, cause="no way back", action="told").ended_at is not None


def test_a_settled_incident_says_what_was_done(ledger: Ledger) -> None:
    incidents, incident = Incidents(ledger.database), added(ledger, begun(ledger))
    assert incidents.last_rollback("m") is None
    incidents.settle(incident, "rolled back", "m@1 is in service again.")
    found = incidents.last_rollback("m", "2")
    assert found is not None
    assert (found.action, found.done, incidents.last_rollback("m", "3")) == (
        "rolled back",
        "m@1 is in service again.",
        None,
    )
    assert incidents.begun(incident.guard_id or 0) is None
