from __future__ import annotations

import numpy as np
import pytest

from core.datasets import Example
from core.labels import cell_of
from core.metrics import Floats, Indices
from finetune.quality.cross_validation import held_out_logits
from finetune.quality.findings import Finding
from finetune.quality.label_noise import label_noise
from finetune.quality.limits import DEFAULT_LIMITS
from finetune.quality.noise_model import fit_noise_model
from finetune.quality.sheet import Sheet


def blobs(rows: int, labels: int, *, width: float = 0.5, seed: int = 0) -> tuple[Floats, Indices]:
    """Unit vectors around one direction a label, and the labels."""
    random = np.random.default_rng(seed)
    truth = np.arange(rows) % labels
    points = np.eye(labels, 16)[truth] + random.normal(scale=width / 4, size=(rows, 16))
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32), truth


def flipped(truth: Indices, share: float, *, labels: int, seed: int) -> Indices:
    random = np.random.default_rng(seed)
    chosen = random.choice(len(truth), round(share * len(truth)), replace=False)
    noisy = truth.copy()
    noisy[chosen] = (truth[chosen] + random.integers(1, labels, len(chosen))) % labels
    return noisy


def sheet_of(given: Indices) -> Sheet:
    return Sheet([Example(f"text {row}", f"label {label}") for row, label in enumerate(given)])


def suspects(findings: list[Finding]) -> set[int]:
    return {row - 1 for finding in findings if finding.check == "label_noise" for row in finding.rows}


@pytest.mark.parametrize("labels", [2, 8])
@pytest.mark.parametrize("share", [0.02, 0.05, 0.1])
def test_flipped_labels_are_suspected_and_few_others(labels: int, share: float) -> None:
    embeddings, truth = blobs(1200, labels, width=1.0)
    given = flipped(truth, share, labels=labels, seed=3)
    listed = suspects(label_noise(sheet_of(given), embeddings, DEFAULT_LIMITS, seed=0))
    wrong = set(np.flatnonzero(given != truth).tolist())
    assert len(listed & wrong) >= 0.7 * len(wrong)
    assert len(listed - wrong) <= 0.3 * len(listed)


@pytest.mark.parametrize("width", [0.5, 2.0])
def test_right_labels_are_not_suspected_however_hard_they_are(width: float) -> None:
    embeddings, truth = blobs(1200, 6, width=width)
    assert len(suspects(label_noise(sheet_of(truth), embeddings, DEFAULT_LIMITS, seed=0))) <= 6


def test_most_suspicious_row_comes_first_with_the_label_that_it_looks_like() -> None:
    embeddings, truth = blobs(600, 4)
    given = flipped(truth, 0.05, labels=4, seed=0)
    (finding,) = [
        item for item in label_noise(sheet_of(given), embeddings, DEFAULT_LIMITS, seed=0) if item.check == "label_noise"
    ]
    first = finding.rows[0] - 1
    assert f"looks like 'label {truth[first]}'" in finding.examples[0].detail


def test_labels_that_share_their_rows_are_called_confusable() -> None:
    embeddings, truth = blobs(800, 4)
    # A quarter of label 0 stands where label 1 does: no noise that any label could be, but a bad boundary.
    shared = np.arange(200) % 4 == 0
    embeddings[np.flatnonzero(truth == 0)[shared]] = embeddings[np.flatnonzero(truth == 1)[shared]]
    findings = label_noise(sheet_of(truth), embeddings, DEFAULT_LIMITS, seed=0)
    confusable = [item for item in findings if item.check == "confusable_labels"]
    assert confusable
    assert "'label 0' look like 'label 1'" in confusable[0].sentence


def test_labels_told_apart_are_not_called_confusable() -> None:
    embeddings, truth = blobs(800, 4)
    assert label_noise(sheet_of(truth), embeddings, DEFAULT_LIMITS, seed=0) == []


def test_label_with_too_few_rows_for_the_folds_is_passed_over() -> None:
    embeddings, truth = blobs(300, 3)
    examples = list(sheet_of(truth).examples)
    examples[0] = Example("text 0", "rare")
    assert suspects(label_noise(Sheet(examples), embeddings, DEFAULT_LIMITS, seed=0)) == set()


def test_missing_label_among_several_is_suspected() -> None:
    embeddings, truth = blobs(900, 3)
    cells = [{f"label {label}", "label 3"} if row % 2 else {f"label {label}"} for row, label in enumerate(truth)]
    # What carries the shared label lies apart in a direction of its own.
    embeddings = np.column_stack([embeddings, np.arange(900) % 2]).astype(np.float32)
    wrong = {10, 47, 122, 311, 500, 777, 888}
    given = [cell_of(cell ^ {"label 3"} if row in wrong else cell) for row, cell in enumerate(cells)]
    sheet = Sheet([Example(f"text {row}", cell) for row, cell in enumerate(given)], is_multi_label=True)
    listed = suspects(label_noise(sheet, embeddings, DEFAULT_LIMITS, seed=0))
    assert wrong <= listed
    assert len(listed) <= 10


def test_same_seed_gives_the_same_suspects() -> None:
    embeddings, truth = blobs(400, 4, width=1.5)
    given = flipped(truth, 0.1, labels=4, seed=1)
    assert label_noise(sheet_of(given), embeddings, DEFAULT_LIMITS, seed=5) == label_noise(
        sheet_of(given), embeddings, DEFAULT_LIMITS, seed=5
    )


def test_copies_of_a_text_do_not_vouch_for_each_other() -> None:
    random = np.random.default_rng(0)
    # Noise without any pattern, each row twice: only a head that saw the copy could be right.
    points = random.normal(size=(150, 300)).astype(np.float32)
    truth = random.integers(0, 2, size=150)
    embeddings, doubled = np.concatenate([points, points]), np.concatenate([truth, truth])
    groups = [f"text {row}" for row in range(150)] * 2
    logits = held_out_logits(embeddings, doubled, groups, label_count=2, folds=5, max_fitted_rows=1000, seed=0)
    assert (logits.argmax(axis=1) == doubled).mean() < 0.65


def test_fitted_rows_are_bounded_and_keep_every_label() -> None:
    embeddings, truth = blobs(1000, 4)
    truth[:990] = truth[:990] % 2
    truth[990:] = [2, 3] * 5
    groups = [str(row) for row in range(1000)]
    logits = held_out_logits(embeddings, truth, groups, label_count=4, folds=5, max_fitted_rows=40, seed=0)
    assert logits.shape == (1000, 4)
    assert np.isfinite(logits).all()


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.2])
def test_rate_of_wrong_labels_is_estimated(rate: float) -> None:
    random = np.random.default_rng(0)
    logits = random.normal(scale=3, size=(6000, 10)).astype(np.float32)
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = (chances.cumsum(axis=1) < random.random((6000, 1))).sum(axis=1)
    model = fit_noise_model((logits / 2).astype(np.float32), flipped(truth, rate, labels=10, seed=0))
    assert model.rate == pytest.approx(rate, abs=0.01)
    assert model.temperature == pytest.approx(0.5, abs=0.05)
