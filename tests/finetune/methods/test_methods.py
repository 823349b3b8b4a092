"""The contract of all methods, and the particulars of some."""

import itertools
import time
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
import torch

from core.arrays import Numbers
from core.config import MethodName
from core.datasets import Example
from core.labels import cell_of
from core.share import percent
from finetune.encoders.encoder import embed
from finetune.methods.catalogue import METHODS
from finetune.methods.layerwise import Layerwise
from finetune.task import Fitted, Task
from finetune.training import saving
from finetune.training.classifier import trainable_copy
from tests.finetune.tasks import MakeTask
from tests.tiny import tiny_rows


def validation_logits(fitted: Fitted, task: Task) -> Numbers:
    return fitted.head.logits(embed(fitted.encoder, task.tokenizer, task.validation.inputs))


def test_the_config_lists_every_method() -> None:
    assert sorted(METHODS) == sorted(get_args(MethodName))


@pytest.mark.parametrize("name", METHODS)
def test_method_returns_consistent_scores_and_leaves_the_encoder_unchanged(name: str, make_task: MakeTask) -> None:
    task = make_task()
    before = {key: value.clone() for key, value in task.encoder.state_dict().items()}
    fitted = METHODS[name](task)
    largest = np.abs(fitted.scored.logits).max()
    np.testing.assert_allclose(validation_logits(fitted, task) / largest, fitted.scored.logits / largest, atol=1e-4)
    assert fitted.scored.value > 0.75
    assert fitted.reason.endswith(".")
    assert percent(fitted.scored.value) in fitted.reason
    assert all({"step", "accuracy", "validation_loss"} <= set(entry) for entry in fitted.history)
    assert all(torch.equal(value, before[key]) for key, value in task.encoder.state_dict().items())


@pytest.mark.parametrize("name", METHODS)
def test_method_learns_multi_label_rows(name: str, make_task: MakeTask) -> None:
    task = make_task(multi_label_rows(), multi_label=True, primary_metric="macro_f1")
    fitted = METHODS[name](task)
    assert fitted.scored.logits.shape == (len(task.validation.inputs), 3)
    assert fitted.scored.value > 0.75


@pytest.mark.parametrize("name", METHODS)
def test_method_learns_pairs(name: str, make_task: MakeTask) -> None:
    rows = [replace(row, text="which one", pair=row.text) for row in tiny_rows(80)]
    assert METHODS[name](make_task(rows)).scored.value > 0.7


@pytest.mark.parametrize("name", ["full", "layerwise", "lora"])
def test_fine_tuning_changes_the_weights_but_not_the_modules(name: str, make_task: MakeTask) -> None:
    task = make_task()
    fitted = METHODS[name](task)
    assert fitted.encoder.state_dict().keys() == task.encoder.state_dict().keys()
    if "epoch" in fitted.reason:
        assert changed_parameters(fitted, task)


def test_layerwise_trains_only_the_last_blocks(make_task: MakeTask) -> None:
    task = make_task()
    model = trainable_copy(task.encoder, METHODS["features"](task).head, 1.0, dropout=0.0)
    Layerwise(1).prepare(model)
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert {name for name in trained if ".layer." in name} == {
        name for name, _ in model.named_parameters() if ".layer.1." in name
    }
    assert {"linear.weight", "linear.bias"} <= trained


def test_full_is_not_worse_than_its_start(make_task: MakeTask) -> None:
    start, tuned = (METHODS[name](make_task()).scored for name in ("features", "full"))
    assert not start.beats(tuned) or start.loss == pytest.approx(tuned.loss, abs=1e-3)


@pytest.mark.parametrize("name", ["full", "layerwise", "lora"])
def test_training_depends_only_on_the_seed(name: str, make_task: MakeTask) -> None:
    first, again, other = (METHODS[name](make_task(seed=seed)).history for seed in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.parametrize("name", ["auto", "full"])
def test_training_does_not_depend_on_the_clock(name: str, make_task: MakeTask, monkeypatch: pytest.MonkeyPatch) -> None:
    settings: dict[str, Any] = {"lr": "auto", "epochs": 0}
    quiet = METHODS[name](make_task(**settings))
    clock = itertools.count(0.0, 1000.0)  # every look finds that a quarter of an hour has passed
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    busy = METHODS[name](make_task(seed=0, **settings))
    assert busy.history == quiet.history
    assert busy.settings == quiet.settings
    assert not busy.settings["cut_by_budget"]
    assert busy.learning_rate == quiet.learning_rate
    np.testing.assert_array_equal(busy.head.weight, quiet.head.weight)


def test_a_budget_that_cuts_epochs_says_so(make_task: MakeTask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("finetune.training.speed.seconds_per_epoch", lambda *_: 10.0)
    fitted = METHODS["full"](make_task(epochs=20, budget_s=100.0))
    assert "The budget has room for " in fitted.reason
    assert "of 20 epochs" in fitted.reason
    assert fitted.settings["planned_epochs"] == 20
    assert fitted.settings["epochs"] < 10
    assert fitted.settings["cut_by_budget"]


def test_long_texts_get_fewer_epochs_by_their_tokens(make_task: MakeTask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("finetune.training.planning.PLANNED_TOKENS", 5_000)
    fitted = METHODS["full"](make_task(epochs=0))
    assert 1 <= fitted.settings["epochs"] < 20
    assert not fitted.settings["cut_by_budget"]
    assert METHODS["full"](make_task(epochs=4)).settings["epochs"] == 4


def test_full_without_time_stops_early_and_gives_the_reason(make_task: MakeTask) -> None:
    fitted = METHODS["full"](make_task(budget_s=0.0))
    assert "The budget ended it early." in fitted.reason
    assert fitted.settings["ended_by"] == "budget"
    assert fitted.settings["cut_by_budget"]
    assert fitted.scored.value > 0.75


def test_auto_without_time_keeps_features_and_gives_the_reason(make_task: MakeTask) -> None:
    fitted = METHODS["auto"](make_task(budget_s=0.0))
    assert fitted.method == "features"
    assert "budget" in fitted.reason
    assert fitted.settings["cut_by_budget"]


def test_a_diverging_training_is_restarted_at_a_lower_rate(make_task: MakeTask) -> None:
    fitted = METHODS["full"](make_task(lr=0.9, epochs=30, patience=30, consistency=0.0, label_smoothing=0.1))
    assert fitted.settings["restarts"][0] == {"rate": 0.9, "restarted_at": 0.225}
    assert "9.0e-01 diverged" in fitted.reason


def test_patience_stops_a_training_that_no_longer_improves(make_task: MakeTask) -> None:
    fitted = METHODS["full"](make_task(epochs=40, patience=2))
    assert fitted.settings["ended_by"] == "patience"
    assert len([entry for entry in fitted.history if entry["step"] == "fine-tuning"]) < 40


def test_rate_search_is_recorded_with_its_curve(make_task: MakeTask) -> None:
    found = METHODS["full"](make_task(lr="auto")).learning_rate
    assert found["chosen"] > 0
    assert len(found["curve"]) > 10
    assert f"{found['chosen']:.1e}" in found["reason"]


def test_a_resumed_training_has_the_same_result(make_task: MakeTask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving, "SAVE_EVERY_S", 0.0)
    whole = METHODS["full"](make_task(epochs=6, patience=9))
    task = make_task(epochs=6, patience=9)

    def interrupt(stage: str, share: float) -> None:
        if stage == "Fine-tuning" and share > 0.6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        METHODS["full"](replace(task, on_progress=interrupt))
    shares: list[float] = []
    resumed = METHODS["full"](
        replace(task, on_progress=lambda stage, share: shares.append(share) if stage == "Fine-tuning" else None)
    )
    assert min(shares) > 0.5
    assert resumed.history == whole.history
    assert all(
        torch.equal(value, again)
        for value, again in zip(whole.encoder.state_dict().values(), resumed.encoder.state_dict().values(), strict=True)
    )


def changed_parameters(fitted: Fitted, task: Task) -> list[str]:
    before = dict(task.encoder.named_parameters())
    return [name for name, value in fitted.encoder.named_parameters() if not torch.equal(value, before[name])]


def multi_label_rows() -> list[Example]:
    """Pairs of single-label texts, joined: each has one or two of three labels."""
    rows = tiny_rows(120)
    return [
        Example(f"{first.text} {second.text}", cell_of({first.label or "", second.label or ""}))
        for first, second in zip(rows[:80], rows[7:87], strict=True)
    ]
