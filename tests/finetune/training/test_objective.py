"""Micro-batches give the loss and the gradients of the whole batch."""

from __future__ import annotations

import pytest
import torch

from finetune.methods.features import fit_features
from finetune.methods.full import Full
from finetune.training import objective as module
from finetune.training.classifier import trainable_copy
from finetune.training.defaults import default_recipe
from finetune.training.objective import Objective, collate, encoded_rows
from tests.finetune.tasks import MakeTask


@pytest.mark.parametrize("has_class_weights", [False, True])
def test_micro_batches_give_the_loss_and_the_gradients_of_the_batch(
    has_class_weights: bool, make_task: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = make_task(dropout=0.0, class_weights=has_class_weights)
    recipe = default_recipe(task, Full())
    objective = Objective.of(task, recipe)
    rows = encoded_rows(task, task.train)[:17]
    found = {}
    for tokens in (10_000, 64):
        monkeypatch.setitem(module.MICRO_BATCH_TOKENS, "cpu", tokens)
        model = trainable_copy(task.encoder, fit_features(task).head, 1.0, dropout=0.0).train()
        count = len(objective.micro_batches(collate(task, rows)))
        loss = objective.backward(model, rows)
        found[count] = loss, model.linear.weight.grad
    (whole, gradients), (summed, summed_gradients) = found[1], found[max(found)]
    assert max(found) > 2
    assert summed == pytest.approx(whole, rel=1e-4)
    assert gradients is not None
    assert summed_gradients is not None
    assert torch.allclose(gradients, summed_gradients, rtol=1e-3, atol=1e-6)


def test_micro_batches_keep_the_token_limit_and_contain_every_row(
    make_task: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = make_task()
    recipe = default_recipe(task, Full())
    monkeypatch.setitem(module.MICRO_BATCH_TOKENS, "cpu", 100)
    batch = collate(task, encoded_rows(task, task.train))
    found = Objective.of(task, recipe).micro_batches(batch)
    assert max(micro_batch["input_ids"].numel() * recipe.passes for micro_batch, _ in found) <= 100
    assert sum(share for _, share in found) == pytest.approx(1.0)
    assert torch.cat([micro_batch["labels"] for micro_batch, _ in found]).tolist() == batch["labels"].tolist()
