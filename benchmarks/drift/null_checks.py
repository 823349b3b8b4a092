"""Checks where nothing changed, each one real: the alarms of the product's check and of Evidently's defaults.

    python benchmarks/drift/null_checks.py --pools /tmp/pools --out benchmarks/drift/null_checks.jsonl sms_spam

References and windows are different rows of one pool (`pools.py`), so each text comes once. The level is that of the
first check of a version, a check a day. Evidently: `DataDriftPreset()` over the predicted label, its score and the
length of the text; it says that a column drifted, and that the data set did if half of its columns did.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pools import Pool, read_pool

from core.arrays import Indices
from core.config import DriftConfig
from core.features import Features
from monitoring.budget import level_of_window
from monitoring.check import p_value_of

REFERENCES = (200, 1_500)
WINDOWS = (100, 300, 1_000)
RESAMPLES = 300


def cell(pool: Pool, n: int, m: int, windows: int) -> dict[str, Any]:
    """Alarms of `windows` checks, each with a reference of its own."""
    settings = DriftConfig()
    level = level_of_window(settings, elapsed_s=None, reference_rows=n, rows=m)
    labels = [str(label) for label in range(int(max(pool.pred.max(), pool.truth.max())) + 1)]
    random, alarms = np.random.default_rng(n + m), Counter[str]()
    for _ in range(windows):
        order = random.permutation(len(pool.pred))[: n + m]
        reference, window = order[:n], order[n:]
        p_value = p_value_of(_features(pool, reference), _features(pool, window), labels=labels, resamples=RESAMPLES)
        alarms["product"] += p_value <= level
        alarms["p <= 0.01"] += p_value <= 0.01
        columns, drifted = _by_evidently(pool, reference, window)
        alarms["Evidently, a column"] += columns > 0
        alarms["Evidently, the data set"] += drifted
    return {"reference": n, "window": m, "windows": windows, "stated": level, **alarms}


def _features(pool: Pool, rows: Indices) -> Features:
    return Features(
        embeddings=pool.emb[rows].astype(np.float32),
        predicted=pool.pred[rows],
        confidence=pool.conf[rows],
        length=pool.length[rows],
        truth=np.full(len(rows), -1),
    )


def _by_evidently(pool: Pool, reference: Indices, window: Indices) -> tuple[int, bool]:
    """Columns that drifted, and whether half of them did."""
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    kinds = DataDefinition(categorical_columns=["label"], numerical_columns=["score", "words"])

    def dataset(rows: Indices) -> Dataset:
        columns = {"label": pool.pred[rows].astype(str), "score": pool.conf[rows], "words": pool.length[rows]}
        return Dataset.from_pandas(pd.DataFrame(columns), data_definition=kinds)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = Report([DataDriftPreset()]).run(dataset(window), dataset(reference)).dict()
    value = found["metrics"][0]["value"]
    return int(value["count"]), bool(value["share"] >= 0.5)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("sets", nargs="+")
    parser.add_argument("--pools", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--windows", type=int, default=100, help="Of each size of window and reference.")
    given = parser.parse_args()
    for name in given.sets:
        pool = read_pool(given.pools / f"{name}.npz")
        for n in REFERENCES:
            for m in (size for size in WINDOWS if n + size <= len(pool.pred)):
                begun_s = time.process_time()
                entry = {"set": name, **cell(pool, n, m, given.windows)}
                entry["seconds"] = round(time.process_time() - begun_s, 1)
                with given.out.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(entry) + "\n")


if __name__ == "__main__":
    main()
