"""A retrain that is cancelled, stopped or out of space, at each of its parts: nothing half-written is left."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.champion import read_champion
from core.config import Config, FinetuneConfig
from core.home import Home
from core.records import JobRecord
from lifecycle.worker import run_next
from tests.lifecycle.predictions import predicted
from tests.small_volume import fill, small_volume
from tests.tiny import tiny_rows

TRAINING = "finetune: Fine-tuning"
STAGES = ["training set", "head: Fitting", "gate", TRAINING, "finetune: Writing", "export: Quantizing", "register"]


@pytest.fixture(autouse=True)
def saving_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("finetune.training.saving.SAVE_EVERY_S", 0.0)


def prepared(config: Config, package: Path, datasets: Path) -> Home:
    """A home with a champion and new labelled rows."""
    home = Home(config)
    shutil.copytree(datasets, config.datasets, dirs_exist_ok=True)
    home.registry.promote("m", home.registry.add(package, "m"))
    home.ledger.added.add("m", tiny_rows(30, seed=8), source="desk", fingerprint="f")
    return home


def settings(folder: Path) -> Config:
    return Config(home=folder, finetune=FinetuneConfig(method="features", max_length=32))


def enqueue(home: Home, stage: str) -> JobRecord:
    """A job that reaches the stage: one that names a method is a fresh training."""
    is_fresh, method = stage.startswith(("finetune", "export")), "full" if stage == TRAINING else "features"
    return home.jobs.enqueue("m", "retrain", {"method": method} if is_fresh else {})


def run(home: Home, at_stage: str, do: Callable[[JobRecord], object], stop: threading.Event | None = None) -> JobRecord:
    """Run the queued job; `do` is called when the stage begins."""
    done: list[str] = []

    def look(stage: str, _share: float) -> None:
        if stage.startswith(at_stage) and not done:
            done.append(stage)
            do(home.jobs.running()[0])

    ended = run_next(home, stop=stop or threading.Event(), progress=look)
    assert done
    assert ended is not None
    return ended


def left(home: Home) -> list[str]:
    """What is in the registry and in the work folder; hidden files are those of an unfinished write."""
    folders = [home.folder / "registry" / "m" / "versions", home.folder / "work"]
    return sorted(path.name for folder in folders if folder.exists() for path in folder.iterdir())


@pytest.fixture
def home(tmp_path: Path, tiny_package: Path, tiny_checkpoint: Path) -> Iterator[Home]:
    made = prepared(settings(tmp_path / "home"), tiny_package, tiny_checkpoint.parent / "datasets")
    yield made
    made.close()


@pytest.mark.parametrize("stage", STAGES)
def test_a_cancelled_retrain_changes_nothing(home: Home, stage: str) -> None:
    enqueue(home, stage)
    ended = run(home, stage, lambda job: home.jobs.cancel(job.id))
    assert (ended.status, ended.error) == ("cancelled", None)
    assert (left(home), home.ledger.promotions("m")) == (["1"], [])
    assert home.registry.champion("m").version == "1"


def test_a_stopped_retrain_is_taken_again_from_its_beginning(home: Home) -> None:
    stage, stop = "finetune: Writing", threading.Event()
    enqueue(home, stage)
    ended = run(home, stage, lambda _: stop.set(), stop)
    assert (ended.status, ended.attempts, left(home)) == ("queued", 0, ["1"])
    again = run(home, "register", lambda _: None)
    assert (again.status, again.attempts, left(home)) == ("done", 1, ["1", "2"])


def test_a_cancellation_that_comes_too_late_finds_the_job_done(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    job = home.jobs.enqueue("m", "retrain")
    add = home.registry.add

    def add_and_cancel(*given: object) -> str:
        home.jobs.cancel(job.id)
        return add(*given)  # type: ignore[arg-type]  # as they were given

    monkeypatch.setattr(home.registry, "add", add_and_cancel)
    ended = run_next(home, stop=threading.Event(), progress=lambda _stage, _share: None)
    assert ended is not None
    assert (ended.status, left(home), len(home.ledger.promotions("m"))) == ("done", ["1", "2"], 1)


def test_a_checkpoint_that_cannot_be_kept_leaves_no_version(home: Home) -> None:
    home.jobs.enqueue("m", "retrain", {"method": "features"})
    home.config.checkpoints.write_text("no folder")
    ended = run(home, "register", lambda _: None)
    assert (ended.status, left(home), home.ledger.promotions("m")) == ("failed", ["1"], [])


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Path]:
    with small_volume(tmp_path / "volume", size="60m") as folder:
        yield folder


@pytest.mark.parametrize("stage", STAGES)
def test_a_full_disk_fails_the_job_with_one_sentence(
    volume: Path, tiny_package: Path, tiny_checkpoint: Path, stage: str
) -> None:
    made = prepared(settings(volume / "home"), tiny_package, tiny_checkpoint.parent / "datasets")
    enqueue(made, stage)
    ended = run(made, stage, lambda _: fill(volume))
    (volume / "filler").unlink()
    assert ended.status == "failed"
    assert str(ended.error).startswith("No space is left to write")
    assert (left(made), made.ledger.promotions("m")) == (["1"], [])
    made.close()


@pytest.mark.parametrize(
    ("method", "within"), [("", "gate"), ("features", "export: Comparing"), ("features", "export: Quantizing")]
)
def test_long_stages_look_at_each_batch_whether_to_go_on(home: Home, method: str, within: str) -> None:
    dimensions = read_champion(home.registry, "m").reference.embeddings.shape[1]
    predicted(home.ledger, 40, dimensions=dimensions)  # the gate's other rows have been embedded before
    home.jobs.enqueue("m", "retrain", {"method": method} if method else {})
    stop, steps = threading.Event(), 0

    def look(stage: str, _share: float) -> None:
        nonlocal steps
        steps += stage.startswith(within)
        if steps == 2:  # the first one is the beginning of the stage
            stop.set()

    ended = run_next(home, stop=stop, progress=look)
    assert ended is not None
    assert (ended.status, steps, left(home)) == ("queued", 2, ["1"])
