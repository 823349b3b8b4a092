"""Which rate a curve of losses gives."""

from __future__ import annotations

import math

import pytest

from finetune.training.rate import _choose

DEFAULT = 4e-4


def curve(losses: list[float]) -> list[dict[str, float]]:
    """Losses by rates that double from 1e-6."""
    return [{"rate": 1e-6 * 2**step, "loss": loss} for step, loss in enumerate(losses)]


@pytest.mark.parametrize("least_at", [10, 11, 12])
def test_where_on_the_flat_part_the_loss_is_least_does_not_matter(least_at: int) -> None:
    losses = [2.0] * 5 + [1.8, 1.5, 1.2, 1.05, 1.02, 1.01, 1.01, 1.01, 1.3, 2.0]
    losses[least_at] = 1.0
    assert _choose(curve(losses), DEFAULT).rate == pytest.approx(1e-6 * 2**8 / 3, rel=0.05)


@pytest.mark.parametrize(
    "losses", [[1.0] + [1.1 + step / 100 for step in range(30)], [2 - step / 100 for step in range(30)]]
)
def test_a_loss_that_only_climbs_or_only_falls_gives_the_usual_rate(losses: list[float]) -> None:
    found = _choose(curve(losses), DEFAULT)
    assert found.rate == DEFAULT
    assert "did not fall and climb again" in found.reason


def test_a_loss_that_is_no_number_is_left_out() -> None:
    found = _choose(curve([2.0] * 5 + [1.5, 1.0, 1.2, math.inf]), DEFAULT)
    assert found.rate == pytest.approx(1e-6 * 2**6 / 3, rel=0.05)
    assert math.inf not in [entry["loss"] for entry in found.curve]


def test_a_head_that_moves_fast_does_not_lead_to_a_rate_far_above_the_usual() -> None:
    found = _choose(curve([2.0] * 10 + [1.5, 1.2, 1.0, 0.5, 1.0, 3.0]), DEFAULT)
    assert found.rate == 2 * DEFAULT
    assert "which is the most" in found.reason
