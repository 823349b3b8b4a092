"""In place of a challenger that forgets, the next one of the ladder goes to the gate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.assigned import cells
from core.config import RetrainConfig
from core.datasets import Example
from core.engine import Engine
from core.errors import ChallengerSkipped
from core.home import Home
from core.progress import ignore
from core.records import RetrainResult, TrainingSummary
from lifecycle.challengers.challenger import Challenger
from lifecycle.challengers.selection import Unseen
from lifecycle.challengers.training_set import TrainingSet
from lifecycle.retrain import retrain
from tests.tiny import tiny_rows

OLD = 60
NONE = Unseen(np.array([]), np.array([]), 0)


class Job:
    """A retrain whose challengers are known packages; `trained`: the ways that were tried."""

    def __init__(self, home: Home, champion: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        home.registry.promote("m", home.registry.add(champion, "m"))
        engine, texts = Engine(champion), [row.text for row in tiny_rows(OLD, seed=3)]
        answered = cells(engine.answer(texts).predicted, engine.labels)
        old = [Example(text, label) for text, label in zip(texts, answered, strict=True)]
        self.home, self.trained, self._patch = home, list[str](), monkeypatch
        monkeypatch.setattr("lifecycle.retrain.build_training_set", lambda *_: TrainingSet([], [], old, [], {}))
        monkeypatch.setattr("lifecycle.challengers.ladder._champion_answers", lambda *_: NONE)

    def run(self, ways: dict[str, Path | None]) -> RetrainResult:
        """`ways`: the package of each way, None if it is skipped."""

        def trainer(name: str, package: Path | None):  # type: ignore[no-untyped-def]  # a `Train`
            def train(*_: object) -> Challenger:
                self.trained.append(name)
                if package is None:
                    raise ChallengerSkipped("it is gone")
                return Challenger(package, TrainingSummary(method=name, reason="Trained."), 1.0, NONE)

            return train

        made = {name: trainer(name, package) for name, package in ways.items()}
        self._patch.setattr("lifecycle.challengers.ladder.CHALLENGERS", made)
        ladder = RetrainConfig.model_validate({"ladder": list(ways)})
        home = Home(self.home.config.model_copy(update={"retrain": ladder}))
        return retrain(home.jobs.enqueue("m", "retrain"), home, on_progress=ignore)


@pytest.fixture
def job(home: Home, tiny_package: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    return Job(home, tiny_package, monkeypatch)


def test_the_next_one_is_judged(job: Job, other_package: Path, later_package: Path) -> None:
    found = job.run({"head": other_package, "tuned": later_package, "fresh": other_package})
    assert job.trained == ["head", "tuned"]
    assert found.training.method == "tuned"
    assert found.training.reason.startswith("Trained. Before it the gate refused head: On 60 old rows 100.0 % → 0.0 %")
    assert found.verdict is not None
    assert found.verdict.old.losses == 0
    assert job.home.registry.versions("m") == ["1", "2"]


def test_where_no_other_is_left_the_verdict_stands(job: Job, other_package: Path) -> None:
    found = job.run({"head": other_package, "tuned": None})
    assert job.trained == ["head", "tuned"]
    assert (found.promoted, found.training.method) == (False, "head")
    assert "100.0 % → 0.0 %" in found.reason


def test_the_last_one_is_recorded_if_all_forget(job: Job, other_package: Path) -> None:
    found = job.run({"head": other_package, "tuned": None, "fresh": other_package})
    assert job.trained == ["head", "tuned", "fresh"]
    assert (found.promoted, found.training.method) == (False, "fresh")
    assert job.home.registry.versions("m") == ["1", "2"]
