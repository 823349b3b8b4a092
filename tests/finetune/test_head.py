import numpy as np
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from finetune.head import fit_head


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
