"""In how many windows of 300 rows the drift of each recipe is found, by the rows of the reference.

    python benchmarks/drift/small_references.py [--data DIR] [--cache DIR] [--seed 7]

Real checks of a window of a day, before a version has had an alarm and after one has ended, when what the reference may
explain is taken off. Prints the table of docs/decisions/0019.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
from champions import Window, arguments, champion, encoder, recipes, windows

from core.arrays import Doubles
from core.config import DriftConfig
from core.features import Features
from monitoring.budget import level_of_window, shared_part
from monitoring.check import p_value_of
from monitoring.sample import rows_at

REFERENCES = (200, 400, 800, 2_000)
ROWS, WINDOWS, RESAMPLES = 300, 8, 1_000


def p_values(window: Window, reference_rows: int, *, seed: int) -> Doubles:
    """(WINDOWS,) each of a reference and a window of its own."""
    chance = np.random.default_rng(seed)
    reference, rows = _without_truth(window.reference), _without_truth(window.rows)
    labels = [str(label) for label in range(int(max(window.reference.truth.max(), reference.predicted.max())) + 1)]
    found = []
    for _ in range(WINDOWS):
        before, recent = (
            rows_at(side, chance.permutation(side.rows)[:count])
            for side, count in ((reference, reference_rows), (rows, ROWS))
        )
        found.append(p_value_of(before, recent, labels=labels, resamples=RESAMPLES))
    return np.array(found)


def _without_truth(side: Features) -> Features:
    return replace(side, truth=np.full(side.rows, -1))


def alarms(p: Doubles, reference_rows: int) -> list[int]:
    levels = (
        level_of_window(DriftConfig(), elapsed_s=None, shared=shared)
        for shared in (0.0, shared_part(reference_rows, ROWS))
    )
    return [int(np.sum(p <= level)) for level in levels]


def main() -> None:
    given = arguments().parse_args()
    splits, frozen = recipes(given.data), encoder(given.cache)
    for name in sorted(splits.RECIPES):
        window = windows(champion(name, given.seed, splits, frozen))
        for rows in sorted({min(size, window.reference.rows) for size in REFERENCES}):
            found = " | ".join(map(str, alarms(p_values(window, rows, seed=3), rows)))
            sys.stdout.write(f"| {name} | {rows} | {found} |\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
