"""A challenger that is held, labels where it differs from the champion, and its promotion without a new training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.assigned import cells
from core.champion import read_champion
from core.clock import days_ago
from core.datasets import Example, is_held_out
from core.engine import Engine
from core.home import Home
from core.privacy.erasure import erase, with_ids
from core.progress import ignore
from core.records import (
    TRAFFIC,
    CannotTell,
    DecisionRecord,
    FeedbackRecord,
    JobRecord,
    RetrainResult,
    TrainingSummary,
    Verdict,
)
from core.schema import label_requests
from core.stored import as_stored
from lifecycle.challengers.challenger import Challenger
from lifecycle.challengers.selection import Unseen
from lifecycle.challengers.training_set import TrainingSet
from lifecycle.gate.disagreements import find_disagreements
from lifecycle.gate.refused import compared_since, last_refused
from lifecycle.respond import respond
from lifecycle.retrain import retrain
from lifecycle.situation import assess
from tests.lifecycle.predictions import predicted
from tests.tiny import tiny_rows

TEXTS = [f"{row.text} {number}" for number, row in enumerate(tiny_rows(300, seed=5))]
HELD_OUT = [text for text in TEXTS if is_held_out(text)]


class Loop:
    """A home with drifted traffic. The challenger is always right, and the champion never."""

    def __init__(self, home: Home, champion: Path, challenger: Path) -> None:
        home.registry.promote("m", home.registry.add(champion, "m"))
        self.home, self.package = home, challenger
        self.jobs = self.trainings = 0
        engine = Engine(challenger)
        self.right = dict(zip(TEXTS, cells(engine.answer(TEXTS).predicted, engine.labels), strict=True))
        given = Engine(champion)
        answers = cells(given.answer(TEXTS).predicted, given.labels)
        self.ids: dict[str, str] = {}
        for text, answer in zip(TEXTS, answers, strict=True):
            [row] = predicted(home.ledger, 1, answer, texts=[text])
            self.ids[text] = row.id
        verdict = Verdict("drift", 0.001, len(TEXTS), 100, [], None, "Checked.")
        home.ledger.record_check("m", "1", verdict, source=TRAFFIC, window_end=row.id)

    def label(self, texts: list[str]) -> None:
        self.home.ledger.record_feedback([FeedbackRecord(self.ids[text], self.right[text]) for text in texts])

    def respond(self) -> DecisionRecord:
        return respond(self.home, read_champion(self.home.registry, "m"))

    def retrain(self) -> RetrainResult:
        self.jobs += 1
        job = replace(self.home.jobs.enqueue("m", "retrain"), id=self.jobs)
        return retrain(job, self.home, on_progress=ignore)

    def train(self, job: JobRecord, *_: object, **__: object) -> Challenger:
        self.trainings += 1
        return Challenger(self.package, TrainingSummary(rows=7), 1.0, Unseen(np.array([]), np.array([]), 0))


@pytest.fixture
def loop(home: Home, tiny_package: Path, other_package: Path, monkeypatch: pytest.MonkeyPatch) -> Loop:
    made = Loop(home, tiny_package, other_package)

    def rows(_: Home, situation: object) -> TrainingSet:
        labelled = [row.example for row in assess(home, read_champion(home.registry, "m")).labelled]
        return TrainingSet([], [row for row in labelled if is_held_out(row.input)], [], [], {})

    monkeypatch.setattr("lifecycle.retrain.build_training_set", rows)
    monkeypatch.setattr("lifecycle.retrain.best_challenger", made.train)
    return made


def test_a_held_challenger_is_promoted_by_labels_where_it_differs(loop: Loop) -> None:
    loop.label(HELD_OUT[:5])
    held = loop.retrain()
    assert (held.promoted, held.version) == (False, "2")
    assert held.verdict is not None
    assert len(held.verdict.disagreements.differing) == held.verdict.disagreements.texts == len(HELD_OUT)
    decision = loop.respond()
    assert decision.sentence == "label 15"
    assert decision.reason.startswith("Label 15 texts on which m@2 and m@1 differ. Only 5 fresh labelled rows")
    requests = loop.home.ledger.label_requests("m")
    assert {request.purpose for request in requests} == {"compare"}
    assert {request.text for request in requests} <= set(HELD_OUT[5:])
    assert [request.prediction_id for request in requests] == _in_order(held, loop, 15)

    loop.label([request.text for request in requests[:6]])
    assert loop.respond().sentence == "label 9"
    assert loop.home.ledger.label_requests("m") == requests[6:]

    loop.label([request.text for request in requests[6:]])
    assert loop.respond().action == "retrain"
    promoted = loop.retrain()
    assert (promoted.promoted, promoted.version, loop.trainings) == (True, "2", 1)
    assert promoted.training.rows == 7
    assert loop.home.registry.champion("m").version == "2"


@pytest.mark.parametrize("again", [True, False], ids=["the texts come again", "the window moves on"])
def test_traffic_that_goes_on_leaves_a_held_challenger_as_it_is(loop: Loop, again: bool) -> None:
    """The window has a text by its last prediction, and only so many texts; the gate knows the one of its trial."""
    loop.label(HELD_OUT[:5])
    held = loop.retrain()
    before = loop.respond()
    requests = loop.home.ledger.label_requests("m")
    limit = loop.home.config.drift.window_rows
    later = HELD_OUT if again else [f"another text {number}" for number in range(limit)]
    predicted(loop.home.ledger, len(later), "billing", texts=later)
    after = loop.respond()
    assert (after.decision.sentence, after.reason) == (before.decision.sentence, before.reason)

    loop.label([request.text for request in requests[:6]])
    assert loop.respond().sentence == "label 9"
    refused = last_refused(loop.home, assess(loop.home, read_champion(loop.home.registry, "m")))
    assert refused is not None
    assert refused.verdict.fresh.wins == 11
    assert refused.open == tuple(_in_order(held, loop, len(HELD_OUT))[6:])


def test_a_disagreement_that_cannot_be_told_is_neither_won_nor_lost_nor_asked_for_again(loop: Loop) -> None:
    loop.label(HELD_OUT[:5])
    held = loop.retrain()
    loop.respond()
    requests = loop.home.ledger.label_requests("m")
    loop.home.ledger.untold.record([CannotTell(request.prediction_id) for request in requests])
    decision = loop.respond()
    assert (decision.action, decision.decision.count) == ("label", 15)
    asked = {request.prediction_id for request in loop.home.ledger.label_requests("m")}
    assert asked == set(_in_order(held, loop, 30)[15:])
    refused = last_refused(loop.home, assess(loop.home, read_champion(loop.home.registry, "m")))
    assert refused is not None
    assert (refused.verdict.fresh.rows, refused.verdict.disagreements.texts) == (5, len(HELD_OUT) - 15)


def test_disagreements_whose_request_expired_are_not_asked_for_again(loop: Loop) -> None:
    loop.label(HELD_OUT[:5])
    held = loop.retrain()
    loop.respond()
    with loop.home.ledger.database.write() as connection:
        connection.execute(label_requests.update().values(created_at=days_ago(15)))
    assert loop.respond().sentence == "label 15"
    asked = {request.prediction_id for request in loop.home.ledger.label_requests("m")}
    assert asked == set(_in_order(held, loop, 30)[15:])


def _in_order(held: RetrainResult, loop: Loop, count: int) -> list[str]:
    assert held.verdict is not None
    labelled = {loop.ids[text] for text in HELD_OUT[:5]}
    differing = [one.prediction_id for one in held.verdict.disagreements.differing]
    return [key for key in differing if key not in labelled][:count]


def test_labels_of_earlier_disagreements_do_not_judge_another_challenger(loop: Loop) -> None:
    loop.label(HELD_OUT[:5])
    loop.retrain()
    loop.respond()
    asked = [request.text for request in loop.home.ledger.label_requests("m")]
    loop.label(asked[:3])
    situation = assess(loop.home, read_champion(loop.home.registry, "m"))
    assert compared_since(loop.home, situation) == {Example(text, None).key for text in asked[:3]}
    other = loop.retrain()
    assert other.verdict is not None
    assert other.verdict.fresh.rows == 5


def test_an_erased_prediction_is_neither_counted_nor_requested(loop: Loop) -> None:
    loop.label(HELD_OUT[:5])
    loop.retrain()
    champion = read_champion(loop.home.registry, "m")
    refused = last_refused(loop.home, assess(loop.home, champion))
    assert refused is not None
    erase(loop.home.ledger.database, with_ids([refused.open[0]]))
    without = last_refused(loop.home, assess(loop.home, champion))
    assert without is not None
    assert without.open == refused.open[1:]


def test_versions_that_answer_alike_do_not_differ(loop: Loop, tiny_package: Path) -> None:
    situation = assess(loop.home, read_champion(loop.home.registry, "m"))
    champion = Engine(tiny_package)
    found = find_disagreements(champion, champion, situation.window, [], situation.taxonomy, seed=0)
    assert (found.texts, found.differing) == (len(HELD_OUT), [])


def test_the_order_of_the_requests_depends_on_the_seed_alone(
    loop: Loop, tiny_package: Path, other_package: Path
) -> None:
    situation = assess(loop.home, read_champion(loop.home.registry, "m"))
    engines = Engine(tiny_package), Engine(other_package)
    found = [
        find_disagreements(*engines, situation.window, [], situation.taxonomy, seed=seed).differing
        for seed in (1, 1, 2)
    ]
    assert found[0] == found[1] != found[2]
    assert sorted(map(str, map(as_stored, found[0]))) == sorted(map(str, map(as_stored, found[2])))
