"""`retune export-ledger`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.ledger import Ledger
from core.records import Decision, FeedbackRecord
from core.tables.reader import read_table
from tests.cli.conftest import Command
from tests.cli.test_errors import assert_error
from tests.cli.test_status import predict


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_all_rows_of_a_model_are_written_in_batches(
    retune: Command,
    ledger: Ledger,
    tiny_package: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ending: str,
) -> None:
    retune("register", tiny_package, "--model", "m")
    ids = predict(ledger, 7)
    ledger.record_feedback([FeedbackRecord(ids[0], "bug")])
    ledger.record_decision("m", Decision("watch", "So it is."), check_id=None)
    ledger.record_decision("other", Decision("none"), check_id=None)
    monkeypatch.setattr("core.ledger_export.BATCH_ROWS", 3)
    rows = {}
    for table in ("predictions", "feedback", "decisions", "jobs"):
        out = tmp_path / f"{table}.{ending}"
        code, printed, _ = retune("export-ledger", "m", "--table", table, "--out", out, "--json")
        rows[table] = read_table(out) if json.loads(printed)["rows"] else []
        assert (code, json.loads(printed)["rows"]) == (0, len(rows[table]))
    assert [row["id"] for row in rows["predictions"]] == ids
    assert "embedding" not in rows["predictions"][0]
    assert [row["label"] for row in rows["feedback"]] == ["bug"]
    assert len(rows["decisions"]) == 1
    assert rows["jobs"] == []
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_a_wrong_name_or_file_is_refused(retune: Command, tiny_package: Path, tmp_path: Path) -> None:
    retune("register", tiny_package, "--model", "m")
    assert_error(retune("export-ledger", "n", "--out", tmp_path / "a.csv"), "No model 'n'")
    assert_error(retune("export-ledger", "m", "--out", tmp_path / "a.txt"), "'.txt'")
    (tmp_path / "a.csv").touch()
    assert_error(retune("export-ledger", "m", "--out", tmp_path / "a.csv"), "exists already. Name another file")
