"""Tests for other kinds of texts: the distribution of the embeddings."""

from __future__ import annotations

import numpy as np

from core.arrays import Floats
from core.two_sample.distances import distance_to_nearest, unlike_reference
from core.two_sample.statistics import Statistic, maximum_mean_discrepancy
from monitoring.signals.signal import Sides
from monitoring.wording import share

NOTICED = 0.02
"""Share of unlike rows from which on it says something: without a change it is 1 %."""


class Embeddings:
    feature = "embeddings"
    statistic = "maximum mean discrepancy"
    column = "distance to the nearest reference row"  # embeddings have too many dimensions to be plotted
    is_categorical = False

    def prepare(self, sides: Sides) -> Statistic:
        return maximum_mean_discrepancy(np.concatenate([sides.reference.embeddings, sides.window.embeddings]))

    def describe(self, sides: Sides) -> str:
        window, reference = sides.window.embeddings, sides.reference
        unlike = float(unlike_reference(window, reference.embeddings, apart=reference.apart).mean())
        if unlike < NOTICED:
            return "the texts mean other things in the whole, though next to none is unlike all of the reference"
        return f"{share(unlike)} of the rows are unlike all rows of the reference (1 % expected)"

    def values(self, sides: Sides) -> tuple[Floats, Floats]:
        return sides.reference.apart, distance_to_nearest(sides.window.embeddings, sides.reference.embeddings)
