"""Which challenger goes to the gate, by rows that it does not use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.config import GateConfig, RetrainConfig
from core.errors import ChallengerSkipped
from core.home import Home
from core.progress import ignore
from core.records import Comparison, GateRecord, GateVerdict, TrainingSummary
from lifecycle.challengers.challenger import Challenger
from lifecycle.challengers.ladder import _champion_answers, best_challenger
from lifecycle.challengers.parts import FEW_SELECTING_ROWS, Parts, parts_of
from lifecycle.challengers.selection import Unseen, best_of, is_good_enough
from tests.lifecycle.champions import Case

SETTINGS = GateConfig()


def unseen(new: str, old: str = "r" * 50, *, loss: float = 1.0) -> Unseen:
    """One letter a row: r for right."""
    right = np.array([letter == "r" for letter in new + old])
    return Unseen(right, np.full(len(right), loss), len(new))


CHAMPION = unseen("wwwwwwwwww")
CLEARLY = unseen("rrrrrrrwww")
HARDLY = unseen("rrwwwwwwww")
NO_BETTER = unseen("wwwwwwwwww", loss=0.5)
FORGETS = unseen("rrrrrrrrrr", "r" * 40 + "w" * 10)
LOSES_BY_CHANCE = unseen("rrrrrrrrrr", "r" * 47 + "w" * 3)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (CLEARLY, True),
        (HARDLY, True),
        (NO_BETTER, False),
        (FORGETS, False),
        (LOSES_BY_CHANCE, True),
        (unseen(""), True),
    ],
)
def test_a_challenger_is_good_enough_if_it_is_better_and_does_not_forget(found: Unseen, expected: bool) -> None:
    champion = replace(CHAMPION, right=CHAMPION.right[10:], selecting=0) if found.selecting == 0 else CHAMPION
    assert is_good_enough(found, champion, SETTINGS) is expected


@pytest.mark.parametrize(
    ("found", "best"),
    [
        ([HARDLY, CLEARLY], 1),
        ([CLEARLY, HARDLY], 0),
        ([HARDLY, FORGETS], 0),
        ([FORGETS, HARDLY], 1),
        ([FORGETS], 0),
        ([unseen("rrrwwwwwww"), unseen("wwrrwwwwww", loss=0.5)], 1),
        ([unseen("rrrwwwwwww"), unseen("rrrwwwwwww")], 0),
    ],
)
def test_the_best_of_those_that_do_not_forget_goes_to_the_gate(found: list[Unseen], best: int) -> None:
    assert best_of(found, CHAMPION, SETTINGS) == best


def test_rows_that_the_champion_learned_do_not_say_what_a_challenger_forgets() -> None:
    learned = replace(CHAMPION, learned=True)
    assert is_good_enough(FORGETS, learned, SETTINGS)
    assert not is_good_enough(NO_BETTER, learned, SETTINGS)
    assert best_of([FORGETS, HARDLY], learned, SETTINGS) == 0


@pytest.fixture
def made(case: Callable[[str], Case]) -> Case:
    return case("single")


def parts(made: Case) -> Parts:
    config = made.home.config
    return parts_of(made.rows.train, made.situation.champion, config.finetune, config)


def test_rows_that_select_are_given_rows_of_labels_that_are_still_taught(made: Case) -> None:
    found = parts(made)
    given = {row.key for row in made.given}
    assert FEW_SELECTING_ROWS <= len(found.selecting) == len(made.given) // 5
    assert {row.key for row in found.selecting} <= given
    assert {row.label for row in found.teaching} == set(found.labels)
    assert not {row.key for row in found.teaching} & {row.key for row in found.unseen}


def test_the_rows_that_select_do_not_hang_on_the_order_of_the_rows(made: Case) -> None:
    first = parts(made).selecting
    made.rows = replace(made.rows, train=made.rows.train[::-1])
    assert parts(made).selecting == first


@pytest.mark.parametrize("judging", [0, 1])
def test_the_champion_had_learned_the_validation_rows_only_if_all_of_its_own_judge(made: Case, judging: int) -> None:
    own = {row.key for row in made.validation}
    made.rows = replace(made.rows, train=[row for row in made.rows.train if not (judging and row.key in own)])
    job = made.home.jobs.enqueue("m", "retrain")
    assert _champion_answers(job, made.home, made.situation, made.rows).learned == bool(judging)


def test_few_given_rows_all_teach(made: Case) -> None:
    given = {row.key for row in made.given[5 * FEW_SELECTING_ROWS - 1 :]}
    made.rows = replace(made.rows, train=[row for row in made.rows.train if row.key not in given])
    assert parts(made).selecting == []


class Ladder:
    """Challengers with known answers; which of them were trained."""

    def __init__(self, made: Case, answers: dict[str, Unseen | str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.made, self.trained = made, list[str]()
        monkeypatch.setattr("lifecycle.challengers.ladder._champion_answers", lambda *_: CHAMPION)
        ways = {name: self._way(name, found) for name, found in answers.items()}
        monkeypatch.setattr("lifecycle.challengers.ladder.CHALLENGERS", ways)
        config = made.home.config.model_copy(
            update={"retrain": RetrainConfig.model_validate({"ladder": list(answers)})}
        )
        self.home = Home(config)

    def _way(self, name: str, found: Unseen | str) -> Callable[..., Challenger]:
        def train(*_: object) -> Challenger:
            self.trained.append(name)
            if isinstance(found, str):
                raise ChallengerSkipped(found)
            return Challenger(Path(name), TrainingSummary(method=name, reason="Trained."), 1.0, found)

        return train

    def best(self) -> Challenger:
        job = self.home.jobs.enqueue("m", "retrain")
        return best_challenger(job, self.home, self.made.situation, self.made.rows, Path("work"), ignore)


def test_no_further_challenger_is_trained_after_one_that_is_good_enough(
    made: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    ladder = Ladder(made, {"head": CLEARLY, "tuned": HARDLY, "fresh": FORGETS}, monkeypatch)
    assert ladder.best().training.method == "head"
    assert ladder.trained == ["head"]


def test_all_are_trained_and_the_best_says_what_the_others_reached(made: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    ladder = Ladder(made, {"head": NO_BETTER, "tuned": "it is gone", "fresh": unseen("rrrrwwwwww")}, monkeypatch)
    assert ladder.best().training.reason == (
        "Trained. Of 10 labelled rows that no challenger had learned, right are: head 0 %, fresh 40 %; "
        "fresh went to the gate. tuned was skipped: it is gone."
    )


def test_a_way_that_the_gate_rejected_comes_last(made: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    ladder = Ladder(made, {"head": CLEARLY, "fresh": CLEARLY}, monkeypatch)
    version = made.situation.version
    no_rows = Comparison(0, 0.0, 0.0, 0, 0, 1.0)
    gate = GateRecord(1, GateVerdict("reject", "Worse.", no_rows, no_rows), TrainingSummary(method="head"))
    made.home.ledger.record_promotion("m", "7", previous=version, promoted=False, reason="Worse.", gate=gate)
    assert ladder.best().training.method == "fresh"
    assert ladder.trained == ["fresh"]
