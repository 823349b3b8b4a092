"""Which of several sources' labels counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.config import Config, LabelsConfig
from core.home import Home
from core.ledger import Ledger
from core.records import FeedbackRecord
from core.taxonomy import LabelRule
from core.trust import Counting, Trust
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
    return {row.prediction_id: row.label for row in ledger.labelled("m", counting=Counting(trust))}


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


def test_a_source_that_contradicts_the_earlier_ones_is_set_aside(ledger: Ledger) -> None:
    rows = predicted(ledger, 15)
    give(ledger, *((row.id, "a", "ann") for row in rows))
    give(ledger, *((row.id, "b", "bot") for row in rows[:9]))
    assert labels(ledger, "latest")[rows[0].id] == "b"  # too few texts to judge by
    give(ledger, (rows[9].id, "b", "bot"), (rows[10].id, "a", "bot"))
    assert set(labels(ledger, "latest").values()) == {"a"}
    assert ledger.contradictions("m").set_aside == {"bot": "it contradicts the sources before it on 10 of 11 texts"}
    assert ledger.contradictions("m").texts == 0
    assert labels(ledger, ["bot"])[rows[0].id] == "b"
    assert ledger.sources_set_aside("m", trust=["bot"]) == {}


def test_a_source_that_contradicts_a_few_texts_counts(ledger: Ledger) -> None:
    rows = predicted(ledger, 30)
    give(ledger, *((row.id, "a", "ann") for row in rows))
    give(ledger, *((row.id, "b" if number < 12 else "a", "eve") for number, row in enumerate(rows)))
    assert ledger.sources_set_aside("m") == {}
    assert Counter(labels(ledger, "latest").values()) == {"b": 12, "a": 18}


def test_a_text_on_which_the_earlier_sources_differ_speaks_against_nobody(ledger: Ledger) -> None:
    rows = predicted(ledger, 20)
    give(ledger, *((row.id, "a", "ann") for row in rows), *((row.id, "b", "bob") for row in rows[:9]))
    give(ledger, *((row.id, "c", "eve") for row in rows[:18]))
    assert ledger.sources_set_aside("m") == {}
    give(ledger, (rows[18].id, "c", "eve"))
    assert list(ledger.sources_set_aside("m")) == ["eve"]


def test_a_burst_of_changed_labels_is_set_aside_and_the_labels_of_others_count(ledger: Ledger) -> None:
    rows = predicted(ledger, 24)
    give(ledger, *((row.id, "a", "bot") for row in rows[:20]), *((row.id, "a", "ann") for row in rows[15:]))
    give(ledger, *((row.id, "b", "bot") for row in rows[:10]))
    assert len(labels(ledger, "latest")) == 24  # half of its texts
    give(ledger, (rows[10].id, "b", "bot"))
    assert ledger.sources_set_aside("m") == {"bot": "it changed its own label of 11 of 20 texts"}
    assert labels(ledger, "latest") == {row.id: "a" for row in rows[15:]}


def test_the_same_label_again_is_no_change(ledger: Ledger) -> None:
    rows = predicted(ledger, 12)
    give(ledger, *((row.id, "a", "ann") for row in rows), *((row.id, "b", "ann") for row in rows))
    ledger.rules.add("m", LabelRule("rename", "b", "a"))
    assert ledger.sources_set_aside("m") == {}


def test_beyond_its_quota_the_last_texts_of_a_source_count(ledger: Ledger) -> None:
    rows = predicted(ledger, 6)
    give(ledger, *((row.id, "a", "bot") for row in rows), (rows[0].id, "b", "ann"), (rows[1].id, "b", "bot"))
    found = {row.prediction_id: row.label for row in ledger.labelled("m", counting=Counting(quota=3))}
    assert found == {rows[0].id: "b", rows[1].id: "b", rows[4].id: "a", rows[5].id: "a"}
