"""False alarms where nothing changed: of windows, and of a simulated year of checks over 20 references.

    python benchmarks/drift/false_alarms.py --pools /tmp/pools --out benchmarks/drift/false_alarms.jsonl sms_spam

A year is 20 references of 200 and of 1,500 rows, checked daily with 300 rows and every five minutes with 50. Given the
reference, windows are independent, so a year is drawn from p-values of real windows, each with permutations of its own.
A year of five-minute checks has a hundred thousand windows, so none of a hundred real ones may stand for a thousand of
them: below the 5 % quantile of a reference its p-values are drawn as uniform.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from pools import read_pool
from population import Population

from core.arrays import Booleans, Doubles
from core.config import DriftConfig
from monitoring import budget
from monitoring.accumulation import block_sizes
from monitoring.budget import DAY_S, MONTH_S, level_of_window, shared_part, strength
from monitoring.detector import MOST, SHIFTS, threshold_s

REFERENCES = 20
WINDOWS = {200: {50: 600, 200: 200, 300: 200}, 1500: {50: 150, 200: 100, 300: 100, 800: 30}}
"""By rows of the reference: windows of so many rows for each."""
SCHEDULES = {"daily": (DAY_S, 300), "every 5 minutes": (300.0, 50)}
"""Seconds between checks and rows of each."""
MONTHS = {"daily": 120, "every 5 minutes": 12}
TAIL = 0.05
Laws = dict[tuple[int, int], Doubles]


def laws(population: Population, n: int) -> Laws:
    """P-values by (reference, window rows)."""
    found: Laws = {}
    random = np.random.default_rng([3, n])
    for index in range(REFERENCES):
        reference = random.integers(0, population.rows, n)
        for m, many in WINDOWS[n].items():
            windows = random.integers(0, population.rows, (many, m))
            found[index, m] = np.array([population.p_value(reference, one, resamples=300) for one in windows])
    return found


def windows_table(found: Laws, n: int) -> Iterator[dict[str, Any]]:
    """`alarms`: of windows after an alarm of the version has ended."""
    for m in WINDOWS[n]:
        p = np.array([found[index, m] for index in range(REFERENCES)])
        level = level_of_window(DriftConfig(), elapsed_s=None, shared=shared_part(n, m))
        yield {
            "part": "windows",
            "reference": n,
            "window": m,
            "windows": p.size,
            "p<=0.01": float((p <= 0.01).mean()),
            "worst_reference": float((p <= 0.01).mean(axis=1).max()),
            "alarms": float((p <= level).mean()),
            "stated": budget.level_of_a_day(DriftConfig()),
            "worst_reference_alarms": float((p <= level).mean(axis=1).max()),
        }


def drawn(p: Doubles, count: int, random: np.random.Generator) -> Doubles:
    """(count,) p-values of windows against one reference, of which some are known."""
    tail, body = np.split(np.sort(p), [round(TAIL * len(p))])
    found: Doubles = random.choice(body, count)
    in_tail = random.random(count) < len(tail) / len(p)
    found[in_tail] = body[0] * random.random(int(in_tail.sum()))
    return found


def year(
    found: Laws, n: int, index: int, schedule: str, random: np.random.Generator, *, as_is: bool
) -> dict[str, float]:
    """Alarms a month, of a new version each year; `as_is`: without taking off what the reference explains."""
    interval_s, rows = SCHEDULES[schedule]
    settings = DriftConfig(interval_s=interval_s)
    a_year = int(12 * MONTH_S / interval_s)
    checks = a_year * MONTHS[schedule] // 12
    size = 10**12 if as_is else n
    p = drawn(found[index, rows], checks, random)
    first, later = (
        p <= level_of_window(settings, elapsed_s=interval_s, shared=shared) for shared in (0.0, shared_part(size, rows))
    )
    mean = np.zeros(checks)
    sizes = block_sizes(settings, n)
    for block in sizes:
        every = max(1, -(-block // rows))
        m = max(known for known in WINDOWS[n] if known <= max(rows, block))
        p = drawn(found[index, m], checks // every, random)
        z = np.array([strength(value, reference_rows=size, rows=m) for value in p])
        mean[: len(z) * every] += np.repeat(_evidence(z, every * interval_s, settings), every) / len(sizes)
    together = mean >= threshold_s(settings)
    began = alone = 0
    for one in np.split(np.arange(checks), range(a_year, checks, a_year)):
        ended = _end_of_the_first(first[one] | together[one])
        own = np.append(first[one][:ended], later[one][ended:])
        alarm = own | together[one]
        began += int((alarm & ~np.append(False, alarm[:-1])).sum())
        alone += int(own.sum())
    return {"alarms": began / MONTHS[schedule], "alone": alone / MONTHS[schedule]}


def _end_of_the_first(alarm: Booleans) -> int:
    """Place of the first check without an alarm after one with an alarm, or the number of checks."""
    after = np.flatnonzero(np.logical_or.accumulate(alarm) & ~alarm)
    return int(after[0]) + 1 if len(after) else len(alarm)


def _evidence(z: Doubles, spent_s: float, settings: DriftConfig) -> Doubles:
    """(b,) mean over the detectors, as `monitoring.detector.further` has it."""
    shifts, most = np.array(SHIFTS), MOST * threshold_s(settings)
    spent_s = min(spent_s, DAY_S)
    factors = np.exp(z[:, None] * shifts - shifts**2 / 2)
    state, means = np.zeros(len(shifts)), np.empty(len(z))
    for step, factor in enumerate(factors):
        state = np.minimum((spent_s + state) * factor, most)
        means[step] = state.mean()
    return means


def years(found: Laws, n: int) -> Iterator[dict[str, Any]]:
    for schedule in SCHEDULES:
        for as_is in (True, False):
            random = np.random.default_rng(0)
            of = [year(found, n, index, schedule, random, as_is=as_is) for index in range(REFERENCES)]
            alarms, alone = ([one[key] for one in of] for key in ("alarms", "alone"))
            yield {
                "part": "year",
                "reference": n,
                "schedule": schedule,
                "reference_taken_off": not as_is,
                "alarms_a_month": float(np.mean(alarms)),
                "worst_reference": float(np.max(alarms)),
                "alone": float(np.mean(alone)),
                "references_over_three_times": int(np.sum(np.array(alarms) > 1.5)),
            }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("sets", nargs="+")
    parser.add_argument("--pools", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--references", default="200,1500", help="Rows of the references.")
    options = parser.parse_args()
    for name in options.sets:
        population = Population(read_pool(options.pools / f"{name}.npz"))
        for n in map(int, options.references.split(",")):
            started = time.process_time()
            found = laws(population, n)
            results = [*windows_table(found, n), *years(found, n)]
            results.append({"part": "cost", "reference": n, "cpu_s": round(time.process_time() - started)})
            with options.out.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps({"set": name, **row}) + "\n" for row in results)


if __name__ == "__main__":
    main()
