import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from core.arrays import Numbers
from finetune.head import Head, fit_head


def test_head_equals_logistic_regression_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(200, 8)).astype(np.float32)
    truth = (embeddings[:, :3] + rng.normal(size=(200, 3))).argmax(axis=1)
    theirs = LogisticRegression(C=3.0, tol=1e-8, max_iter=1000).fit(embeddings, truth).predict_log_proba(embeddings)
    logits = fit_head(embeddings, truth, label_count=3, c=3.0).logits(embeddings)
    ours = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(ours, theirs, atol=2e-2)


def test_the_bytes_of_a_head_do_not_depend_on_the_threads_of_blas() -> None:
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(600, 384)).astype(np.float32)
    truth = rng.integers(77, size=600)
    found = set()
    for threads in (1, 2, 5):
        with threadpool_limits(threads, user_api="blas"):
            found.add(fit_head(embeddings, truth, label_count=77, c=10.0).weight.tobytes())
    assert len(found) == 1


def loss_of(head: Head, embeddings: Numbers, truth: Numbers, c: float) -> float:
    """The minimised function in double precision."""
    weight, bias = head.weight.astype(np.float64), head.bias.astype(np.float64)
    logits = embeddings.astype(np.float64) @ weight.T + bias
    if truth.ndim == 2:
        losses = (np.logaddexp(0, logits) - logits * truth).sum(axis=1)
    else:
        losses = np.logaddexp.reduce(logits, axis=1) - logits[np.arange(len(truth)), truth]
    return float(losses.mean() + (weight**2).sum() / (2 * c * len(truth)))


def gradient_of(point: Numbers, embeddings: Numbers, truth: Numbers, c: float) -> Numbers:
    weight = point.reshape(-1, embeddings.shape[1] + 1)
    logits = embeddings @ weight[:, :-1].T + weight[:, -1]
    if truth.ndim == 2:
        residual = 1 / (1 + np.exp(-logits)) - truth
    else:
        residual = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
        residual[np.arange(len(truth)), truth] -= 1
    slope = residual.T @ embeddings / len(truth) + weight[:, :-1] / (c * len(truth))
    return np.column_stack([slope, residual.mean(axis=0)]).ravel()


@pytest.mark.parametrize("c", [3.0, 30.0, 300.0])
@pytest.mark.parametrize("is_multi_label", [False, True])
def test_the_loss_of_a_head_is_the_minimum_that_scipy_finds(c: float, is_multi_label: bool) -> None:
    rng = np.random.default_rng(1)
    truth = rng.integers(9, size=400)
    embeddings = (rng.normal(size=(9, 24))[truth] + 2 * rng.normal(size=(400, 24))).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    given = np.eye(9, dtype=np.bool_)[truth] if is_multi_label else truth

    def theirs(point: Numbers) -> tuple[float, Numbers]:
        weight = point.reshape(9, -1)
        return loss_of(Head(weight[:, :-1], weight[:, -1]), embeddings, given, c), gradient_of(
            point, embeddings.astype(np.float64), given, c
        )

    options = {"gtol": 1e-9, "ftol": 1e-16, "maxiter": 5000, "maxfun": 10_000}
    least = minimize(theirs, np.zeros(9 * 25), jac=True, method="L-BFGS-B", options=options).fun
    found = loss_of(fit_head(embeddings, given, label_count=9, c=c), embeddings, given, c)
    assert found == pytest.approx(least, abs=1e-6)


def test_a_row_that_counts_three_times_is_like_three_rows() -> None:
    rng = np.random.default_rng(2)
    embeddings, truth = rng.normal(size=(60, 8)).astype(np.float32), rng.integers(3, size=60)
    counts = rng.integers(1, 4, size=60)
    by_counts = fit_head(embeddings, truth, label_count=3, c=3.0, counts=counts)
    repeated = fit_head(np.repeat(embeddings, counts, axis=0), np.repeat(truth, counts), label_count=3, c=3.0)
    np.testing.assert_allclose(by_counts.logits(embeddings), repeated.logits(embeddings), atol=1e-3)
    once = fit_head(embeddings, truth, label_count=3, c=3.0)
    assert np.abs(by_counts.logits(embeddings) - once.logits(embeddings)).max() > 0.1
