"""The guard's test of accuracy on made-up answers: how often it rolls an equal champion back, and how soon a bad one.

    python benchmarks/loop/guard.py

A guard sees up to 160 texts that all get a label, and looks after every second one. Champion and version before are
right independently of each other, so they differ on more texts than real versions do. Prints the table of README.md.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import starmap
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[2]))

from core.config import GuardConfig
from core.share import percent
from lifecycle.release.observed import Answered, Observed
from lifecycle.release.signals import accuracy
from tests.lifecycle.release.seen import PROMISE, answered

TEXTS, FIRST_LOOK, STEP = 160, 4, 2
CASES = [(0.8, 0.8, 200), (0.05, 0.85, 60), (0.5, 0.85, 60), (0.7, 0.85, 60)]
"""Accuracy of the champion, of the version before, and how many guards are simulated."""
SETTINGS = GuardConfig()
HEAD = """| champion | version before | rolled back | labels in the median |
|---|---|---|---|"""


def main() -> None:
    print("\n".join([HEAD, *starmap(row, CASES)]))  # noqa: T201


def row(right: float, right_before: float, guards: int) -> str:
    found = [breach(answered(TEXTS, right=right, right_before=right_before, seed=seed)) for seed in range(guards)]
    labels = [count for count in found if count is not None]
    middle = f"{median(labels):g}" if labels else "-"
    return f"| {percent(right, 0)} | {percent(right_before, 0)} | {len(labels)} of {guards} | {middle} |"


def breach(texts: Sequence[Answered]) -> int | None:
    """Labels at the first look that breaches the promise."""
    for count in range(FIRST_LOOK, len(texts) + 1, STEP):
        if accuracy(Observed(texts=list(texts[:count]), complete_to=count), PROMISE, SETTINGS).breached:
            return count
    return None


if __name__ == "__main__":
    main()
