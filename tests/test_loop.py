"""The whole loop over HTTP, in its real processes, with a model of two layers that the test builds."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from core.config import Config, load_config
from core.jobs import JobQueue
from core.ledger import open_ledger
from core.registry import open_registry
from tests.tiny import make_base_model

pytestmark = pytest.mark.slow

OLD = {
    "billing": ["invoice", "charged", "card", "payment", "price", "refund", "tax", "receipt", "amount", "money"],
    "login": ["password", "account", "locked", "email", "code", "sign", "access", "forgot", "user", "reset"],
    "bug": ["crash", "error", "broken", "screen", "freeze", "wrong", "button", "fails", "page", "slow"],
}
NEW = {
    "recorder": [
        "meeting",
        "transcript",
        "recording",
        "speaker",
        "summary",
        "minutes",
        "audio",
        "call",
        "notes",
        "microphone",
    ]
}
FILLER = ["the", "my", "a", "is", "it", "please", "since", "today", "again", "after", "with", "for"]


def write_rows(path: Path, kinds: dict[str, list[str]], rows: int, *, seed: int) -> Path:
    """Random rows of the labels in `kinds`; a fourth label is as frequent as the first three together."""
    chosen = random.Random(seed)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for _ in range(rows):
            label = chosen.choices(list(kinds), weights=[1, 1, 1, 3][: len(kinds)])[0]
            words = chosen.sample(kinds[label], 4) + chosen.sample(FILLER, 4)
            chosen.shuffle(words)
            writer.writerow([" ".join(words), label])
    return path


def environment(base_model: Path) -> dict[str, str]:
    return {**os.environ, "RETUNE_FINETUNE__BASE_MODEL": str(base_model), "RETUNE_DRIFT__RESAMPLES": "200"}


@contextmanager
def busy() -> Iterator[None]:
    """As many processes that compute without end as there are processors; they end with this one, too."""
    loop = "import os\nwhile os.getppid() == parent: pass"
    command = [sys.executable, "-c", f"parent = {os.getpid()}\n{loop}"]
    burning = [subprocess.Popen(command) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for process in burning:
            process.kill()
            process.wait()


def retune(*words: str | Path, base_model: Path, timeout_s: float = 300) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli", *map(str, words)]
    return subprocess.run(
        command, env=environment(base_model), capture_output=True, text=True, timeout=timeout_s, check=False
    )


@pytest.fixture(scope="module")
def base_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two random layers with all words in the vocabulary, including those of the new label."""
    texts = [" ".join(words) for words in [*OLD.values(), *NEW.values(), FILLER]]
    return make_base_model(tmp_path_factory.mktemp("base") / "model", texts)


def run_demo(folder: Path, base_model: Path) -> dict[str, Any]:
    """The fresh rows have a new label."""
    words: list[str | Path] = [
        "--home", folder / "home", "demo", "--home", folder / "demo", "--method", "features", "--label-budget", "100",
        "--train", write_rows(folder / "train.csv", OLD, 240, seed=1),
        "--reference", write_rows(folder / "reference.csv", OLD, 240, seed=2),
        "--fresh", write_rows(folder / "fresh.csv", OLD | NEW, 360, seed=3),
        "--json",
    ]  # fmt: skip
    ended = retune(*words, base_model=base_model)
    assert ended.returncode == 0, ended.stderr
    result: dict[str, Any] = json.loads(ended.stdout)
    return result


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, base_model: Path) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("loop")
    return folder / "demo", run_demo(folder, base_model)


def test_the_same_seed_gives_the_same_versions_on_a_busy_machine(
    demo: tuple[Path, dict[str, Any]], tmp_path: Path, base_model: Path
) -> None:
    _, quiet = demo
    with busy():
        result = run_demo(tmp_path, base_model)
    assert len(quiet["digests"]) >= 2
    assert result["digests"] == quiet["digests"]
    assert result["labels_used"] == quiet["labels_used"]


def test_drift_is_detected_in_fresh_rows_and_not_in_old_ones(demo: tuple[Path, dict[str, Any]]) -> None:
    _, result = demo
    assert not result["reference_check"]["drifted"]
    assert result["fresh_check"]["drifted"]
    assert result["fresh_check"]["p_value"] <= 0.01


def test_the_challenger_is_promoted_without_a_failed_request(demo: tuple[Path, dict[str, Any]]) -> None:
    home, result = demo
    assert (result["decision"], result["gate"]["verdict"], result["promoted"]) == ("retrain", "promote", True)
    assert result["requests_during_swap"]["sent"] > 0
    assert result["requests_during_swap"]["failed"] == 0
    assert open_registry(Config(home=home)).champion("demo").version == "2"


def test_few_labels_raise_accuracy_on_fresh_rows_and_keep_it_on_old_ones(demo: tuple[Path, dict[str, Any]]) -> None:
    _, result = demo
    assert 0 < result["labels_used"] <= 100
    assert result["fresh_accuracy"]["after"] >= result["fresh_accuracy"]["before"] + 0.1
    assert result["old_accuracy"]["after"] >= result["old_accuracy"]["before"] - 0.01


def test_after_the_promotion_the_decision_is_none(demo: tuple[Path, dict[str, Any]]) -> None:
    home, _ = demo
    ledger = open_ledger(Config(home=home))
    actions = [record.decision.action for record in ledger.decisions("demo")]
    ledger.database.close()
    assert actions == ["none", "retrain", "label", "none"]


def test_page_and_report_are_written(demo: tuple[Path, dict[str, Any]]) -> None:
    home, result = demo
    assert "</svg>" in Path(result["page"]).read_text()
    ledger = open_ledger(Config(home=home))
    report = ledger.checks("demo")[-1].report
    ledger.database.close()
    assert report is not None
    assert (home / report).stat().st_size > 10_000


def test_a_job_of_a_killed_worker_ends_once(demo: tuple[Path, dict[str, Any]], base_model: Path) -> None:
    home, _ = demo
    config = load_config(home / "retune.toml", environment={})
    ledger = open_ledger(config)
    jobs = JobQueue(ledger)
    versions = open_registry(config).versions("demo")
    job = jobs.enqueue("demo", "retrain", {"method": "full"})  # a new head would be done too soon
    kill_in_the_middle(home, jobs, job.id, base_model)
    assert open_registry(config).versions("demo") == versions
    ended = retune("--config", home / "retune.toml", "worker", "--once", "--json", base_model=base_model)
    assert [item["id"] for item in json.loads(ended.stdout)["jobs"]] == [job.id]
    final = jobs.get(job.id)
    assert (final.status, final.attempts) == ("done", 2)
    assert len(ledger.promotions("demo")) == 3  # the first version, the demo's challenger, this one
    assert not list((home / "work").iterdir())
    assert [path.name for path in (home / "registry" / "demo" / "versions").iterdir() if path.name[0] == "."] == []
    ledger.database.close()


def kill_in_the_middle(home: Path, jobs: JobQueue, job_id: int, base_model: Path) -> None:
    """Start a worker and kill -9 it while it trains."""
    command = [sys.executable, "-m", "cli", "--config", str(home / "retune.toml"), "worker", "--once"]
    with subprocess.Popen(command, env=environment(base_model), stderr=subprocess.DEVNULL) as worker:
        while not (jobs.get(job_id).progress or "").startswith("finetune"):
            assert worker.poll() is None
            time.sleep(0.01)
        worker.send_signal(signal.SIGKILL)
    assert jobs.get(job_id).status == "running"
