from pathlib import Path
from typing import Any

import pytest

from core.checkpoint import CARD, HEAD, Training, read_training
from core.datasets import Example, kept_dataset
from core.errors import CorruptCheckpoint, TargetExists, TooFewLabels, UnknownMetric
from core.features import truth_of
from core.metrics import measure
from core.progress import Progress, ignore
from finetune.checkpoint import predict_checkpoint
from finetune.run import FinetuneResult, finetune
from tests.tasks import multi_label_rows, paired_rows
from tests.tiny import tiny_settings


def test_checkpoint_has_the_metrics_that_it_states(tiny_checkpoint: Path, tiny_validation: list[Example]) -> None:
    training = read_training(tiny_checkpoint)
    logits, probabilities = predict_checkpoint(tiny_checkpoint, [example.text for example in tiny_validation])
    assert logits.shape == (len(tiny_validation), 3)
    metrics = measure(truth_of(tiny_validation, training.labels), probabilities)
    assert metrics.accuracy == training.metrics["validation"]["accuracy"]
    assert metrics.log_loss == pytest.approx(training.metrics["validation"]["log_loss"], abs=1e-4)


def test_both_parts_are_stored_under_their_fingerprints(tiny_checkpoint: Path, tiny_examples: list[Example]) -> None:
    data = read_training(tiny_checkpoint).data
    parts = [kept_dataset(part, tiny_checkpoint.parent / "datasets") for part in (data.train, data.validation)]
    assert [len(part) for part in parts] == [data.train_rows, data.validation_rows]
    assert set(parts[0]) | set(parts[1]) == set(tiny_examples)


def run(
    rows: list[Example],
    base: Path,
    folder: Path,
    *,
    validation: list[Example] | None = None,
    on_progress: Progress = ignore,
    **settings: Any,
) -> FinetuneResult:
    return finetune(
        rows,
        out=folder / "out",
        settings=tiny_settings(base, **settings),
        cache=folder / "cache",
        datasets=folder / "datasets",
        validation=validation,
        on_progress=on_progress,
    )


def trained(rows: list[Example], base: Path, folder: Path, **settings: Any) -> Training:
    return read_training(run(rows, base, folder, **settings).checkpoint)


@pytest.mark.parametrize("method", ["features", "full"])
def test_finetune_prints_nothing_and_writes_no_other_files(
    method: str, tiny_base_model: Path, tiny_examples: list[Example], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    stages: list[tuple[str, float]] = []
    run(tiny_examples, tiny_base_model, tmp_path, method=method, on_progress=lambda *stage: stages.append(stage))
    assert capfd.readouterr() == ("", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "datasets", "out"]
    assert stages[-1] == ("Writing the checkpoint", 1.0)
    assert all(0 <= share <= 1 for _, share in stages)


def test_given_validation_rows_are_used(tiny_base_model: Path, tiny_examples: list[Example], tmp_path: Path) -> None:
    result = run(tiny_examples[:90], tiny_base_model, tmp_path, validation=tiny_examples[90:])
    assert result.metrics.rows == 30
    assert read_training(result.checkpoint).data.train_rows == 90


def test_refused_rows_write_nothing(tiny_base_model: Path, tmp_path: Path) -> None:
    with pytest.raises(TooFewLabels):
        run([Example("a", "x"), Example("b", "x")], tiny_base_model, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_existing_target_is_refused_before_training(tiny_checkpoint: Path, tiny_base_model: Path) -> None:
    stages: list[str] = []
    with pytest.raises(TargetExists):
        finetune(
            [],
            out=tiny_checkpoint,
            settings=tiny_settings(tiny_base_model, budget="1s"),
            cache=tiny_checkpoint,
            datasets=tiny_checkpoint,
            on_progress=lambda stage, share: stages.append(stage),
        )
    assert stages == []


def test_damaged_checkpoint_is_refused(tiny_checkpoint: Path, tmp_path: Path) -> None:
    for path in tiny_checkpoint.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / HEAD).write_bytes((tmp_path / HEAD).read_bytes() + b" ")
    with pytest.raises(CorruptCheckpoint, match=HEAD):
        predict_checkpoint(tmp_path, ["a"])


def test_same_seed_gives_the_same_head(tiny_base_model: Path, tiny_examples: list[Example], tmp_path: Path) -> None:
    one, two = (trained(tiny_examples, tiny_base_model, tmp_path / name) for name in ("one", "two"))
    assert one.files[HEAD] == two.files[HEAD]


def test_multi_label_checkpoint_has_a_threshold_per_label(task_base_model: Path, tmp_path: Path) -> None:
    training = trained(multi_label_rows(240), task_base_model, tmp_path, multi_label=True, primary_metric="macro_f1")
    assert (training.kind, training.labels) == ("multi-label", ["billing", "bug", "how_to"])
    assert training.thresholds.keys() == set(training.labels)
    assert training.metrics["validation"]["macro_f1"] > 0.6


def test_checkpoint_of_pairs_is_paired(task_base_model: Path, tmp_path: Path) -> None:
    assert trained(paired_rows(120), task_base_model, tmp_path).is_paired


def test_abstention_threshold_is_stored_with_its_risk(
    tiny_base_model: Path, tiny_examples: list[Example], tmp_path: Path
) -> None:
    training = trained(tiny_examples, tiny_base_model, tmp_path, max_risk=0.5)
    assert training.abstain_below is not None
    assert training.metrics["abstention"]["risk_bound"] <= 0.5


def test_cross_validation_is_recorded(tiny_base_model: Path, tiny_examples: list[Example], tmp_path: Path) -> None:
    found = trained(tiny_examples, tiny_base_model, tmp_path, folds=3).metrics["cross_validation"]
    assert (found["folds"], len(found["values"])) == (3, 3)
    assert found["mean"] > 0.7


def test_features_run_in_any_budget(tiny_base_model: Path, tiny_examples: list[Example], tmp_path: Path) -> None:
    training = trained(tiny_examples, tiny_base_model, tmp_path, budget="0s", method="auto")
    assert training.method == "features"
    assert training.settings["cut_by_budget"]
    assert "The budget ends here" in training.reason


def test_error_for_an_unknown_primary_metric_lists_the_known(
    tiny_base_model: Path, tiny_examples: list[Example], tmp_path: Path
) -> None:
    with pytest.raises(UnknownMetric, match="macro_f1"):
        trained(tiny_examples, tiny_base_model, tmp_path, primary_metric="bleu")


def test_result_does_not_depend_on_the_order_of_the_rows(
    tiny_base_model: Path, tiny_examples: list[Example], tmp_path: Path
) -> None:
    forward = trained(tiny_examples, tiny_base_model, tmp_path / "forward")
    reversed_rows = trained(tiny_examples[::-1], tiny_base_model, tmp_path / "reversed")
    assert forward.files[HEAD] == reversed_rows.files[HEAD]


def test_checkpoint_records_its_provenance(tiny_checkpoint: Path) -> None:
    training = read_training(tiny_checkpoint)
    assert training.provenance.keys() >= {"hardware", "threads", "git_commit", "processes"}
    assert training.base_model.keys() >= {"revision", "fingerprint", "weights_sha256"}
    assert (tiny_checkpoint / CARD).read_text().startswith("---")
    assert training.fit["verdict"] in {"healthy", "underfit", "overfit"}
