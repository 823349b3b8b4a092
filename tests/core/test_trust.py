"""Which of several sources' labels counts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.config import Config, LabelsConfig
from core.home import Home
from core.ledger import Ledger
from core.records import FeedbackRecord
from core.taxonomy import LabelRule
from core.trust import Trust
from tests.lifecycle.predictions import predicted


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    home = Home(Config(home=tmp_path))
    yield home.ledger
    home.close()


def give(ledger: Ledger, *given: tuple[str, str, str]) -> None:
    """Labels as (prediction id, label, source), in this order."""
    ledger.record_feedback([FeedbackRecord(*one) for one in given])


def labels(ledger: Ledger, trust: Trust) -> dict[str, str]:
    return {row.prediction_id: row.label for row in ledger.labelled("m", trust=trust)}


@pytest.mark.parametrize(
    ("trust", "label"), [("latest", "c"), ("majority", "a"), (["eve", "ann"], "b"), (["nobody", "eve"], "b")]
)
def test_the_rule_decides_between_sources(ledger: Ledger, trust: Trust, label: str) -> None:
    [row] = predicted(ledger, 1)
    give(ledger, (row.id, "a", "ann"), (row.id, "b", "eve"), (row.id, "a", "bob"), (row.id, "c", "joe"))
    assert labels(ledger, trust) == {row.id: label}


def test_a_source_counts_once_with_what_it_said_last(ledger: Ledger) -> None:
    [row] = predicted(ledger, 1)
    give(ledger, (row.id, "a", "ann"), (row.id, "b", "eve"), (row.id, "b", "bob"), (row.id, "a", "bob"))
    assert labels(ledger, "majority") == {row.id: "a"}


def test_a_tie_is_no_label(ledger: Ledger) -> None:
    rows = predicted(ledger, 2)
    give(ledger, (rows[0].id, "a", "ann"), (rows[0].id, "b", "eve"), (rows[1].id, "a", "ann"))
    assert labels(ledger, "majority") == {rows[1].id: "a"}
    assert ledger.contradictions("m", trust="majority").undecided == 1
    assert ledger.contradictions("m", trust="latest").undecided == 0


def test_a_text_under_two_ids_is_one_disagreement(ledger: Ledger) -> None:
    one, two = predicted(ledger, 2, texts=["the same text", "The  same text"])
    give(ledger, (one.id, "a", "ann"), (two.id, "b", "eve"))
    assert labels(ledger, "latest") == {one.id: "a", two.id: "b"}
    assert labels(ledger, ["ann"]) == {one.id: "a", two.id: "a"}
    found = ledger.contradictions("m")
    assert (found.texts, found.pairs, found.sources) == (1, {"a / b": 1}, {"ann": 1, "eve": 1})


def test_labels_are_compared_by_their_names_of_today(ledger: Ledger) -> None:
    rows = predicted(ledger, 2)
    give(ledger, (rows[0].id, "a", "ann"), (rows[0].id, "b", "eve"), (rows[1].id, "a", "ann"), (rows[1].id, "c", "ann"))
    ledger.rules.add("m", LabelRule("rename", "b", "a"))
    ledger.rules.add("m", LabelRule("retire", "c"))
    assert ledger.contradictions("m").texts == 0
    for trust in ("latest", "majority"):
        assert labels(ledger, trust) == {rows[0].id: "a"}


def test_the_rule_is_read_from_file_and_environment() -> None:
    assert LabelsConfig().trust == "latest"
    assert LabelsConfig.model_validate({"trust": "majority"}).trust == "majority"
    assert LabelsConfig.model_validate({"trust": "desk, user"}).trust == ["desk", "user"]
    assert LabelsConfig.model_validate({"trust": ["desk"]}).trust == ["desk"]
