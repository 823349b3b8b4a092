"""`retune labels retract`: labels of a mistaken import are taken back, and nothing else."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from core.audit.entries import Audit
from core.ledger import Ledger
from core.records import FeedbackRecord, Wanted
from tests.cli.conftest import Command
from tests.cli.test_loop import predicted

pytestmark = pytest.mark.usefixtures("models")


@pytest.fixture
def models(retune: Command, tiny_package: Path) -> None:
    for name in ("m", "n"):
        retune("register", tiny_package, "--model", name)
        retune("promote", f"{name}@1")


def given(folder: Path, *rows: tuple[str, str]) -> Path:
    file = folder / "labels.csv"
    file.write_text("prediction_id,label\n" + "".join(f"{key},{label}\n" for key, label in rows))
    return file


def stored(ledger: Ledger, model: str = "m") -> dict[str, str]:
    return {row.prediction_id: row.label for row in ledger.labelled(model)}


def test_the_printed_command_takes_back_what_was_imported_and_no_more(
    retune: Command, ledger: Ledger, tmp_path: Path
) -> None:
    one, two, three = (predicted(ledger, "m", number) for number in range(3))
    other = predicted(ledger, "n", 7)
    ledger.request_labels("m", [Wanted(key, "measure") for key in (one, two, three)], check_id=None)
    ledger.record_feedback([FeedbackRecord(one, "bug", "file"), FeedbackRecord(other, "bug", "file")])
    ledger.record_feedback([FeedbackRecord(two, "how_to", "desk")])
    out = retune("labels", "import", "m", given(tmp_path, (one, "billing"), (two, "bug"), (three, "?")))[1]
    assert stored(ledger) == {one: "billing", two: "bug"}
    words = shlex.split(next(line for line in out.splitlines() if line.startswith("To take them back")))
    command = words[words.index("labels") :]

    code, said, _ = retune(*command, "--dry-run", "--json")
    told = {"labels": 2, "doubtful": 0, "cannot_tell": 1}
    assert (code, json.loads(said)) == (0, {"model": "m", "source": "file", **told, "dry_run": True})
    assert stored(ledger) == {one: "billing", two: "bug"}

    assert "2 labels of 'file', 1 that it cannot be told: taken back." in retune(*command)[1]
    assert stored(ledger) == {one: "bug", two: "how_to"}
    assert stored(ledger, "n") == {other: "bug"}
    assert [item.prediction_id for item in ledger.label_requests("m")] == [three]
    entry = Audit(ledger.database).latest("m", limit=1)[0]
    assert (entry.action, entry.facts["source"], entry.facts["labels"]) == ("retract_labels", "file", 2)

    code, said, _ = retune(*command)
    assert (code, "'file' gave no such label of m" in said) == (0, True)
    assert Audit(ledger.database).latest("m", limit=1) == [entry]


def test_a_wrong_time_or_model_takes_back_nothing(retune: Command, ledger: Ledger) -> None:
    key = predicted(ledger, "m", 1)
    ledger.record_feedback([FeedbackRecord(key, "bug", "file")])
    assert retune("labels", "retract", "m", "--source", "file", "--since", "today")[0] == 2
    assert retune("labels", "retract", "x", "--source", "file")[0] == 1
    retune("labels", "retract", "n", "--source", "file")
    retune("labels", "retract", "m", "--source", "file", "--until", "2020-01-01")
    retune("labels", "retract", "m", "--source", "file", "--since", "2200-01-01")
    assert stored(ledger) == {key: "bug"}
    retune("labels", "retract", "m", "--source", "file")
    assert stored(ledger) == {}
