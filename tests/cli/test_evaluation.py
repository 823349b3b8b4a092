"""`retune evaluate` for a checkpoint and for a package, with and without the training extra."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from cli.main import main
from core.checkpoint import read_training
from core.datasets import Example
from tests.tasks import make_checkpoint, make_task_base_model, multi_label_rows

BASIC_METRICS = {"rows", "accuracy", "macro_f1", "log_loss", "expected_calibration_error"}


def written(rows: Sequence[Example], path: Path) -> Path:
    lines = [json.dumps({"text": row.text, "label": row.label}) for row in rows]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def evaluated(capfd: pytest.CaptureFixture[str], *words: str | Path) -> str:
    with pytest.raises(SystemExit) as stop:
        main(["evaluate", *map(str, words)])
    out, err = capfd.readouterr()
    assert (stop.value.code or 0, err) == (0, "")
    return out


@pytest.mark.parametrize("target", ["tiny_checkpoint", "tiny_package"])
def test_evaluate_returns_every_metric_with_intervals(
    target: str,
    tiny_validation: list[Example],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    folder = request.getfixturevalue(target)
    data = written(tiny_validation, tmp_path / "rows.jsonl")
    found = json.loads(evaluated(capfd, folder, "--data", data, "--json"))
    assert BASIC_METRICS | {"weighted_f1", "brier", "per_label", "intervals", "confusion"} <= set(found)
    assert [scores["label"] for scores in found["per_label"]] == ["billing", "bug", "how_to"]
    low, high = found["intervals"]["accuracy"]
    assert low <= found["accuracy"] <= high
    stated = read_training(request.getfixturevalue("tiny_checkpoint")).metrics["validation"]
    assert found["accuracy"] == stated["accuracy"]
    assert found["log_loss"] == pytest.approx(stated["log_loss"], abs=1e-3)


def test_evaluate_prints_the_most_confused_labels(
    tiny_package: Path, tiny_validation: list[Example], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    wrong = [Example(row.text, "bug" if row.label == "billing" else row.label) for row in tiny_validation]
    out = evaluated(
        capfd, tiny_package, "--data", written([*wrong, Example("new", "unheard of")], tmp_path / "r.jsonl")
    )
    assert "bug → billing (" in out
    assert "(unknown to the model) → " in out
    assert "[0." in out


def test_evaluate_reads_multi_label_cells_without_an_option(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    rows = multi_label_rows(160)
    (tmp_path / "run").mkdir()
    checkpoint = make_checkpoint(
        tmp_path / "run",
        make_task_base_model(tmp_path / "base"),
        rows,
        datasets=tmp_path / "datasets",
        kind="multi-label",
        thresholds={"billing": 0.4},
    )
    data = written(rows[-60:], tmp_path / "rows.jsonl")
    found = json.loads(evaluated(capfd, checkpoint, "--data", data, "--json"))
    assert BASIC_METRICS | {"micro_f1", "subset_accuracy", "hamming_loss"} <= set(found)
    assert found["kind"] == "multi-label"
    assert found["micro_f1"] > 0.6


def test_without_scikit_learn_evaluate_returns_the_basic_metrics(
    tiny_package: Path, tiny_validation: list[Example], tmp_path: Path
) -> None:
    data = written(tiny_validation, tmp_path / "rows.jsonl")
    without = "import sys; sys.modules['sklearn'] = None; from cli.main import main; main(sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", without, "evaluate", str(tiny_package), "--data", str(data), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert set(json.loads(done.stdout)) == BASIC_METRICS
    assert "pip install 'retune[train]'" in done.stderr
