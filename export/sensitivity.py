"""The effect of quantization on the logits of sample texts: the best calibration and the sensitive layers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.engine import Encoded, Engine
from core.package import GRAPH
from core.progress import Step, go_on
from export.quantization import StaticInt8

CALIBRATIONS = {"all values seen": 1.0, "99.99 % of the values seen": 0.9999, "99.9 % of the values seen": 0.999}
"""Share of the values within the 8-bit range: min-max calibration, and percentiles, which clip outliers."""
LAYER_TEXTS = 64


class Sensitivity:
    """Compares quantized graphs with full precision, `full`, on sample texts.

    `workspace` is a folder with all files of a rung except the graph.
    """

    def __init__(
        self,
        quantizer: StaticInt8,
        full: Engine,
        workspace: Path,
        sample: Sequence[Encoded],
        *,
        on_batch: Step = go_on,
    ) -> None:
        self._quantizer = quantizer
        self._workspace = workspace
        self._sample = sample
        self._on_batch = on_batch
        self._expected = full.answer_encoded(sample).logits

    def best_calibration(self) -> str:
        """The key of `CALIBRATIONS` that changes the logits least."""
        every = np.arange(len(self._sample))
        return min(CALIBRATIONS, key=lambda name: self._error(CALIBRATIONS[name], every))

    def layers_by_sensitivity(self, range_share: float) -> list[str]:
        """The linear layers, the most sensitive first: the layer whose exclusion reduces the error most."""
        picked = np.linspace(0, len(self._sample) - 1, min(LAYER_TEXTS, len(self._sample))).astype(int)
        errors = {layer: self._error(range_share, picked, exclude={layer}) for layer in self._quantizer.layers}
        return sorted(errors, key=errors.__getitem__)

    def _error(self, range_share: float, picked: NDArray[np.int64], *, exclude: Collection[str] = ()) -> float:
        """Mean squared error of the logits of the picked texts."""
        self._quantizer.write(self._workspace / GRAPH, range_share=range_share, exclude=exclude)
        engine = Engine(self._workspace, on_batch=self._on_batch)
        given = engine.answer_encoded([self._sample[index] for index in picked]).logits
        return float(np.square(given - self._expected[picked]).mean())
