"""Plants changes in windows of three data sets and counts how often each is found and named.

    python benchmarks/drift/kinds.py [--data ../shared/data] [--draws 20]

A line a draw is written to kinds.jsonl; kinds_table.py prints the table.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
from kind_case import Case, Pool, case_of

from core.arrays import Indices
from core.config import DriftConfig
from core.features import Features
from core.texts.summary import summary_of
from monitoring.change.find import compared_of, find_changes
from monitoring.check import check
from monitoring.sample import rows_at

REFERENCE_ROWS, WINDOW_ROWS, DRAWS = 1_500, 1_000, 20
SETTINGS = DriftConfig(resamples=200)
SMALL = WINDOW_ROWS // 20
SETS = ("banking77", "clinc150", "crisislex")
NAMES = {
    "nothing": "",
    "typos": "wording",
    "foreign": "form",
    "shares": "shares",
    "doubled": "form",
    "topic": "new topics",
    "repeated": "repetition",
    "html": "form",
}


@dataclass(frozen=True)
class Window:
    """`planted` (n,): whether a row is of the plant; `texts` (n,)."""

    features: Features
    texts: list[str]
    planted: np.ndarray


def drawn(case: Case, plant: str, seed: int) -> tuple[Pool, Window]:
    """A reference and a window of other rows, with the plant in it."""
    random = np.random.default_rng([seed, len(plant)])
    base = case.pools["base"]
    order = random.permutation(len(base.texts))
    reference, rest = order[:REFERENCE_ROWS], order[REFERENCE_ROWS:]
    if plant == "shares":
        reference, rows = _shifted(base, order, random)
        return _cut(base, reference), _window(base, rows, planted=False)
    rows = rest[:WINDOW_ROWS]
    if plant in ("foreign", "topic"):
        name = plant if plant == "foreign" else case.topics[seed % len(case.topics)]
        added = random.permutation(len(case.pools[name].texts))[:SMALL]
        window = _joined(_window(base, rows[SMALL:], planted=False), _window(case.pools[name], added, planted=True))
    elif plant == "repeated":
        window = _window(base, rows[:701], planted=False)
        copies = np.ones(701, dtype=np.int64)
        copies[0] = 300
        window = replace(window, features=replace(window.features, copies=copies))
    else:
        window = _window(base if plant == "nothing" else case.pools[plant], rows, planted=plant != "nothing")
    return _cut(base, reference), window


def _shifted(base: Pool, order: Indices, random: np.random.Generator) -> tuple[Indices, Indices]:
    """Half of the labels have 50 % of the reference's rows and 70 % of the window's."""
    labels = np.unique(base.features.truth)
    chosen = random.permutation(labels)[: max(len(labels) // 2, 1)]
    inside = np.isin(base.features.truth[order], chosen)
    ones, others = order[inside], order[~inside]
    half, seventy = REFERENCE_ROWS // 2, round(0.7 * WINDOW_ROWS)
    reference = np.concatenate([ones[:half], others[:half]])
    window = np.concatenate([ones[half : half + seventy], others[half : half + WINDOW_ROWS - seventy]])
    return reference, window


def _cut(pool: Pool, rows: Indices) -> Pool:
    return Pool([pool.texts[row] for row in rows], rows_at(pool.features, rows))


def _window(pool: Pool, rows: Indices, *, planted: bool) -> Window:
    cut = _cut(pool, rows)
    features = replace(cut.features, copies=np.ones(len(rows), dtype=np.int64))
    return Window(features, cut.texts, np.full(len(rows), planted))


def _joined(one: Window, other: Window) -> Window:
    values = {
        name: np.concatenate([value, getattr(other.features, name)]) for name, value in vars(one.features).items()
    }
    return Window(Features(**values), one.texts + other.texts, np.concatenate([one.planted, other.planted]))


def measured(case: Case, plant: str, seed: int) -> dict[str, object]:
    reference, window = drawn(case, plant, seed)
    summary = summary_of(reference.texts, reference.features.predicted, len(case.labels))
    before = replace(reference.features, copies=np.ones(REFERENCE_ROWS, dtype=np.int64))
    verdict = check(before, window.features, labels=case.labels, settings=SETTINGS, seed=seed)
    start = time.process_time()
    compared = compared_of(
        before,
        window.features,
        labels=case.labels,
        ids=[str(row) for row in range(window.features.rows)],
        texts=window.texts,
        summary=summary,
        max_length=case.max_length,
    )
    found = find_changes(compared, drifted=True)
    seconds = time.process_time() - start
    groups = [one.rows for one in found if one.change.kind == "new topics"]
    return {
        "plant": plant,
        "seed": seed,
        "verdict": verdict.outcome,
        "p": verdict.p_value,
        "kinds": {one.change.kind: [round(one.change.weight, 4), one.change.p_value] for one in found},
        "group": [int(rows.sum()) for rows in groups],
        "group_planted": [int(window.planted[rows].sum()) for rows in groups],
        "seconds": round(seconds, 3),
    }


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--work", type=Path, default=Path(".retune/bench-kinds"))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "kinds.jsonl")
    parser.add_argument("--sets", nargs="*", default=SETS)
    parser.add_argument("--plants", nargs="*", default=list(NAMES))
    parser.add_argument("--draws", type=int, default=DRAWS)
    chosen = parser.parse_args(arguments)
    cases = {name: case_of(name, data=chosen.data, work=chosen.work) for name in chosen.sets}
    with chosen.out.open("w", encoding="utf-8") as file:
        for seed, (name, case), plant in product(range(chosen.draws), cases.items(), chosen.plants):
            file.write(json.dumps({"set": name, **measured(case, plant, seed)}) + "\n")
            file.flush()


if __name__ == "__main__":
    main()
