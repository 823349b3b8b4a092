"""Two releases share a home: each reads what the other wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from core.clock import utc_now
from core.errors import PointerUnreadable
from core.ledger import Ledger
from core.records import Decision, Evidence, GateVerdict, Verdict
from core.registry import Champion, Registry
from core.roster import Standing
from core.schema import checks, decisions
from core.share import Share
from core.stored import as_stored, restored

VERDICT = Verdict("drift", 0.002, 60, 100, [Evidence("embeddings", "MMD")], Share(0.8, 0.7, 0.9), "It moved.")


def test_a_record_comes_back_as_it_was() -> None:
    assert as_stored(VERDICT)["verdict"] == "drift"
    assert restored(Verdict, json.loads(json.dumps(as_stored(VERDICT)))) == VERDICT
    standing = Standing("2", "now", warm=("1",))
    assert restored(Standing, json.loads(json.dumps(as_stored(standing)))) == standing


@pytest.mark.parametrize(
    ("kind", "least"),
    [
        (Verdict, {"verdict": "ok"}),
        (Evidence, {"feature": "words"}),
        (Decision, {"action": "ask"}),
        (GateVerdict, {"verdict": "hold"}),
        (Champion, {"version": "2"}),
        (Standing, {}),
    ],
)
def test_a_missing_key_has_its_default_and_an_unknown_one_is_passed_over(
    kind: type[Any], least: dict[str, str]
) -> None:
    assert restored(kind, {**least, "of_a_later_release": {"a": [1]}}) == kind(*least.values())


def test_checks_and_decisions_of_another_release_are_read(ledger: Ledger) -> None:
    common = {"model": "m", "created_at": utc_now()}
    evidence = [{"feature": "topics", "detail": "a new one", "examples": ["…"]}]
    verdict = {"verdict": "drift", "kind": "new topics", "evidence": evidence}
    with ledger.database.write() as connection:
        connection.execute(insert(checks).values(**common, version="1", source="traffic", verdict=verdict))
        connection.execute(insert(decisions).values(**common, decision={"action": "propose", "by": "policy"}))
    assert ledger.checks("m")[0].verdict == Verdict("drift", evidence=[Evidence("topics", detail="a new one")])
    assert str(ledger.decisions("m")[0].action) == "propose"


def test_a_pointer_of_another_release_is_read(tmp_path: Path) -> None:
    registry = Registry(str(tmp_path), cache=tmp_path / "cache")
    pointer = tmp_path / "m" / "champion.json"
    pointer.parent.mkdir()
    pointer.write_text('{"version": "3", "guard": {"until": "…"}}')
    assert registry.pointer("m") == Champion("3")
    for damaged in ("[]", "{}", '"3"', "{"):
        pointer.write_text(damaged)
        with pytest.raises(PointerUnreadable):
            registry.pointer("m")
