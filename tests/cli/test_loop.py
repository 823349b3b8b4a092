"""Commands of the loop on a ledger with records."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from core.clock import utc_now
from core.jobs import JobQueue
from core.ledger import Ledger
from core.records import Decision, PredictionRecord, Verdict
from tests.cli.conftest import Command


@pytest.fixture
def models(retune: Command, tiny_package: Path) -> tuple[str, str]:
    for name in ("m", "n"):
        retune("register", tiny_package, "--model", name)
        retune("promote", f"{name}@1")
    return "m", "n"


def predicted(ledger: Ledger, model: str, number: int) -> str:
    key, embedding = f"{number:032x}", np.zeros(4, dtype=np.float32)
    record = PredictionRecord(key, model, "1", utc_now(), f"text {number}", "bug", 0.9, 3, False, embedding)
    ledger.record_predictions([record])
    return key


@pytest.mark.usefixtures("models")
def test_a_file_with_a_label_of_another_model_is_refused_completely(
    retune: Command, ledger: Ledger, tmp_path: Path
) -> None:
    ours, other = predicted(ledger, "m", 1), predicted(ledger, "n", 2)
    file = tmp_path / "labels.csv"
    file.write_text(f"prediction_id,label\n{ours},bug\n{other},bug\n")
    code, _, err = retune("labels", "import", "m", file)
    assert code == 1
    assert f"Prediction {other} was answered by 'n', not by 'm'; no label was stored." in err
    assert ledger.labelled("m") == []
    file.write_text(f"prediction_id,label\n{ours},bug\nunknown,bug\n")
    result = json.loads(retune("labels", "import", "m", file, "--json")[1])
    assert (result["accepted"], result["unknown"]) == (1, 1)


@pytest.mark.usefixtures("models")
def test_decisions_lists_the_most_recent_events_of_all_kinds(retune: Command, ledger: Ledger) -> None:
    verdict = Verdict("ok", 0.4, 340, 520, [], None, "Nothing moved.")
    for _ in range(3):
        check = ledger.record_check("m", "1", verdict, source="traffic")
    ledger.record_check("m", "1", verdict, source="old.csv")
    ledger.record_decision("m", Decision("retrain", "Accuracy fell."), check_id=check)
    JobQueue(ledger).enqueue("m", "retrain")
    _, out, _ = retune("decisions", "m", "--limit", "4")
    assert [line.split()[1] for line in out.splitlines()] == ["job", "decision", "check", "check"]
    assert "old.csv, ok: Nothing moved." in out
    result = json.loads(retune("decisions", "m", "--limit", "4", "--json")[1])
    counts = {kind: len(result[kind]) for kind in ("jobs", "decisions", "checks", "promotions")}
    assert counts == {"jobs": 1, "decisions": 1, "checks": 2, "promotions": 0}


@pytest.mark.usefixtures("models")
def test_an_error_of_one_model_does_not_stop_the_check_of_the_others(
    retune: Command, ledger: Ledger, home: Path
) -> None:
    (home / "registry" / "m" / "champion.json").write_text("{")
    code, out, err = retune("monitor", "--once")
    assert code == 1
    assert err.startswith("m: ")
    assert "Traceback" not in err
    assert out.startswith("n@1: ")
    assert len(ledger.checks("n")) == 1
