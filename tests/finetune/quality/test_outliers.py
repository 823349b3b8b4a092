from __future__ import annotations

import numpy as np

from core.datasets import Example
from finetune.quality.limits import DEFAULT_LIMITS
from finetune.quality.outliers import neighbour_distances, outliers
from finetune.quality.sheet import Sheet


def test_row_far_from_all_others_is_an_outlier() -> None:
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(400, 8)).astype(np.float32)
    embeddings[17] = 9.0
    sheet = Sheet([Example(f"text {row}", "x") for row in range(400)])
    (finding,) = outliers(sheet, embeddings, DEFAULT_LIMITS, seed=0)
    assert finding.rows[0] == 18
    assert finding.count <= 8


def test_rows_of_one_cluster_have_no_outliers() -> None:
    points = np.random.default_rng(0).normal(size=(400, 32))
    embeddings = (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)
    assert (
        outliers(Sheet([Example(f"text {row}", "x") for row in range(400)]), embeddings, DEFAULT_LIMITS, seed=0) == []
    )


def test_copies_of_an_outlier_do_not_hide_it() -> None:
    embeddings = np.random.default_rng(0).normal(size=(200, 8)).astype(np.float32)
    embeddings[190:] = 9.0
    examples = [Example(f"text {min(row, 190)}", "x") for row in range(200)]
    (finding,) = outliers(Sheet(examples), embeddings, DEFAULT_LIMITS, seed=0)
    assert 191 in finding.rows


def test_few_rows_have_no_finding() -> None:
    embeddings = np.eye(10, dtype=np.float32)
    assert outliers(Sheet([Example(f"text {row}", "x") for row in range(10)]), embeddings, DEFAULT_LIMITS, seed=0) == []


def test_a_row_is_not_its_own_neighbour() -> None:
    embeddings = np.random.default_rng(0).normal(size=(1200, 4)).astype(np.float32)
    distances = neighbour_distances(embeddings, limit=600, seed=0)
    assert (distances > 0).all()
