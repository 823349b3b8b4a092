"""What a guard has seen, made up: texts that two versions answer, with chances of being right."""

from __future__ import annotations

import numpy as np

from core.ledger_tables.guards import Promise
from core.share import measured
from lifecycle.release.observed import Answered

PROMISE = Promise(measured(180, 200), measured(20, 200), "promised by the gate", 0.9)


def answered(
    count: int, *, right: float, right_before: float, seed: int = 0, labelled: float = 1.0, only_wrong: bool = False
) -> list[Answered]:
    """Both versions are right independently of each other; a wrong answer of one is none of the other.

    `labelled`: share of the texts with a label; `only_wrong`: only answers that are wrong get one.
    """
    random = np.random.default_rng(seed)
    found = []
    for number in range(count):
        now = "right" if random.random() < right else "wrong"
        before = "right" if random.random() < right_before else "also wrong"
        is_labelled = random.random() < labelled and not (only_wrong and now == "right")
        label = "right" if is_labelled else None
        found.append(Answered(f"text {number}", number + 1, None, now, before, label=label))
    return found
