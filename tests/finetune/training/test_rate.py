"""The rate chosen from a curve of losses."""

from __future__ import annotations

import math

import pytest

from finetune.training.rate import _choose

DEFAULT = 4e-4


def curve(losses: list[float]) -> list[dict[str, float]]:
    """Losses by rates that double from 1e-6."""
    return [{"rate": 1e-6 * 2**step, "loss": loss} for step, loss in enumerate(losses)]


@pytest.mark.parametrize("least_at", [10, 11, 12])
def test_rate_does_not_depend_on_where_the_flat_part_has_its_minimum(least_at: int) -> None:
    losses = [2.0] * 5 + [1.8, 1.5, 1.2, 1.05, 1.02, 1.01, 1.01, 1.01, 1.3, 2.0]
    losses[least_at] = 1.0
    assert _choose(curve(losses), DEFAULT).rate == pytest.approx(1e-6 * 2**8 / 3, rel=0.05)


@pytest.mark.parametrize(
    "losses",
    [[1.0] + [1.1 + step / 100 for step in range(30)], [2 - step / 100 for step in range(30)], [1.0, 1.1], [math.inf]],
)
def test_a_loss_that_only_rises_or_only_falls_gives_the_default_rate(losses: list[float]) -> None:
    found = _choose(curve(losses), DEFAULT)
    assert found.rate == DEFAULT
    assert "did not fall and rise again" in found.reason


def test_an_infinite_loss_is_ignored() -> None:
    found = _choose(curve([2.0] * 5 + [1.5, 1.0, 1.2, math.inf]), DEFAULT)
    assert found.rate == pytest.approx(1e-6 * 2**6 / 3, rel=0.05)
    assert math.inf not in [entry["loss"] for entry in found.curve]


def test_rate_is_at_most_twice_the_default() -> None:
    found = _choose(curve([2.0] * 10 + [1.5, 1.2, 1.0, 0.5, 1.0, 3.0]), DEFAULT)
    assert found.rate == 2 * DEFAULT
    assert "which is the upper limit" in found.reason
