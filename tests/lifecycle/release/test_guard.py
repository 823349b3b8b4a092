from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from core import promotion
from core.errors import Conflict, LedgerUnreadable, PointerUnreadable
from core.home import Home
from core.ledger_tables.guards import Guard, Guards
from core.ledger_tables.incidents import Incident, Incidents
from core.ledger_tables.traffic import Load, Traffic, TrafficMinute
from core.lineage import Lineage
from core.package import read_facts, write_facts, write_manifest
from core.promotion import promote, record_change
from core.records import Comparison, Disagreements, GateRecord, GateVerdict
from lifecycle.release import roll_back
from lifecycle.release.guard import ChampionGuard
from tests.lifecycle.release.served import serve
from tests.words import word_examples

ROWS = word_examples(40, seed=8)


@pytest.fixture
def equal_package(tiny_package: Path, tmp_path: Path) -> Path:
    """Another package with the same answers."""
    folder = shutil.copytree(tiny_package, tmp_path / "equal")
    write_facts(folder, replace(read_facts(folder), lineage=Lineage(retune="equal")))
    write_manifest(folder)
    return folder


@pytest.fixture
def guard(home: Home, tiny_package: Path) -> Iterator[ChampionGuard]:
    """Of a home whose first version has been in service."""
    put_in_service(home, tiny_package)
    serve(home, ROWS[:5], labelled=False)
    with closing(ChampionGuard(home)) as guard:
        yield guard


def put_in_service(home: Home, package: Path, *, forced: bool = False) -> str:
    version = home.registry.add(package, "m")
    promote(home, "m", version, forced=forced, on_change=partial(record_change, home.ledger, "m", "By hand."))
    return version


def looked(guard: ChampionGuard, times: int = 1) -> Guard:
    """The guard after so many looks, the last of which ended it or found an incident."""
    found = [guard.look("m") for _ in range(times)]
    assert found[-1] is not None
    return found[-1]


def incidents(home: Home) -> list[Incident]:
    return Incidents(home.ledger.database).latest("m")


def test_a_bad_champion_is_rolled_back_and_the_incident_recorded(
    home: Home, guard: ChampionGuard, other_package: Path
) -> None:
    put_in_service(home, other_package, forced=True)
    serve(home, ROWS)
    ended = looked(guard)
    assert (ended.outcome, ended.forced, home.registry.champion("m").version) == ("rolled back", True, "1")
    [incident] = incidents(home)
    assert (incident.version, incident.previous, incident.cause, incident.action) == (
        "2",
        "1",
        "accuracy",
        "rolled back",
    )
    [last, forced, _] = home.ledger.promotions("m")
    assert (last.version, last.previous, last.reason) == ("1", "2", f"Rolled back by the guard: {incident.reason}")
    assert forced.forced
    assert guard.look("m") is None
    assert len(home.ledger.promotions("m")) == 3


def test_an_equal_champion_passes_after_enough_labels(home: Home, guard: ChampionGuard, equal_package: Path) -> None:
    home.config = home.config.model_copy(update={"guard": home.config.guard.model_copy(update={"labels": 10})})
    put_in_service(home, equal_package)
    assert guard.look("m") is None
    serve(home, ROWS)
    ended = looked(guard)
    assert ended.outcome == "passed"
    assert "labelled texts showed no breach" in str(ended.reason)
    assert (incidents(home), home.registry.champion("m").version) == ([], "2")


def test_the_gate_s_promise_is_kept_with_the_guard(home: Home, guard: ChampionGuard, other_package: Path) -> None:
    version = home.registry.add(other_package, "m")
    verdict = GateVerdict("promote", "Better.", Comparison(40, 0.5, 0.9, 17, 1), disagreements=Disagreements(100))
    gate = GateRecord(1, verdict)
    home.ledger.record_promotion("m", version, previous="1", promoted=True, reason="Better.", gate=gate)
    promote(home, "m", version)
    serve(home, ROWS, labelled=False)
    ended = looked(guard)
    assert ended.promise.accuracy is not None
    assert (ended.promise.accuracy.value, ended.promise.by) == (0.9, "promised by the gate")
    assert (incidents(home)[0].cause, home.registry.champion("m").version) == ("disagreement", "1")


def test_a_promotion_by_the_owner_ends_the_guard(
    home: Home, guard: ChampionGuard, other_package: Path, equal_package: Path
) -> None:
    put_in_service(home, other_package)
    assert guard.look("m") is None
    serve(home, ROWS)
    put_in_service(home, equal_package)
    assert looked(guard).outcome == "overtaken"
    assert (incidents(home), home.registry.champion("m").version) == ([], "3")


def test_a_promotion_in_the_middle_of_a_look_is_not_undone(
    home: Home, guard: ChampionGuard, other_package: Path, equal_package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_in_service(home, other_package)
    serve(home, ROWS)
    begun = Incidents.add

    def overtaken(self: Incidents, *given: str, **more: object) -> Incident:
        put_in_service(home, equal_package)
        return begun(self, *given, **more)  # type: ignore[arg-type]  # passed on as given

    monkeypatch.setattr(Incidents, "add", overtaken)
    assert looked(guard).outcome == "overtaken"
    assert home.registry.champion("m").version == "3"
    assert incidents(home)[0].done == "Nothing was changed: m@3 was put in service."


def test_what_forbids_a_roll_back_is_told(
    home: Home, guard: ChampionGuard, other_package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def frozen(*_: object, **__: object) -> None:
        raise Conflict("m is frozen.")

    put_in_service(home, other_package)
    serve(home, ROWS)
    monkeypatch.setattr(promotion, "roll_back", frozen)
    assert looked(guard).outcome == "told"
    assert (incidents(home)[0].action, incidents(home)[0].done) == ("told", "Not rolled back: m is frozen.")
    assert (home.registry.champion("m").version, guard.look("m")) == ("2", None)


def damage(folder: Path) -> None:
    (folder / "model.onnx").write_bytes(b"")


@pytest.mark.parametrize("harm", [damage, shutil.rmtree])
def test_a_version_before_that_cannot_come_back_is_told_once(
    home: Home, guard: ChampionGuard, other_package: Path, harm: Callable[[Path], None]
) -> None:
    put_in_service(home, other_package)
    harm(home.registry.folder("m", "1"))
    assert looked(guard).ended_at is None
    serve(home, ROWS)
    assert looked(guard).outcome == "told"
    assert [one.cause for one in incidents(home)] == ["accuracy", "no way back"]
    assert home.registry.champion("m").version == "2"


def test_a_first_champion_is_only_told_about(home: Home, tiny_package: Path, other_package: Path) -> None:
    put_in_service(home, other_package)
    serve(home, ROWS)
    with closing(ChampionGuard(home)) as guard:
        assert looked(guard).outcome == "told"
    assert incidents(home)[0].done == "There is no version before to put in service."


def test_a_roll_back_by_hand_gets_no_guard(home: Home, guard: ChampionGuard, other_package: Path) -> None:
    put_in_service(home, other_package)
    promotion.roll_back(home, "m")
    serve(home, ROWS)
    assert guard.look("m") is None
    assert Guards(home.ledger.database).latest("m") == []


def test_a_champion_of_long_ago_gets_no_guard(home: Home, guard: ChampionGuard, other_package: Path) -> None:
    put_in_service(home, other_package)
    pointer = home.registry.champion("m")
    home.registry.restore_pointer("m", replace(pointer, since="2020-01-01T00:00:00.000000+00:00"))
    serve(home, ROWS)
    assert guard.look("m") is None
    assert Guards(home.ledger.database).latest("m") == []


def test_a_killed_roll_back_is_ended_at_the_next_look(
    home: Home, guard: ChampionGuard, other_package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    put_in_service(home, other_package)
    serve(home, ROWS)
    with monkeypatch.context() as patch:
        patch.setattr(roll_back, "finish", killed)
        patch.setattr(roll_back, "_record", lambda *_: None)
        with pytest.raises(KeyboardInterrupt):
            guard.look("m")
    guard.close()
    assert (incidents(home)[0].action, home.registry.champion("m").version) == ("rolling back", "1")
    with closing(ChampionGuard(home)) as restarted:
        assert looked(restarted).outcome == "rolled back"
    assert incidents(home)[0].action == "rolled back"
    assert [row.version for row in home.ledger.promotions("m")] == ["1", "2", "1"]


def test_a_ledger_that_is_away_changes_nothing_and_the_next_look_goes_on(
    home: Home, guard: ChampionGuard, other_package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise LedgerUnreadable("ledger.db", "away")

    put_in_service(home, other_package)
    serve(home, ROWS)
    with monkeypatch.context() as patch:
        patch.setattr(Incidents, "add", away)
        with pytest.raises(LedgerUnreadable):
            guard.look("m")
    assert home.registry.champion("m").version == "2"
    assert looked(guard).outcome == "rolled back"


def test_a_forced_promotion_that_was_not_recorded_is_recorded_by_the_guard(
    home: Home, guard: ChampionGuard, other_package: Path
) -> None:
    promote(home, "m", home.registry.add(other_package, "m"), forced=True)
    guard.look("m")
    assert home.ledger.forced_versions("m") == {"2"}


def test_a_clock_that_jumps_ends_no_guard(
    home: Home, guard: ChampionGuard, equal_package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_in_service(home, equal_package)
    guard.look("m")
    database = home.ledger.database
    [begun] = Guards(database).latest("m")
    for jumped in ("2020-01-01T00:00:00.000000+00:00", "2099-01-01T00:00:00.000000+00:00"):
        monkeypatch.setattr("core.ledger_tables.guards.utc_now", lambda jumped=jumped: jumped)
        Guards(database).note(begun, [], labels=0, watched_s=0.0)
        assert guard.look("m") is None
        assert Guards(database).latest("m")[0].watched_s <= 900


def test_failing_requests_roll_back_without_a_label(home: Home, guard: ChampionGuard, equal_package: Path) -> None:
    put_in_service(home, equal_package)
    minute = home.registry.champion("m").since[:16]
    Traffic(home.ledger.database).add([TrafficMinute("m", "2", minute, Load(requests=200, failed_requests=60))])
    assert looked(guard).outcome == "rolled back"
    assert incidents(home)[0].cause == "errors"


def test_texts_that_are_not_stored_are_not_compared(home: Home, guard: ChampionGuard, other_package: Path) -> None:
    keep = home.config.ledger.model_copy(update={"keep": "redacted"})
    home.config = home.config.model_copy(update={"ledger": keep})
    put_in_service(home, other_package)
    serve(home, ROWS)
    assert guard.look("m") is None
    assert home.registry.champion("m").version == "2"


def test_a_switched_off_guard_does_nothing(home: Home, guard: ChampionGuard, other_package: Path) -> None:
    home.config = home.config.model_copy(update={"guard": home.config.guard.model_copy(update={"enabled": False})})
    put_in_service(home, other_package)
    serve(home, ROWS)
    assert guard.look("m") is None
    assert home.registry.champion("m").version == "2"


def test_a_damaged_pointer_is_an_error_and_no_roll_back(home: Home, guard: ChampionGuard) -> None:
    (home.folder / "registry/m/champion.json").write_text("{")
    with pytest.raises(PointerUnreadable):
        guard.look("m")
