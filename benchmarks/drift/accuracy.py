"""How near the estimated accuracy of a window is to the true one, on every recipe and on random mixtures.

    python benchmarks/drift/accuracy.py [--data DIR] [--cache DIR] [--seed 7] [--mixtures 20]

Prints the table of benchmarks/drift/README.md.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from champions import Window, arguments, champion, encoder, mixtures, recipes, windows

from core.share import Share, percent
from monitoring.accuracy.estimate import estimate_accuracy
from monitoring.accuracy.thresholded import thresholded

DRIFTED = ("new_intents", "new_domains", "oos", "to_")
"""Parts of the names of recipes that mixtures are made of."""
NEW = ("new_intents", "new_domains", "oos")


@dataclass(frozen=True)
class Row:
    name: str
    truth: float
    confidence: float
    thresholded: float
    before: Share
    estimate: Share
    note: str | None

    @property
    def cells(self) -> list[str]:
        points = (self.truth, self.confidence, self.thresholded, self.before.value, self.estimate.value)
        interval = f"{percent(self.estimate.low)} to {percent(self.estimate.high)}"
        flag = "cannot be estimated" if self.note and self.note.startswith("accuracy cannot") else ""
        return [self.name, *map(percent, points), interval, flag]


def measured(window: Window) -> Row:
    reference, rows = window.reference, window.rows
    before = thresholded(reference, rows, min_rows=50, seed=0)
    found = estimate_accuracy(reference, rows, left_out=window.left_out, min_rows=50, seed=0)
    assert before is not None, window.name
    assert found is not None, window.name
    cut = np.append(np.sort(reference.confidence), np.inf)[int(np.sum(~reference.right))]
    return Row(
        window.name,
        float(np.mean(window.right)),
        float(np.mean(rows.confidence)),
        float(np.mean(rows.confidence >= cut)),
        before,
        found.share,
        found.note,
    )


def summary(title: str, rows: Sequence[Row]) -> str:
    points = np.array([(row.confidence, row.thresholded, row.before.value, row.estimate.value) for row in rows])
    errors = np.abs(points - np.array([[row.truth] for row in rows])).mean(axis=0)
    before = _interval([(row.truth, row.before) for row in rows])
    now = _interval([(row.truth, row.estimate) for row in rows])
    return (
        f"| {title} ({len(rows)}) | " + " | ".join(f"{100 * error:.1f}" for error in errors) + f" | {before} | {now} |"
    )


def _interval(pairs: Sequence[tuple[float, Share]]) -> str:
    held = np.mean([share.low <= truth <= share.high for truth, share in pairs])
    return f"{held:.0%}, {100 * np.mean([share.high - share.low for _, share in pairs]):.1f}"


def main() -> None:
    parser = arguments()
    parser.add_argument("--mixtures", type=int, default=20)
    given = parser.parse_args()
    splits, frozen = recipes(given.data), encoder(given.cache)
    made = [champion(name, given.seed, splits, frozen) for name in sorted(splits.RECIPES)]
    mixed = mixtures(
        [one for one in made if any(part in one.recipe for part in DRIFTED)], given.mixtures, seed=given.seed
    )
    rows = []
    for window in (*map(windows, made), *mixed):
        rows.append(measured(window))
        sys.stdout.write("| " + " | ".join(rows[-1].cells) + " |\n")
    whole, parts = rows[: len(made)], rows[len(made) :]
    for title, some in (("recipes", whole), ("mixtures", parts), ("all", rows)):
        sys.stdout.write(summary(title, some) + "\n")
        with_new = [row for row in some if any(part in row.name for part in NEW)]
        sys.stdout.write(summary(f"{title} with new labels", with_new) + "\n")


if __name__ == "__main__":
    main()
