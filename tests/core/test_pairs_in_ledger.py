"""Pairs and sets of labels in the ledger, and a ledger from a release without pairs."""

from pathlib import Path

import numpy as np
import pytest
from alembic import command
from alembic.config import Config as AlembicConfig
from sqlalchemy import create_engine, text

from core.clock import sortable_id, utc_now
from core.config import Config
from core.database import MIGRATIONS
from core.datasets import is_held_out
from core.errors import NotOneLabel, UnusableLabelName
from core.labels import canonical
from core.ledger import open_ledger
from core.records import FeedbackRecord, PredictionRecord, Wanted


def prediction(first: str, second: str | None, label: str = "") -> PredictionRecord:
    vector = np.zeros(2, dtype=np.float32)
    return PredictionRecord(sortable_id(), "m", "1", utc_now(), first, label, 0.5, 3, False, vector, second)


def test_the_second_text_is_stored_with_predictions_requests_and_labels(tmp_path: Path) -> None:
    ledger = open_ledger(Config(home=tmp_path))
    row = prediction("a question", "an answer", "bug|billing")
    ledger.record_predictions([row])
    assert [item.input for item in ledger.window("m", "1", limit=9)] == [("a question", "an answer")]
    ledger.request_labels("m", [Wanted(row.id, "learn")], check_id=None)
    assert [item.pair for item in ledger.label_requests("m")] == ["an answer"]
    ledger.record_feedback([FeedbackRecord(row.id, "")])
    [labelled] = ledger.labelled("m")
    assert (labelled.example.input, labelled.label, labelled.predicted) == (row.input, "", "bug|billing")
    ledger.database.close()


def test_predictions_of_an_older_ledger_have_no_pair(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'ledger.db'}")
    with engine.begin() as connection:
        config = AlembicConfig()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(
            text("INSERT INTO predictions VALUES ('a', 'm', '1', '2026-01-01', 'hello', 'x', 0.5, 3, 0, :vector)"),
            {"vector": np.zeros(2, "<f2").tobytes()},
        )
    engine.dispose()
    ledger = open_ledger(Config(home=tmp_path))
    ledger.record_predictions([prediction("one", "two")])
    assert [row.input for row in ledger.window("m", "1", limit=9)] == ["hello", ("one", "two")]
    ledger.database.close()


def test_holding_out_a_pair_depends_on_both_texts() -> None:
    sides = {is_held_out(("the same", f"other {number}")) for number in range(20)}
    assert sides == {True, False}
    assert is_held_out(("A  b", "c")) == is_held_out(("a b", " C"))


def test_a_set_of_labels_has_one_spelling() -> None:
    spellings = ["bug|billing", " billing | bug|bug", ["bug", "billing"]]
    assert {canonical(given, "multi-label") for given in spellings} == {"billing|bug"}
    assert [canonical("|", "multi-label"), canonical([], "multi-label")] == ["", ""]


def test_a_single_label_model_takes_one_label_unchanged() -> None:
    assert canonical("a|b", "single-label") == "a|b"
    several: list[list[str]] = [[], ["a", "b"]]
    for given in several:
        with pytest.raises(NotOneLabel, match=f"{len(given)} were given"):
            canonical(given, "single-label")
    with pytest.raises(UnusableLabelName):
        canonical(["a|b"], "multi-label")
