"""Interpolation between the initial and the best weights (WiSE-FT, Wortsman et al. 2022, arXiv 2109.01903)."""

from __future__ import annotations

import torch
from torch import Tensor

from core.share import percent
from finetune.task import history_entry
from finetune.training.best_state import Z_WORSE, BestState, State

HALF_WAY, OTHER_SHARES = 0.5, (0.75, 0.25)


def interpolate(best_state: BestState) -> None:
    """Keep the midpoint of both weights unless it is significantly worse, another share only if significantly better.

    The midpoint is often more accurate than the initial and the best weights, above all on rows unlike the training
    rows, so it is the default. The validation rows are too few to select the best of several shares.
    """
    end = best_state.kept
    if end.name == "start":
        return
    for share in (HALF_WAY, *OTHER_SHARES):
        weights = {name: _lerp(best_state.start.weights[name], value, share) for name, value in end.weights.items()}
        scored, kept = best_state.evaluate(weights), best_state.kept.scored
        if share == HALF_WAY:
            is_kept = not scored.is_worse_than(kept, errors=Z_WORSE)
        else:
            is_kept = kept.is_worse_than(scored, errors=Z_WORSE)
        if is_kept:
            best_state.kept = State(f"{percent(share, 0)} of the way to {end.name}", scored, weights)
        best_state.history.append(history_entry("interpolation", scored, share=share, kept=is_kept))


def _lerp(start: Tensor, end: Tensor, share: float) -> Tensor:
    return torch.lerp(start, end, share) if start.is_floating_point() else end
