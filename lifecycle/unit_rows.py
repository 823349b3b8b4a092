"""Rows of length 1: their products are cosines."""

from __future__ import annotations

import numpy as np

from core.arrays import Numbers


def unit_rows(points: Numbers) -> Numbers:
    """(n, d) points divided by their lengths; a row of zeros stays."""
    rows: Numbers = points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)
    return rows
