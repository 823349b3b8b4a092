"""Rows of real data sets with a head's answers, which the head was not fitted on: what windows are drawn from.

python benchmarks/drift/pools.py --data ../shared/data --out /tmp/pools
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.arrays import Doubles, Floats, Indices
from core.datasets import Example, read_examples

SETS = {
    "banking77": ["banking77/train.csv", "banking77/test.csv"],
    "clinc150": ["clinc150/train.csv", "clinc150/val.csv", "clinc150/test.csv"],
    "crisislex_t6": [
        f"crisislex_t6/{name}.csv" for name in ("2012_sandy_hurricane", "2013_queensland_floods", "2013_alberta_floods")
    ],
    "sms_spam": ["sms_spam/sms_spam.csv"],
}
MOST = 2500
"""Rows of a pool; as many others fit the head."""


@dataclass(frozen=True)
class Pool:
    """N rows: embeddings (N, d), predicted label (N,), its score (N,), length in words (N,), true label (N,)."""

    emb: Floats
    pred: Indices
    conf: Floats
    length: Indices
    truth: Indices


def read_pool(path: Path) -> Pool:
    with np.load(path) as stored:
        most = min(MOST, len(stored["pred"]))
        return Pool(*(stored[name][:most] for name in ("emb", "pred", "conf", "length", "truth")))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name, files in SETS.items():
        rows = {row.key: row for file in files for row in read_examples(options.data / file)}
        np.savez(options.out / f"{name}.npz", **vars(_pool(list(rows.values()), options.out)))


def _pool(rows: list[Example], cache: Path) -> Pool:
    from sklearn.linear_model import LogisticRegression

    from finetune.encoders.base_models import find_base_model
    from finetune.encoders.frozen import load_frozen

    order = np.random.default_rng(0).permutation(len(rows))[: 2 * MOST]
    rows = [rows[index] for index in order]
    names = sorted({row.label or "" for row in rows})
    truth = np.array([names.index(row.label or "") for row in rows])
    encoder = load_frozen(find_base_model("default"), max_length=128, cache=cache)
    embeddings: Floats = encoder.embeddings([row.input for row in rows])
    fitted = len(rows) // 2
    head = LogisticRegression(C=20, max_iter=100).fit(embeddings[:fitted], truth[:fitted])
    scores: Doubles = head.predict_proba(embeddings[fitted:])
    return Pool(
        embeddings[fitted:],
        np.asarray(head.classes_)[scores.argmax(axis=1)],
        scores.max(axis=1).astype(np.float32),
        np.array([len(row.text.split()) for row in rows[fitted:]]),
        truth[fitted:],
    )


if __name__ == "__main__":
    main()
