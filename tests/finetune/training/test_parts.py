"""Losses, dropout, sampler, weight average and training loss, each by itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from finetune.training.average import WeightAverage
from finetune.training.dropout import ByteDropout, set_dropout
from finetune.training.losses import class_weights, loss_of, symmetric_kl
from finetune.training.sampler import LengthGroupedSampler
from finetune.training.training_loss import TrainingLoss


def test_byte_dropout_drops_p_of_the_elements_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    dropped = ByteDropout(0.25).train()(torch.ones(1000, 101))
    assert float((dropped == 0).float().mean()) == pytest.approx(0.25, abs=0.01)
    assert float(dropped.mean()) == pytest.approx(1.0, abs=0.01)


def test_byte_dropout_does_nothing_in_evaluation_mode() -> None:
    states = torch.rand(3, 5)
    assert torch.equal(ByteDropout(0.5).eval()(states), states)


def test_dropout_is_set_everywhere_except_in_attention() -> None:
    class SelfAttention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.dropout = nn.Dropout(0.1)

    model = nn.Sequential(SelfAttention(), nn.Sequential(nn.Dropout(0.1)))
    set_dropout(model, 0.2)
    of_attention = [module.p for module in model.modules() if isinstance(module, nn.Dropout)]
    of_hidden_states = [module.dropped_of_256 for module in model.modules() if isinstance(module, ByteDropout)]
    assert (of_attention, of_hidden_states) == ([0.0], [51])


def test_class_weights_give_every_label_the_same_total_weight() -> None:
    truth = np.array([0] * 90 + [1] * 10)
    weights = class_weights(truth, 2)
    assert [float(weights[label] * (truth == label).sum()) for label in (0, 1)] == pytest.approx([50, 50])


def test_multi_label_class_weights_favour_the_rare_label() -> None:
    truth = np.array([[True, False]] * 30 + [[True, True]] * 10)
    assert class_weights(truth, 2).tolist() == pytest.approx([0.05, 3.0])


@pytest.mark.parametrize("kind", ["single-label", "multi-label"])
def test_symmetric_kl_is_zero_for_equal_predictions_and_else_positive(kind: str) -> None:
    logits = torch.tensor([[2.0, -1.0], [0.0, 0.5]])
    same, other = (float(symmetric_kl(logits, second, kind)) for second in (logits, logits.flip(1)))  # type: ignore[arg-type]
    assert same == pytest.approx(0.0, abs=1e-6)
    assert other > 0.1


def test_multi_label_loss_is_binary_cross_entropy() -> None:
    logits, truth = torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 0.0]])
    assert float(loss_of("multi-label")(logits, truth)) == pytest.approx(0.6931, abs=1e-4)


def test_an_epoch_has_every_row_once_and_groups_similar_lengths() -> None:
    lengths = list(np.random.default_rng(0).integers(3, 60, size=400))
    sampler = LengthGroupedSampler(lengths, batch_rows=8, seed=0)
    order = list(sampler)
    assert sorted(order) == list(range(400))
    spread = np.mean([np.ptp([lengths[row] for row in order[start : start + 8]]) for start in range(0, 400, 8)])
    assert spread < 5


def test_order_depends_on_the_epoch_and_is_reproducible() -> None:
    sampler, again = (LengthGroupedSampler([5] * 50, batch_rows=4, seed=1) for _ in range(2))
    first = list(sampler)
    sampler.set_epoch(1)
    again.set_epoch(1)
    assert list(sampler) == list(again) != first


def test_weight_average_follows_the_weights_and_is_applied_temporarily() -> None:
    module = nn.Linear(1, 1, bias=False)
    average = WeightAverage(module)
    for value in (1.0, 1.0, 1.0, 5.0):
        nn.init.constant_(module.weight, value)
        average.update()
    with average.applied():
        inside = module.weight.item()
    assert 1.0 < inside < 5.0
    assert module.weight.item() == 5.0


def diverges(losses: list[float]) -> bool:
    training_loss = TrainingLoss()
    for loss in losses:
        training_loss.add(loss)
        if training_loss.is_diverging():
            return True
    return False


def test_a_loss_above_three_times_its_lowest_diverges_and_one_bad_batch_does_not() -> None:
    assert diverges([1.0] * 20 + [4.0] * 60)
    assert diverges([1.0, float("nan")])
    assert not diverges([1.0] * 20 + [8.0] + [1.0] * 20)
    assert not diverges([0.01] * 20 + [0.8] * 60)


def test_epoch_loss_is_the_mean_of_its_batches() -> None:
    training_loss = TrainingLoss()
    means = []
    for losses in ([1.0, 2.0], [4.0], []):
        for loss in losses:
            training_loss.add(loss)
        means.append(training_loss.end_epoch())
    assert means == [1.5, 4.0, None]
