from __future__ import annotations

from core.ledger import Ledger
from core.ledger_tables.guards import Guards, Promise
from core.ledger_tables.incidents import Incidents
from core.records import GateRecord, GateVerdict
from core.registry import Champion
from core.version_outcomes import registered_at, version_outcomes


def test_each_version_has_what_became_of_it(ledger: Ledger) -> None:
    database = ledger.database
    gate = GateRecord(1, GateVerdict("hold", "By chance.", labels_needed=12))
    refused = {"previous": "1", "promoted": False, "reason": "By chance."}
    ledger.record_promotion("m", "2", gate=gate, **refused)  # type: ignore[arg-type]  # one of its names
    ledger.record_promotion("m", "2", previous="1", promoted=True, reason="By hand.", gate=None, forced=True)
    ledger.record_promotion("other", "3", gate=gate, **refused)  # type: ignore[arg-type]  # one of its names
    incident = {"guard_id": None, "cause": "accuracy", "done": "Back."}
    for reason in ("First.", "Last."):
        Incidents(database).add("m", "4", previous="2", action="rolled back", reason=reason, **incident)  # type: ignore[arg-type]  # one of its names
        incident |= {"cause": "errors"}
    Incidents(database).add("m", "2", previous="1", action="told", reason="Told.", **incident)  # type: ignore[arg-type]  # one of its names
    found = version_outcomes(database, "m")
    assert sorted(found) == ["2", "4"]
    two, four = found["2"], found["4"]
    assert [(one.reason, one.answer) for one in two.outcomes] == [("By hand.", None), ("By chance.", "hold")]
    assert two.judged is not None
    assert (two.judged.labels_needed, two.judged.previous) == (12, "1")
    assert (two.is_refused, two.is_forced, two.needs_force, two.rolled_back) == (True, True, True, None)
    assert (four.outcomes, four.needs_force, four.first_at) == ([], True, None)
    assert four.rolled_back is not None
    assert four.rolled_back[1] == "Last."


def test_a_version_is_taken_back_until_it_is_in_service_again(ledger: Ledger) -> None:
    def change(version: str, previous: str, reason: str) -> None:
        ledger.record_promotion("m", version, previous=previous, promoted=True, reason=reason, gate=None)

    change("2", "1", "Promoted on the page.")
    change("1", "2", "Rolled back by hand.")
    for found in (version_outcomes(ledger.database, "m"), version_outcomes(ledger.database, "m", ["1", "2"])):
        assert (found["2"].is_taken_back, found["1"].is_taken_back) == (True, False)
        assert found["1"].outcomes[0].is_roll_back
    change("2", "1", "Promoted on the page.")
    assert not version_outcomes(ledger.database, "m")["2"].is_taken_back
    change("1", "2", "Version 2 could not be loaded.")
    assert not version_outcomes(ledger.database, "m")["2"].is_taken_back


def test_the_guard_of_the_last_promotion_counts(ledger: Ledger) -> None:
    guards = Guards(ledger.database)
    for since in ("2026-01-01", "2026-01-02"):
        guard = guards.begin("m", Champion("2", since=since), previous="1", after_number=0, promise=Promise())
    found = version_outcomes(ledger.database, "m")["2"].guard
    assert (found, registered_at(ledger.database, "m")) == (guard, {})
