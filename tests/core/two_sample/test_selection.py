"""Values of a rank are those of a sorted array, whatever the sample says."""

from __future__ import annotations

import numpy as np
import pytest

from core.arrays import Floats
from core.two_sample import selection
from core.two_sample.selection import at_ranks, median


def arrays() -> list[Floats]:
    random = np.random.default_rng(0)
    normal = random.normal(size=(600, 500)).astype(np.float32)
    return [normal, np.round(normal, 1), np.zeros((3, 3), dtype=np.float32), normal[:1, :1], normal[:1, :2]]


@pytest.mark.parametrize("values", arrays())
def test_values_of_ranks_are_those_of_the_sorted_array(values: Floats) -> None:
    last = values.size - 1
    for ranks in ([0], [last], [last // 2], [last // 3, last // 3 + 1][: values.size]):
        assert at_ranks(values, ranks).tolist() == np.sort(values, axis=None)[ranks].tolist()
    assert median(values) == float(np.median(values))


def test_a_sample_unlike_the_array_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each second value is in the sample, and those are the small ones."""
    monkeypatch.setattr(selection, "SAMPLE", 5_001)
    values = (np.tile([0.0, 1.0], 5_000) * np.arange(10_000)).astype(np.float32)
    assert at_ranks(values, [7_500]).tolist() == np.sort(values)[[7_500]].tolist()
