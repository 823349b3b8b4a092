from pathlib import Path

import pytest

from core.checkpoint import HEAD, read_training
from core.datasets import Example, kept_dataset
from core.errors import CorruptCheckpoint, TargetExists, TooFewLabels
from core.features import truth_of
from core.metrics import measure
from finetune.evaluate import predict_checkpoint
from finetune.run import finetune
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
    sides = [kept_dataset(data[side], tiny_checkpoint.parent / "datasets") for side in ("train", "validation")]
    assert [len(side) for side in sides] == [data["train_rows"], data["validation_rows"]]
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
    assert read_training(result.checkpoint).data["train_rows"] == 90


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
