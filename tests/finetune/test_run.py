from pathlib import Path
from typing import Any

import pytest

from core.checkpoint import CARD, HEAD, Training, read_training
from core.datasets import Example, kept_dataset
from core.errors import BudgetTooSmall, CorruptCheckpoint, TargetExists, TooFewLabels, UnknownMetric
from core.features import truth_of
from core.metrics import measure
from finetune.checkpoint import predict_checkpoint
from finetune.run import finetune
from tests.tasks import multi_label_rows, paired_rows
from tests.tiny import tiny_settings


def test_checkpoint_answers_as_it_states(tiny_checkpoint: Path, tiny_validation: list[Example]) -> None:
    training = read_training(tiny_checkpoint)
    logits, probabilities = predict_checkpoint(tiny_checkpoint, [example.text for example in tiny_validation])
    assert logits.shape == (len(tiny_validation), 3)
    metrics = measure(truth_of(tiny_validation, training.labels), probabilities)
    assert metrics.accuracy == training.metrics["validation"]["accuracy"]
    assert metrics.log_loss == pytest.approx(training.metrics["validation"]["log_loss"], abs=1e-4)


def test_both_sides_are_kept_under_their_fingerprints(tiny_checkpoint: Path, tiny_examples: list[Example]) -> None:
    data = read_training(tiny_checkpoint).data
    sides = [kept_dataset(side, tiny_checkpoint.parent / "datasets") for side in (data.train, data.validation)]
    assert [len(side) for side in sides] == [data.train_rows, data.validation_rows]
    assert set(sides[0]) | set(sides[1]) == set(tiny_examples)


@pytest.mark.parametrize("method", ["features", "full"])
def test_finetune_is_silent_and_leaves_only_the_checkpoint(
    method: str, tiny_base_model: Path, tiny_examples: list[Example], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    stages: list[tuple[str, float]] = []
    finetune(
        tiny_examples,
        out=tmp_path / "out",
        settings=tiny_settings(tiny_base_model, method=method),
        cache=tmp_path / "cache",
        datasets=tmp_path / "datasets",
        on_progress=lambda stage, share: stages.append((stage, share)),
    )
    assert capfd.readouterr() == ("", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "datasets", "out"]
    assert stages[-1] == ("Writing the checkpoint", 1.0)
    assert all(0 <= share <= 1 for _, share in stages)


def test_given_validation_rows_validate(tiny_base_model: Path, tiny_examples: list[Example], tmp_path: Path) -> None:
    result = finetune(
        tiny_examples[:90],
        out=tmp_path / "out",
        settings=tiny_settings(tiny_base_model),
        cache=tmp_path / "cache",
        datasets=tmp_path / "datasets",
        validation=tiny_examples[90:],
    )
    assert result.metrics.rows == 30
    assert read_training(result.checkpoint).data.train_rows == 90


def test_refused_rows_leave_nothing(tiny_base_model: Path, tmp_path: Path) -> None:
    with pytest.raises(TooFewLabels):
        finetune(
            [Example("a", "x"), Example("b", "x")],
            out=tmp_path / "out",
            settings=tiny_settings(tiny_base_model),
            cache=tmp_path / "cache",
            datasets=tmp_path / "datasets",
        )
    assert list(tmp_path.iterdir()) == []


def test_target_with_content_is_refused_before_training(tiny_checkpoint: Path, tiny_base_model: Path) -> None:
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
    heads = []
    for name in ("one", "two"):
        result = finetune(
            tiny_examples,
            out=tmp_path / name,
            settings=tiny_settings(tiny_base_model),
            cache=tmp_path / f"cache {name}",
            datasets=tmp_path / "datasets",
        )
        heads.append((result.checkpoint / HEAD).read_bytes())
    assert heads[0] == heads[1]


def trained(rows: list[Example], base: Path, folder: Path, **settings: Any) -> Training:
    result = finetune(
        rows,
        out=folder / "out",
        settings=tiny_settings(base, **settings),
        cache=folder / "cache",
        datasets=folder / "datasets",
    )
    return read_training(result.checkpoint)


def test_several_labels_are_trained_with_a_threshold_each(task_base_model: Path, tmp_path: Path) -> None:
    training = trained(multi_label_rows(240), task_base_model, tmp_path, multi_label=True, primary_metric="macro_f1")
    assert (training.kind, training.labels) == ("multi-label", ["billing", "bug", "how_to"])
    assert training.thresholds.keys() == set(training.labels)
    assert training.metrics["validation"]["macro_f1"] > 0.6


def test_pairs_are_trained_and_said(task_base_model: Path, tmp_path: Path) -> None:
    assert trained(paired_rows(120), task_base_model, tmp_path).is_paired


def test_an_abstention_threshold_is_kept_with_its_risk(
    tiny_base_model: Path, tiny_examples: list[Example], tmp_path: Path
) -> None:
    training = trained(tiny_examples, tiny_base_model, tmp_path, max_risk=0.5)
    assert training.abstain_below is not None
    assert training.metrics["abstention"]["risk_bound"] <= 0.5


def test_folds_answer_every_row_once(tiny_base_model: Path, tiny_examples: list[Example], tmp_path: Path) -> None:
    found = trained(tiny_examples, tiny_base_model, tmp_path, folds=3).metrics["cross_validation"]
    assert (found["folds"], len(found["values"])) == (3, 3)
    assert found["mean"] > 0.7


def test_a_budget_too_small_for_anything_names_the_smallest(
    tiny_base_model: Path, tiny_examples: list[Example], tmp_path: Path
) -> None:
    with pytest.raises(BudgetTooSmall, match=r"Give --budget \d+s or more"):
        trained(tiny_examples, tiny_base_model, tmp_path, budget="0s")
    assert not (tmp_path / "out").exists()


def test_an_unknown_primary_metric_is_refused_with_those_known(
    tiny_base_model: Path, tiny_examples: list[Example], tmp_path: Path
) -> None:
    with pytest.raises(UnknownMetric, match="macro_f1"):
        trained(tiny_examples, tiny_base_model, tmp_path, primary_metric="bleu")


def test_the_order_of_the_rows_changes_nothing(
    tiny_base_model: Path, tiny_examples: list[Example], tmp_path: Path
) -> None:
    there = trained(tiny_examples, tiny_base_model, tmp_path / "there")
    back = trained(tiny_examples[::-1], tiny_base_model, tmp_path / "back")
    assert there.files[HEAD] == back.files[HEAD]


def test_the_checkpoint_says_where_it_comes_from(tiny_checkpoint: Path) -> None:
    training = read_training(tiny_checkpoint)
    assert training.provenance.keys() >= {"hardware", "threads", "git_commit", "processes"}
    assert training.base_model.keys() >= {"revision", "fingerprint", "weights_sha256"}
    assert (tiny_checkpoint / CARD).read_text().startswith("---")
    assert training.fit["verdict"] in {"healthy", "underfit", "overfit"}
