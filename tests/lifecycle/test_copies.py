"""A text counts once, and one caller decides nothing alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from core.assigned import cells
from core.champion import ChampionPackage, read_champion
from core.clock import sortable_id
from core.config import Config
from core.datasets import Example, is_held_out
from core.engine import Engine
from core.home import Home
from core.records import (
    TRAFFIC,
    Decision,
    FeedbackRecord,
    GateRecord,
    GateVerdict,
    PredictionRecord,
    Verdict,
    Wanted,
)
from lifecycle.challengers.kept_rows import _reference
from lifecycle.evidence import different
from lifecycle.facts import measured_accuracy
from lifecycle.gate.refused import last_refused
from lifecycle.requests import random_order, rows_to_label
from lifecycle.respond import respond
from lifecycle.situation import Situation, assess
from monitoring.watch import check_window
from tests.lifecycle.predictions import predicted

COPIED = next(text for text in (f"copied words {number}" for number in range(99)) if is_held_out(text))


def new_home(folder: Path, package: Path) -> Home:
    home = Home(Config(home=folder))
    home.registry.promote("m", home.registry.add(package, "m"))
    return home


@pytest.fixture
def homes(tmp_path: Path, tiny_package: Path) -> Iterator[tuple[Home, Home]]:
    opened = new_home(tmp_path / "one", tiny_package), new_home(tmp_path / "other", tiny_package)
    yield opened
    for home in opened:
        home.close()


def champion_of(home: Home) -> ChampionPackage:
    return read_champion(home.registry, "m")


def situation_of(home: Home) -> Situation:
    return assess(home, champion_of(home))


def decided(home: Home) -> Decision:
    return respond(home, champion_of(home)).decision


def copies_of(row: PredictionRecord, count: int) -> list[PredictionRecord]:
    return [replace(row, id=sortable_id()) for _ in range(count)]


def drift(home: Home, rows: Sequence[PredictionRecord]) -> None:
    found = Verdict("drift", 0.001, len(rows), 100, [], None, "It moved.")
    home.ledger.record_check("m", "1", found, source=TRAFFIC, window_end=rows[-1].id)


def give(home: Home, rows: Sequence[PredictionRecord], label: str) -> None:
    home.ledger.record_feedback([FeedbackRecord(row.id, label) for row in rows])


@pytest.mark.parametrize("label", ["billing", "bug"])  # the model's answer is billing
def test_a_text_in_the_traffic_and_in_feedback_a_thousand_times_counts_once(
    homes: tuple[Home, Home], label: str
) -> None:
    dimensions = champion_of(homes[0]).reference.embeddings.shape[1]
    for home, count in zip(homes, (1, 1000), strict=True):
        rows = predicted(home.ledger, 300, dimensions=dimensions, texts=[f"t{n} {n * 7919}" for n in range(300)])
        copies = copies_of(replace(rows[0], text=COPIED), count)
        home.ledger.record_predictions(copies)
        drift(home, copies)
        decided(home)
        asked = {item.prediction_id for item in home.ledger.label_requests("m")}
        given = [row for row in rows if row.id in asked]
        give(home, given[:-5], "billing")
        give(home, given[-5:], "bug")
        other = "bug" if label == "billing" else "billing"
        give(home, copies[-300:-1], other)
        give(home, copies[-1:], label)
    one, many = (situation_of(home) for home in homes)
    assert measured_accuracy(one) == measured_accuracy(many)
    assert decided(homes[0]) == decided(homes[1])
    references = [_reference(situation, home.config) for situation, home in zip((one, many), homes, strict=True)]
    assert references[0] == references[1]
    assert Example(COPIED, label) in (references[0] or [])
    # The next check: of rows that are all copies but for the new ones.
    for home, count in zip(homes, (1, 1000), strict=True):
        rows = predicted(home.ledger, 60, dimensions=dimensions)
        home.ledger.record_predictions(copies_of(replace(rows[0], text=COPIED), count))
    few, flooded = (check_window(home, champion_of(home)).record.verdict for home in homes)
    assert (flooded.rows, flooded.p_value, flooded.evidence) == (few.rows, few.p_value, few.evidence)
    assert flooded.estimated_accuracy == few.estimated_accuracy
    assert "94 % of the 1060 rows are one text, and each of the 61 texts counts once." in flooded.sentence


def test_one_text_with_wrong_labels_decides_no_rollback(home: Home, tiny_package: Path, other_package: Path) -> None:
    for package in (other_package, tiny_package):
        home.registry.promote("m", home.registry.add(package, "m"))
    rows = predicted(home.ledger, 1, version="2", texts=[COPIED])
    copies = copies_of(rows[0], 40)
    home.ledger.record_predictions(copies)
    before = Engine(other_package)
    give(home, copies, cells(before.answer([COPIED]).predicted, before.labels)[0])
    drift(home, copies)
    assert decided(home).action not in ("retrain", "roll back")


def test_a_text_has_its_latest_label_and_near_copies_with_one_label_count_once() -> None:
    rows = [
        Example("Where is my new card, please", "card"),
        Example("the invoice is wrong", "bug"),
        Example("where  is my new card, please?", "card"),
        Example("The invoice is  wrong", "billing"),
        Example("where is my new card, pleas", "bug"),
        Example("", "a"),
        Example("", "a"),
    ]
    assert different(rows) == [rows[2], rows[3], rows[4], rows[5], rows[6]]


def with_keys(home: Home, keys: Sequence[str | None], *, texts: Sequence[str] = ()) -> list[PredictionRecord]:
    """One recorded prediction for each key, or more for each text."""
    rows = [
        replace(row, id=sortable_id(), version="1", key=key)
        for row, key in zip(predicted(home.ledger, len(keys), version="0", texts=texts), keys, strict=True)
    ]
    home.ledger.record_predictions(rows)
    return rows


@pytest.mark.parametrize(
    ("busy", "labelled", "action"),
    [
        ("shop", "app", "watch"),  # one caller of many
        ("app", "app", "retrain"),  # nearly all of the traffic
        (None, "app", "watch"),  # beside requests without a key
    ],
)
def test_one_caller_does_not_start_a_retrain(
    homes: tuple[Home, Home], busy: str | None, labelled: str, action: str
) -> None:
    home = homes[0]
    rows = with_keys(home, [*["app"] * 100, *["shop"] * 100, *[busy] * 200])
    drift(home, rows)
    decided(home)
    give(home, [row for row in rows if row.key == labelled][:100], "bug")
    home.ledger.request_labels("m", [Wanted(rows[0].id, "learn")], check_id=None)
    decision = decided(home)
    assert decision.action == action
    assert ("Only labels of API key 'app' show this" in decision.reason) == (action == "watch")


def test_a_refusal_is_not_lifted_by_copies(homes: tuple[Home, Home]) -> None:
    home = homes[0]
    rows = predicted(home.ledger, 40)
    give(home, rows[:20], "bug")
    gate = GateRecord(1, GateVerdict("hold", "not better", labels_needed=40))
    home.ledger.record_promotion("m", "2", previous="1", promoted=False, reason="not better", gate=gate)
    copies = copies_of(rows[0], 300)
    home.ledger.record_predictions(copies)
    give(home, copies, "praise")
    assert new_texts(home) == 0
    give(home, rows[20:30], "bug")
    assert new_texts(home) == 10


def new_texts(home: Home) -> int:
    refused = last_refused(home, situation_of(home))
    assert refused is not None
    return refused.new_texts


def test_what_is_asked_hangs_on_the_texts_and_not_on_when_each_came_last(homes: tuple[Home, Home]) -> None:
    asked = []
    for home, again in zip(homes, (slice(0), slice(None, 40, -1)), strict=True):
        dimensions = champion_of(home).reference.embeddings.shape[1]
        rows = predicted(home.ledger, 300, dimensions=dimensions, texts=[f"t{n} {n * 7919}" for n in range(300)])
        home.ledger.record_predictions([copy for row in rows[again] for copy in copies_of(row, 1)])
        situation = situation_of(home)
        by_id = {row.id: row.text for row in situation.window}
        wanted = rows_to_label(situation, home.config.labels), random_order(situation)
        asked.append([[(by_id[one.prediction_id], one.purpose, one.chance) for one in part] for part in wanted])
    assert asked[0] == asked[1]
    assert all(asked[0])
