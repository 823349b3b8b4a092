"""Two releases that share a home can read each other's records."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import insert

from core.arrays import Floats
from core.clock import utc_now
from core.errors import CorruptPackage, PointerUnreadable
from core.features import Features
from core.home_processes.server_workers import ModelStatus
from core.ledger import Ledger
from core.package import REFERENCE, read_reference, write_reference
from core.records import Comparison, Decision, Evidence, GateRecord, GateVerdict, TrainingSummary, Verdict
from core.registry import Champion, Registry
from core.schema import checks, decisions, promotions
from core.share import Share
from core.stored import as_stored, restored

VERDICT = Verdict("drift", 0.002, 60, 100, [Evidence("embeddings", "MMD")], Share(0.8, 0.7, 0.9), "It moved.")


def test_a_stored_record_is_read_unchanged() -> None:
    assert as_stored(VERDICT)["verdict"] == "drift"
    assert restored(Verdict, json.loads(json.dumps(as_stored(VERDICT)))) == VERDICT
    status = ModelStatus("2", "now", warm=("1",))
    assert restored(ModelStatus, json.loads(json.dumps(as_stored(status)))) == status


@pytest.mark.parametrize(
    ("kind", "least"),
    [
        (Verdict, {"verdict": "ok"}),
        (Evidence, {"feature": "words"}),
        (Decision, {"action": "ask"}),
        (GateVerdict, {"verdict": "hold"}),
        (Champion, {"version": "2"}),
        (ModelStatus, {}),
    ],
)
def test_a_missing_key_has_its_default_and_an_unknown_key_is_ignored(kind: type[Any], least: dict[str, str]) -> None:
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


def test_gate_records_of_an_earlier_release_are_read(ledger: Ledger) -> None:
    row = {"model": "m", "created_at": utc_now(), "version": "2", "promoted": False, "reason": "Too few."}
    gate = {"verdict": "hold", "reason": "Too few.", "fresh": {"rows": 3}, "labels_needed": 40}
    stored = {"job": 7, "labels_needed": 40, "gate": gate, "training": {"rows": 90, "depth": 2}, "seconds": 1.5}
    with ledger.database.write() as connection:
        connection.execute(insert(promotions).values(**row, gate=stored))
        connection.execute(insert(promotions).values(**row, gate={}))
    by_hand, judged = ledger.promotions("m")
    assert by_hand.gate is None
    verdict = GateVerdict("hold", "Too few.", Comparison(3), labels_needed=40)
    assert judged.gate == GateRecord(7, verdict, TrainingSummary(90), 1.5)


def test_a_champion_pointer_of_another_release_is_read(tmp_path: Path) -> None:
    registry = Registry(str(tmp_path), cache=tmp_path / "cache")
    pointer = tmp_path / "m" / "champion.json"
    pointer.parent.mkdir()
    pointer.write_text('{"version": "3", "guard": {"until": "…"}}')
    assert registry.pointer("m") == Champion("3")
    for damaged in ("[]", "{}", '"3"', "{"):
        pointer.write_text(damaged)
        with pytest.raises(PointerUnreadable):
            registry.pointer("m")


@dataclass(frozen=True)
class LaterFeatures(Features):
    form: Floats | None = None


@pytest.mark.parametrize(("writes", "reads"), [(Features, LaterFeatures), (LaterFeatures, Features)])
def test_a_reference_of_another_release_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes: type[Features], reads: type[Features]
) -> None:
    rows = np.arange(3)
    written = writes(np.ones((3, 2), np.float32), rows, np.ones(3, np.float32), rows, rows)
    if isinstance(written, LaterFeatures):
        written = replace(written, form=np.ones(3, np.float32))
    write_reference(tmp_path, written)
    monkeypatch.setattr("core.package.Features", reads)
    assert read_reference(tmp_path).truth.tolist() == [0, 1, 2]


def test_a_reference_without_predictions_is_corrupt(tmp_path: Path) -> None:
    np.savez(tmp_path / REFERENCE, embeddings=np.ones((3, 2), np.float32))
    with pytest.raises(CorruptPackage, match="predicted"):
        read_reference(tmp_path)
