"""The contract of a method, which each of them passes, and what is special about some."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.datasets import Example
from core.features import truth_of
from finetune.base_models import find_base_model
from finetune.encoder import embed, load_encoder, load_tokenizer
from finetune.methods.features import fit_features
from finetune.methods.full import fit_full
from finetune.methods.task import Method, Rows, Task
from finetune.run import METHODS
from finetune.split import labels_of, split


@pytest.fixture
def task(tiny_base_model: Path, tiny_examples: list[Example]) -> Task:
    base = find_base_model(str(tiny_base_model))
    encoder, tokenizer = load_encoder(base), load_tokenizer(base.name, base.folder, 32)
    parts, labels = split(tiny_examples[:80], validation_share=0.4, seed=0), labels_of(tiny_examples)

    def rows(examples: Sequence[Example]) -> Rows:
        texts = [example.input for example in examples]
        return Rows(texts, truth_of(examples, labels), embed(encoder, tokenizer, texts))

    return Task(
        labels=labels,
        train=rows(parts.train),
        validation=rows(parts.validation),
        encoder=encoder,
        tokenizer=tokenizer,
        seed=0,
        ends_at=time.monotonic() + 60,
        on_progress=lambda stage, share: None,
    )


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())
def test_method_keeps_the_contract(method: Method, task: Task) -> None:
    before = {name: value.clone() for name, value in task.encoder.state_dict().items()}
    fitted = method(task)
    answers = fitted.head.logits(embed(fitted.encoder, task.tokenizer, task.validation.inputs))
    np.testing.assert_allclose(answers / np.abs(answers).max(), fitted.scored.logits / np.abs(answers).max(), atol=1e-4)
    assert fitted.scored.calibrated.accuracy > 0.8
    assert fitted.reason.endswith(".")
    assert f"{fitted.scored.calibrated.accuracy:.1%}" in fitted.reason
    assert fitted.history
    assert all(torch.equal(value, before[name]) for name, value in task.encoder.state_dict().items())


def test_full_is_never_worse_than_its_start(task: Task) -> None:
    start, tuned = (method(task).scored.calibrated for method in (fit_features, fit_full))
    assert tuned.accuracy >= start.accuracy
    assert tuned.accuracy > start.accuracy or tuned.log_loss <= start.log_loss + 1e-3


def test_full_follows_the_seed(task: Task) -> None:
    first, again, other = (fit_full(replace(task, seed=seed)).history for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_full_without_time_stops_early_and_still_answers(task: Task) -> None:
    fitted = fit_full(replace(task, ends_at=time.monotonic()))
    assert [entry["epoch"] for entry in fitted.history if entry["step"] == "fine-tuning"][-1] < 1
    assert fitted.scored.calibrated.accuracy > 0.8


def test_auto_without_time_stays_with_features_and_says_why(task: Task) -> None:
    fitted = METHODS["auto"](replace(task, ends_at=time.monotonic()))
    assert fitted.method == "features"
    assert "budget" in fitted.reason
