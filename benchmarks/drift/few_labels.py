"""How near the accuracy from 50 labels of a window of 600 rows is to that of all fresh rows, on every recipe.

    python benchmarks/drift/few_labels.py [--data DIR] [--cache DIR] [--seed 7] [--draws 200]

Each cell: mean error in points, share of 90 % intervals that hold the truth, mean width in points. Prints the table of
benchmarks/drift/README.md.
"""

from __future__ import annotations

import sys

import numpy as np
from champions import arguments, champion, encoder, recipes, windows

from core.arrays import Booleans, Floats
from core.powered import powered_accuracy
from core.share import Share, wilson_interval

WINDOW, LABELS, Z = 600, 50, 1.645


def draws(right: Booleans, confidence: Floats, count: int, *, seed: int) -> list[tuple[Share, Share]]:
    """For each draw of a window and of its labelled rows: the labels alone, and with the confidence of all rows."""
    chance = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        rows = chance.permutation(len(right))[:WINDOW]
        labelled, others = rows[:LABELS], rows[LABELS:]
        good = right[labelled]
        alone = Share(float(good.mean()), *wilson_interval(int(good.sum()), LABELS, z=Z), LABELS)
        found.append((alone, powered_accuracy(good, confidence[labelled], confidence[others], z=Z)))
    return found


def figures(shares: list[Share], truth: float) -> tuple[float, float, float]:
    error = np.mean([abs(share.value - truth) for share in shares])
    held = np.mean([share.low <= truth <= share.high for share in shares])
    width = np.mean([share.high - share.low for share in shares])
    return float(100 * error), float(100 * held), float(100 * width)


def main() -> None:
    parser = arguments()
    parser.add_argument("--draws", type=int, default=200)
    given = parser.parse_args()
    splits, frozen = recipes(given.data), encoder(given.cache)
    found = {}
    for name in sorted(splits.RECIPES):
        window = windows(champion(name, given.seed, splits, frozen))
        pairs = draws(window.right, window.rows.confidence, given.draws, seed=given.seed)
        truth = float(np.mean(window.right))
        found[name] = [figures([pair[side] for pair in pairs], truth) for side in (0, 1)]
    found["mean"] = [tuple(np.mean([cells[side] for cells in found.values()], axis=0)) for side in (0, 1)]
    for name, cells in found.items():
        columns = " | ".join(f"{error:.1f}, {held:.0f} %, {width:.1f}" for error, held, width in cells)
        sys.stdout.write(f"| {name} | {columns} |\n")


if __name__ == "__main__":
    main()
