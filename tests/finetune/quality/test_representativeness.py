from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.config import DriftConfig
from core.datasets import Example
from finetune.quality.limits import DEFAULT_LIMITS
from finetune.quality.representativeness import FileSample, representativeness
from finetune.quality.sheet import Sheet
from monitoring.sample import MAX_ROWS

LIMITS = replace(DEFAULT_LIMITS, resamples=200)


def file_sample(rows: int, *, shift: float = 0.0, label: str | None = "x", seed: int = 0) -> FileSample:
    rng = np.random.default_rng(seed)
    embeddings = (rng.normal(size=(rows, 6)) + shift).astype(np.float32)
    return FileSample(list(range(rows)), embeddings, rng.integers(5, 30, rows), [label] * rows)


def sheet(rows: int) -> Sheet:
    return Sheet([Example(f"text {row}", "x") for row in range(rows)])


def test_rows_of_another_distribution_are_found() -> None:
    this = file_sample(300, seed=1)
    this.embeddings[:90] += 6
    (finding,) = representativeness(sheet(300), this, file_sample(300), LIMITS, seed=0)
    assert finding.severity == "warning"
    assert "meaning" in finding.sentence
    assert set(finding.rows[:80]) <= set(range(1, 91))


def test_rows_of_the_same_distribution_have_no_finding() -> None:
    assert representativeness(sheet(300), file_sample(300, seed=1), file_sample(300), LIMITS, seed=0) == []


def test_rate_of_false_alarms_is_at_most_alpha() -> None:
    limits = replace(LIMITS, alpha=0.1, resamples=100)
    alarms = sum(
        bool(
            representativeness(
                sheet(60), file_sample(60, seed=seed), file_sample(60, seed=1000 + seed), limits, seed=seed
            )
        )
        for seed in range(60)
    )
    assert alarms <= 13  # 6 are expected; the probability of more than 13 is 0.003


def test_changed_label_shares_are_found() -> None:
    this, other = file_sample(200, seed=1), file_sample(200)
    this, other = replace(this, labels=["a", "b"] * 100), replace(other, labels=["a", "a", "a", "b"] * 50)
    (finding,) = representativeness(sheet(200), this, other, LIMITS, seed=0)
    assert "labels" in finding.sentence


def test_file_without_labels_is_compared_by_its_texts() -> None:
    assert (
        representativeness(sheet(200), file_sample(200, seed=6), file_sample(200, label=None, seed=7), LIMITS, seed=0)
        == []
    )


def test_too_few_rows_give_an_info() -> None:
    (finding,) = representativeness(sheet(300), file_sample(300), file_sample(20), LIMITS, seed=0)
    assert (finding.severity, finding.count) == ("info", 0)
    assert "50 of each" in finding.sentence


def test_default_limits_are_those_of_drift_checks() -> None:
    drift = DriftConfig()
    assert (DEFAULT_LIMITS.alpha, DEFAULT_LIMITS.min_rows, DEFAULT_LIMITS.resamples) == (
        drift.alpha or 0.01,
        drift.min_rows,
        drift.resamples,
    )
    assert DEFAULT_LIMITS.max_rows == MAX_ROWS
