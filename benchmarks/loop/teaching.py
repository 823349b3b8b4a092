"""How much of what all labels of a window would give is recovered by some labels: the product against random rows.

    python benchmarks/loop/teaching.py [--only TEXT] [--seeds 0,1,2] [--data DIR] [--cache DIR]

Champions (`features`) and embeddings are made once and kept in the cache. Cells that teaching.jsonl holds already are
not measured again: remove its lines to repeat them. Without --only the table is printed at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from teaching_asked import answered_in_groups, by_product, in_two_requests
from teaching_before import by_uncertain_seeds

import finetune.head as heads
from core.arrays import Indices, Numbers
from core.datasets import Example, is_held_out, kept_dataset, read_examples
from core.engine import Engine
from core.package import read_reference
from core.processes.blas import one_blas_thread
from core.records import PredictionRecord
from finetune.head import Head, fit_head
from lifecycle.challengers.head_fitting import EmbeddedRows, fit
from lifecycle.challengers.label_names import as_text
from lifecycle.challengers.row_counts import row_counts
from lifecycle.challengers.spreading import Labelled, spread

HERE = Path(__file__).parent
RESULTS = HERE / "teaching.jsonl"
ROOT = HERE.parents[1]
BUDGETS = (40, 80, 100, 120, 200)
WINDOW_ROWS = 800
SHARE_BEFORE = 0.35
"""`labels.measure_share` of the queue by k-means++."""


@dataclass(frozen=True)
class Case:
    recipe: str
    split_seed: int = 7
    tuned_on: bool = True

    @property
    def name(self) -> str:
        return f"{self.recipe}-{self.split_seed}"


CASES = (
    Case("banking77_new_intents"),
    Case("clinc150_new_domains"),
    Case("crisislex_storm_to_bombing"),
    Case("banking77_new_intents", 11, tuned_on=False),
    Case("crisislex_to_next_flood", tuned_on=False),
)


class Split:
    """A champion, its rows, and a window of later rows drawn with `seed`; labels are indices, unknown ones last."""

    def __init__(self, folder: Path, seed: int) -> None:
        engine = Engine(folder / "package", threads=1)
        data, datasets = engine.facts.lineage.data, folder / "home" / "datasets"
        self.rows = {
            "train": kept_dataset(data.train, datasets),
            "validation": kept_dataset(data.validation, datasets),
            "reference": read_examples(folder / "reference.csv"),
            "fresh": read_examples(folder / "fresh.csv"),
        }
        self.vectors = _vectors(engine, self.rows, folder / "emb.npz")
        self.reference = read_reference(folder / "package")
        new = {row.label or "" for row in self.rows["fresh"]} - set(engine.labels)
        self.labels = [*engine.labels, *sorted(new)]
        self.names = engine.answer([as_text(label) for label in self.labels]).embeddings
        index = {label: place for place, label in enumerate(self.labels)}
        self.truth = {part: np.array([index[row.label or ""] for row in rows]) for part, rows in self.rows.items()}
        self.seed, self.known = seed, len(engine.labels)
        place = np.random.default_rng(seed).permutation(len(self.rows["fresh"]))
        self.window, self.later = place[:WINDOW_ROWS], place[WINDOW_ROWS:]

    @cached_property
    def trainable(self) -> Indices:
        return np.array([row for row in self.window if not is_held_out(self.rows["fresh"][row].input)])

    @cached_property
    def predictions(self) -> list[PredictionRecord]:
        chances = self.vectors["fresh_p"]
        return [
            PredictionRecord(
                str(row),
                "m",
                "1",
                "",
                self.rows["fresh"][row].text,
                self.labels[chances[row].argmax()],
                float(chances[row].max()),
                0,
                False,
                self.vectors["fresh"][row],
            )
            for row in self.window
        ]

    @cached_property
    def start(self) -> tuple[Head, float]:
        """The head of the old rows, and the regularisation that the product chooses for them."""
        rows = EmbeddedRows(
            self.vectors["train"],
            self.truth["train"],
            np.ones(len(self.truth["train"]), dtype=np.int64),
            self.vectors["validation"],
            self.truth["validation"],
        )
        found = fit(rows, labels=self.known, kind="single-label", seed=0)
        return found.head, found.strength

    def accuracies(self, head: Head, labels: Indices) -> dict[str, float]:
        """On later rows, and on old ones."""
        parts: dict[str, tuple[Any, str]] = {"later": (self.later, "fresh"), "old": (slice(None), "reference")}
        return {
            name: float(np.mean(labels[head.logits(self.vectors[part][rows]).argmax(axis=1)] == self.truth[part][rows]))
            for name, (rows, part) in parts.items()
        }


def _vectors(engine: Engine, rows: dict[str, list[Example]], path: Path) -> dict[str, Numbers]:
    if not path.is_file():
        answers = {part: engine.answer([row.input for row in found]) for part, found in rows.items()}
        vectors = {part: answer.embeddings for part, answer in answers.items()}
        np.savez(path, **vectors, fresh_p=answers["fresh"].probabilities)  # type: ignore[arg-type]  # numpy's stub
    return dict(np.load(path))


def learned(split: Split, chosen: Indices, *, spreads: bool, singles: bool, names: bool = False) -> dict[str, float]:
    """Accuracies of a head fitted on the old rows and the labels of `chosen`."""
    truth = split.truth["fresh"]
    if not singles:
        rows_of = np.bincount(np.concatenate([split.truth["train"], truth[chosen]]))
        chosen = chosen[rows_of[truth[chosen]] > 1]
    vectors = np.concatenate([split.vectors["train"], split.vectors["fresh"][chosen]])
    labels, places = np.unique(np.concatenate([split.truth["train"], truth[chosen]]), return_inverse=True)
    is_given = np.arange(len(places)) >= len(split.truth["train"])
    counted = row_counts(np.eye(len(labels), dtype=np.bool_)[places], is_given)
    counts = counted.rows
    if spreads:
        others = split.vectors["fresh"][np.setdiff1d(split.trainable, chosen)]
        known = Labelled(split.vectors["validation"], split.truth["validation"])
        found = spread(Labelled(vectors[is_given], places[is_given]), others, known, seed=0)
        vectors, places = np.concatenate([vectors, others[found.rows]]), np.concatenate([places, found.truth])
        counts = np.concatenate([counts, counted.of_spread(found.truth, found.chance)])
    if names:
        new = np.flatnonzero(labels >= split.known)
        vectors, places = np.concatenate([vectors, split.names[labels[new]]]), np.concatenate([places, new])
        counts = np.concatenate([counts, np.ones(len(new))])
    return split.accuracies(_fitted(split, vectors, places, counts, len(labels)), labels)


heads.TOLERANCE = 3e-5
"""Thirty times the product's, for the time it saves."""


@one_blas_thread()
def _fitted(split: Split, vectors: Numbers, truth: Indices, counts: Numbers, count: int) -> Head:
    head, strength = split.start
    more = count - len(head.bias)
    start = Head(np.pad(head.weight, ((0, more), (0, 0))), np.pad(head.bias, (0, more)))
    return fit_head(vectors, truth, label_count=count, c=strength, counts=counts, start=start)


Selection = Callable[[Split, int], Indices]


def _at_random(split: Split, budget: int) -> Indices:
    count = budget - round(budget * SHARE_BEFORE)
    return np.random.default_rng(100 + split.seed).permutation(split.trainable)[:count]


def _before(split: Split, budget: int) -> Indices:
    rows, count = split.trainable, budget - round(budget * SHARE_BEFORE)
    scores = split.vectors["fresh_p"][rows].max(axis=1)
    return rows[by_uncertain_seeds(split.vectors["fresh"][rows], scores, count, np.random.default_rng(split.seed))]


PRODUCT = {"spreads": True, "singles": True, "names": True}
METHODS: dict[str, tuple[Selection, dict[str, bool], tuple[int, ...]]] = {
    "product": (by_product, PRODUCT, BUDGETS),
    "product, no names": (by_product, {**PRODUCT, "names": False}, (40, 120)),
    "product, answered in groups": (answered_in_groups, PRODUCT, (40, 80, 120)),
    "product, in two requests": (in_two_requests, PRODUCT, (120,)),
    "random, as before": (_at_random, {"spreads": False, "singles": False}, BUDGETS),
    "k-means++, as before": (_before, {"spreads": False, "singles": False}, BUDGETS),
    "product, no spreading": (by_product, {**PRODUCT, "spreads": False}, (40, 120)),
    "product, no single rows": (by_product, {**PRODUCT, "singles": False}, (40, 120)),
    "random, spread": (_at_random, {"spreads": True, "singles": True}, (120, 200)),
}


def measured(case: Case, folder: Path, seed: int, known: set[tuple[Any, ...]]) -> Iterator[dict[str, Any]]:
    split = Split(folder, seed)
    head, _ = split.start
    entry = {"case": case.name, "seed": seed}
    yield {**entry, "method": "before", "labels": 0, **split.accuracies(head, np.arange(split.known))}
    every = learned(split, split.trainable, spreads=False, singles=True)
    yield {**entry, "method": "all", "labels": 0, **every}
    for method, (select, how, budgets) in METHODS.items():
        for budget in budgets:
            if (case.name, seed, method, budget) not in known:
                yield {**entry, "method": method, "labels": budget, **learned(split, select(split, budget), **how)}


def prepared(case: Case, cache: Path, data: Path) -> Path:
    """The folder with the champion's package and the rows."""
    folder = cache / case.name
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "train.csv").is_file():
        _run(data / "make_split.py", case.recipe, folder, "--seed", case.split_seed)
    if not (folder / "checkpoint").is_dir():
        _retune(folder, "finetune", "--data", "train.csv", "--method", "features", "--out", "checkpoint")
    if not (folder / "package").is_dir():
        _retune(folder, "export", "checkpoint", "--reference", "reference.csv", "--rung", "fp32", "--out", "package")
    return folder


def _retune(folder: Path, *words: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "RETUNE_HOME": str(folder / "home")}
    subprocess.run([sys.executable, "-m", "cli", *words, "--json"], cwd=folder, env=environment, check=True)


def _run(*words: object) -> None:
    subprocess.run([sys.executable, *map(str, words)], check=True)


def results() -> list[dict[str, Any]]:
    if not RESULTS.is_file():
        return []
    return [json.loads(line) for line in RESULTS.read_text(encoding="utf-8").splitlines()]


def table(entries: list[dict[str, Any]]) -> str:
    """Recovered share in percent, means over the seeds, and in brackets the least change of old accuracy in points."""
    lines = ["| set | method | " + " | ".join(map(str, BUDGETS)) + " |", "|---" * (2 + len(BUDGETS)) + "|"]
    for case in dict.fromkeys(entry["case"] for entry in entries):
        own = [entry for entry in entries if entry["case"] == case]
        bounds = {(entry["seed"], entry["method"]): entry for entry in own if not entry["labels"]}
        for method in METHODS:
            cells = [_cell([e for e in own if (e["method"], e["labels"]) == (method, n)], bounds) for n in BUDGETS]
            lines.append(f"| {case} | {method} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(entries: list[dict[str, Any]], bounds: dict[tuple[int, str], dict[str, Any]]) -> str:
    if not entries:
        return "-"
    shares, drops = [], []
    for entry in entries:
        before, every = bounds[entry["seed"], "before"], bounds[entry["seed"], "all"]
        shares.append((entry["later"] - before["later"]) / (every["later"] - before["later"]))
        drops.append(entry["old"] - before["old"])
    return f"{100 * np.mean(shares):.0f} ({100 * min(drops):+.1f})"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "retune-benchmarks")
    given = parser.parse_args()
    for case in CASES:
        for seed in map(int, given.seeds.split(",")) if given.only in case.name else ():
            known = {(e["case"], e["seed"], e["method"], e["labels"]) for e in results()}
            if {(case.name, seed, method, budget) for method, (_, _, of) in METHODS.items() for budget in of} <= known:
                continue
            for entry in measured(case, prepared(case, given.cache, given.data), seed, known):
                with RESULTS.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(entry) + "\n")
    sys.stdout.write(table(results()) + "\n")


if __name__ == "__main__":
    main()
