"""What 8 bits do to answers, measured on the sample of the training texts: which calibration and which layers hurt."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.engine import Encoded, Engine
from core.package import GRAPH
from export.quantization import StaticInt8

CALIBRATIONS = {"all values seen": 1.0, "99.99 % of the values seen": 0.9999, "99.9 % of the values seen": 0.999}
"""How far the bytes reach: min-max calibration, and percentiles, which cut outliers off on both sides."""
LAYER_TEXTS = 64


class Sensitivity:
    """Graphs in 8 bits, tried on sample texts against `full`, which answers in full precision.

    `workspace` is a folder with all that an engine needs but the graph.
    """

    def __init__(self, quantizer: StaticInt8, full: Engine, workspace: Path, sample: Sequence[Encoded]) -> None:
        self._quantizer = quantizer
        self._workspace = workspace
        self._sample = sample
        self._expected = full.answer_encoded(sample).logits

    def best_calibration(self) -> str:
        """The key of `CALIBRATIONS` that moves the logits least."""
        every = np.arange(len(self._sample))
        return min(CALIBRATIONS, key=lambda name: self._error(CALIBRATIONS[name], every))

    def layers_by_sensitivity(self, range_share: float) -> list[str]:
        """The linear layers, the one first without whose quantization the logits move least."""
        picked = np.linspace(0, len(self._sample) - 1, min(LAYER_TEXTS, len(self._sample))).astype(int)
        left = {layer: self._error(range_share, picked, exclude={layer}) for layer in self._quantizer.layers}
        return sorted(left, key=left.__getitem__)

    def _error(self, range_share: float, picked: NDArray[np.int64], *, exclude: Collection[str] = ()) -> float:
        """Mean squared difference of the logits of the texts picked."""
        self._quantizer.write(self._workspace / GRAPH, range_share=range_share, exclude=exclude)
        given = Engine(self._workspace).answer_encoded([self._sample[index] for index in picked]).logits
        return float(np.square(given - self._expected[picked]).mean())
