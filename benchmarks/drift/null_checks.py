"""Checks where nothing changed, each one real: the alarms of the product's check and of Evidently's defaults.

    python benchmarks/drift/null_checks.py --pools /tmp/pools --out benchmarks/drift/null_checks.jsonl sms_spam
    python benchmarks/drift/null_checks.py … --windows 150 --seed 1 --alone sms_spam    # more, without Evidently

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
from population import Population

from core.arrays import Indices
from core.config import DriftConfig
from monitoring.budget import level_of_window

REFERENCES = (200, 1_500)
WINDOWS = (100, 300, 1_000)
RESAMPLES = 300
TESTS = ("product", "p <= 0.01", "Evidently, a column", "Evidently, the data set")


def cell(pool: Pool, n: int, m: int, windows: int, *, seed: int = 0, alone: bool = False) -> dict[str, Any]:
    """Alarms of `windows` checks, each with a reference of its own."""
    settings = DriftConfig()
    level = level_of_window(settings, elapsed_s=None)
    population = Population(pool)
    random, alarms = np.random.default_rng([n + m, seed] if seed else n + m), Counter[str]()
    for _ in range(windows):
        order = random.permutation(len(pool.pred))[: n + m]
        reference, window = order[:n], order[n:]
        p_value = population.p_value(reference, window, resamples=RESAMPLES)
        alarms["product"] += p_value <= level
        alarms["p <= 0.01"] += p_value <= 0.01
        if alone:
            continue
        columns, drifted = _by_evidently(pool, reference, window)
        alarms["Evidently, a column"] += columns > 0
        alarms["Evidently, the data set"] += drifted
    told = {test: alarms[test] for test in TESTS[: 2 if alone else None]}
    return {"reference": n, "window": m, "windows": windows, "seed": seed, "stated": level, **told}


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
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--alone", action="store_true", help="Without Evidently.")
    given = parser.parse_args()
    for name in given.sets:
        pool = read_pool(given.pools / f"{name}.npz")
        for n in REFERENCES:
            for m in (size for size in WINDOWS if n + size <= len(pool.pred)):
                begun_s = time.process_time()
                entry = {"set": name, **cell(pool, n, m, given.windows, seed=given.seed, alone=given.alone)}
                entry["seconds"] = round(time.process_time() - begun_s, 1)
                with given.out.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(entry) + "\n")


if __name__ == "__main__":
    main()
