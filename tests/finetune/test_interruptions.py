"""The command `retune finetune`: run twice, killed and resumed, and run by two processes."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from core.checkpoint import ENCODER, HEAD, read_training
from core.datasets import Example

ROOT = Path(__file__).parents[2]
LIMIT_S = 300

pytestmark = pytest.mark.slow


@pytest.fixture
def rows(tiny_examples: list[Example], tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows((example.text, example.label) for example in tiny_examples)
    return path


def finetune_arguments(rows: Path, base: Path, out: Path, *more: str) -> list[str]:
    options = ["--data", str(rows), "--out", str(out), "--base-model", str(base), "--method", "full", "--lr", "4e-4"]
    return ["--home", str(rows.parent / "home"), "finetune", *options, "--epochs", "6", "--json", *more]


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


def result_of(finished: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert finished.returncode == 0, finished.stderr
    result: dict[str, Any] = json.loads(finished.stdout)
    return result


def weight_hashes(checkpoint: Path) -> tuple[str, str]:
    files = read_training(checkpoint).files
    return files[ENCODER], files[HEAD]


def test_two_runs_with_one_seed_give_the_same_bytes(rows: Path, tiny_base_model: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        result_of(run("cli", *finetune_arguments(rows, tiny_base_model, tmp_path / name)))
    assert weight_hashes(tmp_path / "one") == weight_hashes(tmp_path / "two")


def test_a_killed_run_is_resumed_with_the_same_result(rows: Path, tiny_base_model: Path, tmp_path: Path) -> None:
    whole = result_of(run("cli", *finetune_arguments(rows, tiny_base_model, tmp_path / "whole", "--epochs", "60")))
    out = tmp_path / "killed"
    command = finetune_arguments(rows, tiny_base_model, out, "--epochs", "60")
    killed = subprocess.Popen(
        [sys.executable, "-c", _SAVE_OFTEN, *command],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
    )
    _wait_for_states(tmp_path / ".killed.run", killed)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert not out.exists()
    resumed = result_of(run("cli", *command, "--resume"))
    assert resumed["metrics"]["accuracy"] == whole["metrics"]["accuracy"]
    assert weight_hashes(out) == weight_hashes(tmp_path / "whole")
    assert not (tmp_path / ".killed.run").exists()


_SAVE_OFTEN = """
import sys
from finetune.training import saving
saving.SAVE_EVERY_S = 0.0
from cli.main import main
main(sys.argv[1:])
"""


def _wait_for_states(folder: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        if len(list(folder.glob("full-0/checkpoint-*/best.json"))) > 1:
            return
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.02)
    raise AssertionError("no state was saved in time")


def test_two_processes_train_together_and_one_writes(rows: Path, tiny_base_model: Path, tmp_path: Path) -> None:
    launcher = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "cli"]
    finished = run(*launcher, *finetune_arguments(rows, tiny_base_model, tmp_path / "out"))
    result = result_of(finished)
    training = read_training(tmp_path / "out")
    assert training.provenance["processes"] == 2
    assert result["metrics"]["accuracy"] > 0.75
    assert [entry["epoch"] for entry in training.history if entry["step"] == "fine-tuning"]
