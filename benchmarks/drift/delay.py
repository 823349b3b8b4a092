"""Rows until a drift is found: the check as it was, the check as it is, and detectors of other libraries.

    python benchmarks/drift/delay.py --pool /tmp/pools/clinc150.npz --out benchmarks/drift/delay.jsonl
    python benchmarks/drift/delay.py --pool … --out … --beside ADWIN,KSWIN,MMD    # with river and alibi-detect

300 rows a day, checked six times a day; from the first row on some are of 15 labels that the reference lacks: 5, 10,
20 %, or a share that grows by one point in 100 rows. As it was: p ≤ 0.01 of a window of 50 rows, which without a drift
alarms 1.8 times a month; as it is: 0.5 times. `--beside`: the alarms of another detector are counted on rows that do
not drift, and the check is told the same rate.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from pools import read_pool
from population import Population

from core.arrays import Doubles, Indices
from core.config import DriftConfig
from core.two_sample.distances import distance_to_nearest
from monitoring.accumulation import block_sizes
from monitoring.budget import DAY_S, MONTH_S, level_of_window, strength
from monitoring.detector import MOST, further, threshold_s

STREAMS, REFERENCE, AFTER, ROWS, A_DAY = 5, 1500, 3200, 50, 300
NEW_LABELS = 15
NULL_ROWS = 10_000
"""Rows of each stream without a drift."""
MMD_ROWS = 1_000
"""Rows for one false alarm of the online MMD: its thresholds are quantiles of that rate of bootstraps."""
MOST_A_MONTH = 30.0
"""The check's setting goes no higher."""
Detector = Callable[[Indices], Iterator[int]]
"""The rows of a stream at which it alarms."""
TESTS = ("each window, p <= 0.01", "each window, same false alarms", "as it is")
SHARES: dict[str, Callable[[Indices], Doubles]] = {
    "5 %": lambda rows: np.full(len(rows), 0.05),
    "10 %": lambda rows: np.full(len(rows), 0.1),
    "20 %": lambda rows: np.full(len(rows), 0.2),
    "1 point in 100 rows": lambda rows: np.clip(rows / 100, 0, 100) / 100,
}


def streams(population: Population, kind: str, *, known: bool) -> tuple[list[Indices], list[Indices]]:
    """References (n,) and streams (AFTER,), as indices of rows."""
    random = np.random.default_rng(5)
    labels = population.pool.truth
    references, found = [], []
    for _ in range(STREAMS):
        new = random.choice(np.unique(labels), 1 if known else NEW_LABELS, replace=False)
        is_new = np.isin(labels, new)
        old, fresh = np.flatnonzero(~is_new | known), np.flatnonzero(is_new)
        rows = np.arange(AFTER)
        drawn = random.random(len(rows)) < SHARES[kind](rows)
        references.append(random.choice(old, REFERENCE))
        found.append(np.where(drawn, random.choice(fresh, len(rows)), random.choice(old, len(rows))))
    return references, found


def delays(population: Population, reference: Indices, stream: Indices, *, a_month: float = 0.5) -> dict[str, int]:
    """Rows until the first alarm of each of `TESTS`, with so many false alarms; those without one are missing."""
    settings = DriftConfig(interval_s=DAY_S * ROWS / A_DAY, false_alarms_per_month=a_month)
    level = level_of_window(settings, elapsed_s=settings.interval_s)
    equal = settings.false_alarms_per_month * settings.interval_s / MONTH_S
    sizes, most = block_sizes(settings, REFERENCE), MOST * threshold_s(settings)
    states: list[list[float]] = [[] for _ in sizes]
    first: dict[str, int] = {}
    for end in range(ROWS, len(stream) + 1, ROWS):
        alone = population.p_value(reference, stream[end - ROWS : end], resamples=300)
        for scale, size in enumerate(sizes):
            if end % size == 0:
                block = stream[end - size : end]
                p_value = alone if size == ROWS else population.p_value(reference, block, resamples=300)
                z = strength(p_value, reference_rows=REFERENCE, rows=size)
                spent_s = min(size / ROWS * settings.interval_s, DAY_S)
                states[scale] = further(states[scale], z, spent_s=spent_s, most_s=most)
        mean = sum(sum(state) / len(state) for state in states if state) / len(sizes)
        alarms = (alone <= 0.01, alone <= equal, alone <= level or mean >= threshold_s(settings))
        for test, is_alarm in zip(TESTS, alarms, strict=True):
            if is_alarm:
                first.setdefault(test, end)
        if len(first) == len(TESTS):
            break
    return first


def with_checks(population: Population, *, known: bool) -> Iterator[dict[str, Any]]:
    for kind in SHARES:
        references, found = streams(population, kind, known=known)
        of = [delays(population, *one) for one in zip(references, found, strict=True)]
        for test in TESTS:
            yield {"drift": kind, "test": test, **_told([one.get(test) for one in of])}


def beside(population: Population, name: str, *, known: bool) -> Iterator[dict[str, Any]]:
    """First its false alarms a month, then its delays and those of the check at the same rate, at least the default."""
    references, _ = streams(population, "5 %", known=known)
    detectors = [DETECTORS[name](population, reference) for reference in references]
    alarms, rows = 0, 0
    for reference, detector in zip(references, detectors, strict=True):
        still = np.random.default_rng(6).choice(_undrifted(population, reference), NULL_ROWS)
        alarms, rows = alarms + sum(1 for _ in detector(still)), rows + len(still)
    a_month = alarms / rows * A_DAY * MONTH_S / DAY_S
    yield {"drift": "none", "test": name, "alarms": alarms, "rows": rows, "a_month": round(a_month, 2)}
    rate = min(max(a_month, DriftConfig().false_alarms_per_month), MOST_A_MONTH)
    for kind in SHARES:
        _, found = streams(population, kind, known=known)
        theirs = [next(iter(detector(stream)), None) for detector, stream in zip(detectors, found, strict=True)]
        yield {"drift": kind, "test": name, **_told(theirs)}
        own = [delays(population, *one, a_month=rate).get(TESTS[-1]) for one in zip(references, found, strict=True)]
        yield {"drift": kind, "test": TESTS[-1], "a_month": round(rate, 2), **_told(own)}


def _undrifted(population: Population, reference: Indices) -> Indices:
    """Rows of the labels that the reference has."""
    labels = population.pool.truth
    return np.flatnonzero(np.isin(labels, labels[reference]))


def of_river(make: Callable[[], Any]) -> Callable[[Population, Indices], Detector]:
    """Detectors of one number: here each row's distance to its nearest row of the reference."""

    def with_reference(population: Population, reference: Indices) -> Detector:
        embeddings = population.pool.emb.astype(np.float32)

        def alarms(stream: Indices) -> Iterator[int]:
            detector = make()
            for row, value in enumerate(distance_to_nearest(embeddings[stream], embeddings[reference]).tolist(), 1):
                detector.update(value)
                if detector.drift_detected:
                    yield row

        return alarms

    return with_reference


def adwin() -> Any:
    from river.drift import ADWIN  # type: ignore[import-not-found]  # in an environment of its own

    return ADWIN()


def kswin() -> Any:
    from river.drift import KSWIN

    return KSWIN(seed=0)


def online_mmd(population: Population, reference: Indices) -> Detector:
    """alibi-detect's, with as few bootstraps as its thresholds for one false alarm in `MMD_ROWS` rows may rest on."""
    from alibi_detect.cd import MMDDriftOnline  # type: ignore[import-not-found]  # in an environment of its own

    embeddings = population.pool.emb.astype(np.float32)
    detector = MMDDriftOnline(
        embeddings[reference],
        ert=MMD_ROWS,
        window_size=ROWS,
        backend="pytorch",
        n_bootstraps=10 * MMD_ROWS,
        verbose=False,
    )

    def alarms(stream: Indices) -> Iterator[int]:
        detector.reset_state()
        for row, point in enumerate(embeddings[stream], 1):
            if detector.predict(point)["data"]["is_drift"]:
                yield row
                detector.reset_state()

    return alarms


DETECTORS: dict[str, Callable[[Population, Indices], Detector]] = {
    "ADWIN": of_river(adwin),
    "KSWIN": of_river(kswin),
    "MMD": online_mmd,
}


def _told(delays: list[int | None]) -> dict[str, Any]:
    known = sorted(AFTER + 1 if delay is None else delay for delay in delays)
    return {
        "found": sum(delay is not None for delay in delays),
        "of": len(delays),
        "median_rows": known[len(known) // 2] if known[len(known) // 2] <= AFTER else None,
        "slowest_rows": known[-1] if known[-1] <= AFTER else None,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pool", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--beside", default="", help=f"other detectors, of {', '.join(DETECTORS)}")
    parser.add_argument("--known", action="store_true", help="more rows of one label that the reference has")
    options = parser.parse_args()
    population = Population(read_pool(options.pool))
    others = list(filter(None, options.beside.split(",")))
    found = [beside(population, name, known=options.known) for name in others]
    with options.out.open("w", encoding="utf-8") as file:
        for row in chain.from_iterable(found or [with_checks(population, known=options.known)]):
            print(json.dumps(row), file=file, flush=True)


if __name__ == "__main__":
    main()
