from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.arrays import Indices, Numbers
from core.datasets import Example
from core.labels import cell_of
from finetune.quality.cross_validation import held_out_logits
from finetune.quality.findings import Finding
from finetune.quality.label_noise import label_noise
from finetune.quality.limits import DEFAULT_LIMITS
from finetune.quality.noise_model import fit_noise_model
from finetune.quality.sheet import Sheet


def blobs(rows: int, label_count: int, *, width: float = 0.5, seed: int = 0) -> tuple[Numbers, Indices]:
    """Unit vectors around one direction per label, and the label indices."""
    rng = np.random.default_rng(seed)
    truth = np.arange(rows) % label_count
    points = np.eye(label_count, 16)[truth] + rng.normal(scale=width / 4, size=(rows, 16))
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32), truth


def flipped(truth: Indices, share: float, *, label_count: int, seed: int) -> Indices:
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(truth), round(share * len(truth)), replace=False)
    noisy = truth.copy()
    noisy[chosen] = (truth[chosen] + rng.integers(1, label_count, len(chosen))) % label_count
    return noisy


def sheet_of(given: Indices) -> Sheet:
    return Sheet([Example(f"text {row}", f"label {label}") for row, label in enumerate(given)])


def suspects(findings: list[Finding]) -> set[int]:
    return {row - 1 for finding in findings if finding.check == "label_noise" for row in finding.rows}


@pytest.mark.parametrize("label_count", [2, 8])
@pytest.mark.parametrize("share", [0.02, 0.05, 0.1])
def test_most_flipped_labels_and_few_others_are_suspected(label_count: int, share: float) -> None:
    embeddings, truth = blobs(1200, label_count, width=1.0)
    given = flipped(truth, share, label_count=label_count, seed=3)
    listed = suspects(label_noise(sheet_of(given), embeddings, DEFAULT_LIMITS, seed=0))
    wrong = set(np.flatnonzero(given != truth).tolist())
    assert len(listed & wrong) >= 0.7 * len(wrong)
    assert len(listed - wrong) <= 0.3 * len(listed)


@pytest.mark.parametrize("width", [0.5, 2.0])
def test_difficult_rows_with_right_labels_are_not_suspected(width: float) -> None:
    embeddings, truth = blobs(1200, 6, width=width)
    assert len(suspects(label_noise(sheet_of(truth), embeddings, DEFAULT_LIMITS, seed=0))) <= 6


def test_most_probable_error_comes_first_with_its_predicted_label() -> None:
    embeddings, truth = blobs(600, 4)
    given = flipped(truth, 0.05, label_count=4, seed=0)
    findings = label_noise(sheet_of(given), embeddings, DEFAULT_LIMITS, seed=0)
    (finding,) = [item for item in findings if item.check == "label_noise"]
    first = finding.rows[0] - 1
    assert f"looks like 'label {truth[first]}'" in finding.examples[0].detail


def test_labels_with_overlapping_rows_are_confusable() -> None:
    embeddings, truth = blobs(800, 4)
    # A quarter of label 0 has the embeddings of label 1: not symmetric noise, but a bad boundary.
    shared = np.arange(200) % 4 == 0
    embeddings[np.flatnonzero(truth == 0)[shared]] = embeddings[np.flatnonzero(truth == 1)[shared]]
    findings = label_noise(sheet_of(truth), embeddings, DEFAULT_LIMITS, seed=0)
    confusable = [item for item in findings if item.check == "confusable_labels"]
    assert confusable
    assert "'label 0' look like 'label 1'" in confusable[0].sentence


def test_separable_labels_have_no_findings() -> None:
    embeddings, truth = blobs(800, 4)
    assert label_noise(sheet_of(truth), embeddings, DEFAULT_LIMITS, seed=0) == []


def test_label_with_fewer_rows_than_folds_is_skipped() -> None:
    embeddings, truth = blobs(300, 3)
    examples = list(sheet_of(truth).examples)
    examples[0] = Example("text 0", "rare")
    assert suspects(label_noise(Sheet(examples), embeddings, DEFAULT_LIMITS, seed=0)) == set()


def test_missing_label_of_a_multi_label_row_is_suspected() -> None:
    embeddings, truth = blobs(900, 3)
    cells = [{f"label {label}", "label 3"} if row % 2 else {f"label {label}"} for row, label in enumerate(truth)]
    # The rows with label 3 are separated in an additional dimension.
    embeddings = np.column_stack([embeddings, np.arange(900) % 2]).astype(np.float32)
    wrong = {10, 47, 122, 311, 500, 777, 888}
    given = [cell_of(cell ^ {"label 3"} if row in wrong else cell) for row, cell in enumerate(cells)]
    sheet = Sheet([Example(f"text {row}", cell) for row, cell in enumerate(given)], is_multi_label=True)
    listed = suspects(label_noise(sheet, embeddings, DEFAULT_LIMITS, seed=0))
    assert wrong <= listed
    assert len(listed) <= 10


def test_same_seed_gives_the_same_suspects() -> None:
    embeddings, truth = blobs(400, 4, width=1.5)
    given = flipped(truth, 0.1, label_count=4, seed=1)
    first, again = (label_noise(sheet_of(given), embeddings, DEFAULT_LIMITS, seed=5) for _ in range(2))
    assert first == again


def test_copies_of_a_text_are_in_the_same_fold() -> None:
    rng = np.random.default_rng(0)
    # Random labels, each row twice: only a head fitted on the copy can predict them.
    points = rng.normal(size=(150, 300)).astype(np.float32)
    truth = rng.integers(0, 2, size=150)
    embeddings, doubled = np.concatenate([points, points]), np.concatenate([truth, truth])
    groups = [f"text {row}" for row in range(150)] * 2
    logits = held_out_logits(embeddings, doubled, groups, DEFAULT_LIMITS, label_count=2, seed=0)
    assert (logits.argmax(axis=1) == doubled).mean() < 0.65


def test_sample_of_fitted_rows_has_every_label() -> None:
    embeddings, truth = blobs(1000, 4)
    truth[:990] = truth[:990] % 2
    truth[990:] = [2, 3] * 5
    groups = [str(row) for row in range(1000)]
    limits = replace(DEFAULT_LIMITS, max_fitted_rows=40)
    logits = held_out_logits(embeddings, truth, groups, limits, label_count=4, seed=0)
    assert logits.shape == (1000, 4)
    assert np.isfinite(logits).all()


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.2])
def test_rate_of_wrong_labels_is_estimated(rate: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(scale=3, size=(6000, 10)).astype(np.float32)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = (probabilities.cumsum(axis=1) < rng.random((6000, 1))).sum(axis=1)
    model = fit_noise_model((logits / 2).astype(np.float32), flipped(truth, rate, label_count=10, seed=0))
    assert model.rate == pytest.approx(rate, abs=0.01)
    assert model.temperature == pytest.approx(0.5, abs=0.05)
