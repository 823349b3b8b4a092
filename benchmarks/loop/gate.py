"""The gate on real answers: how often it is wrong, and how many labels it needs beside random rows and McNemar's test.

    python benchmarks/loop/gate.py [--data FOLDER]

`FOLDER` has `banking77/train.csv` and `test.csv`. Two heads on frozen sentence features answer the test rows once; a
round draws a window and old rows from these answers, and gives the labels that the gate asks for.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.arrays import Booleans, Floats, Indices
from core.config import FinetuneConfig, GateConfig
from core.paired import Paired
from core.progress import ignore
from core.records import Comparison, Differing, Disagreements, GateVerdict
from finetune.encoders.base_models import find_base_model
from finetune.encoders.frozen import load_frozen
from finetune.head import fit_head
from lifecycle.gate.comparison import compared
from lifecycle.gate.judge import judge
from lifecycle.gate.trial import Trial, tried_again

HELD_OUT, OLD, MEASURED = 400, 400, 20
"""Held-out texts of a window of 1,000, old rows, and held-out rows with a label before the gate first looks."""
MOST_LABELS = 200
C = 10.0
SETTINGS = GateConfig()

Names = NDArray[np.str_]


@dataclass(frozen=True)
class Answers:
    """Champion's and challenger's answers to the test rows, with the truth; (n,) names."""

    champion: Names
    challenger: Names
    truth: Names

    def swapped(self, random: np.random.Generator) -> Answers:
        """Each row's answers change sides with a chance of one half: neither side is better."""
        swap = random.random(len(self.truth)) < 0.5
        pair = (self.champion, self.challenger)
        return Answers(np.where(swap, *pair[::-1]), np.where(swap, *pair), self.truth)

    def compared(self, rows: Indices) -> Comparison:
        given = (self.champion[rows].tolist(), self.challenger[rows].tolist(), self.truth[rows].tolist())
        return compared(*given, forgotten=set(self.champion.tolist()) - set(self.challenger.tolist()))

    @property
    def gain(self) -> float:
        return float(np.mean(self.challenger == self.truth) - np.mean(self.champion == self.truth))


@dataclass(frozen=True)
class Data:
    train: Floats
    train_labels: Names
    test: Floats
    test_labels: Names

    def answers(self, rows: Indices, labels: Names | None = None) -> Names:
        """The answers to the test rows of a head that is fitted on some training rows."""
        given = (self.train_labels if labels is None else labels)[rows]
        names, truth = np.unique(given, return_inverse=True)
        head = fit_head(self.train[rows], truth, label_count=len(names), c=C)
        found: Names = names[head.logits(self.test).argmax(axis=1)]
        return found


@dataclass(frozen=True)
class Round:
    """The gate's last answer, and the labels given in all."""

    answer: str
    labels: int


def play(answers: Answers, random: np.random.Generator) -> Round:
    """One window: the gate looks, asks, and looks again until it decides or 200 labels are given."""
    rows = random.permutation(len(answers.truth))
    held_out, old = rows[:HELD_OUT], rows[HELD_OUT : HELD_OUT + OLD]
    found = _disagreements(answers, held_out, random)
    truth = {str(row): str(answers.truth[row]) for row in held_out}
    differing = [one.prediction_id for one in found.differing]
    labels = {key: truth[key] for key in map(str, held_out[:MEASURED]) if key in differing}
    fresh = answers.compared(held_out[:MEASURED])
    first = verdict = judge(Trial(fresh, answers.compared(old), SETTINGS, found, labels))
    given = MEASURED
    while (wanted := _wanted(verdict, differing, labels)) and given + len(wanted) <= MOST_LABELS:
        labels |= {key: truth[key] for key in wanted}
        given += len(wanted)
        verdict = judge(tried_again(first, labels, SETTINGS))
    return Round(verdict.answer, given)


def _disagreements(answers: Answers, held_out: Indices, random: np.random.Generator) -> Disagreements:
    rows = held_out[answers.champion[held_out] != answers.challenger[held_out]]
    differing = [
        Differing(str(row), str(answers.champion[row]), str(answers.challenger[row]))
        for row in random.permutation(rows)
    ]
    agreed = Counter(answers.champion[held_out[answers.champion[held_out] == answers.challenger[held_out]]].tolist())
    return Disagreements(len(held_out), differing, agreed=dict(agreed))


def _wanted(verdict: GateVerdict, differing: list[str], labels: dict[str, str]) -> list[str]:
    if verdict.answer != "hold" or not verdict.labels_needed:
        return []
    return [key for key in differing if key not in labels][: verdict.labels_needed]


def mcnemar_labels(answers: Answers, power: float, random: np.random.Generator, rounds: int) -> int | None:
    """Random rows of which McNemar's exact one-sided test at the gate's level shows the gain with this power."""
    before, after = answers.champion == answers.truth, answers.challenger == answers.truth
    for count in range(20, 2001, 10):
        shown = sum(_is_shown(before, after, random.permutation(len(before))[:count]) for _ in range(rounds))
        if shown >= power * rounds:
            return count
    return None


def _is_shown(before: Booleans, after: Booleans, rows: Indices) -> bool:
    return Paired.of(before[rows], after[rows]).p_value <= SETTINGS.alpha


def read(folder: Path, cache: Path) -> Data:
    frozen = load_frozen(find_base_model(FinetuneConfig().base_model), max_length=128, cache=cache)
    parts = {}
    for part in ("train", "test"):
        with (folder / "banking77" / f"{part}.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        labels = np.array([row["label"] for row in rows])
        parts[part] = (frozen.embeddings([row["text"] for row in rows], on_progress=ignore), labels)
    return Data(*parts["train"], *parts["test"])


def cases(data: Data, rounds: int) -> Iterator[tuple[str, Callable[[int], Answers], int]]:
    """Name, the answers of a round, and the number of rounds."""
    random = np.random.default_rng(0)
    order = random.permutation(len(data.train_labels))
    half = len(order) // 2
    one, two = data.answers(order[:half]), data.answers(order[half:])
    few = data.answers(order[:2000])
    every = data.answers(order)
    truth = data.test_labels
    yield "equal", lambda seed: Answers(one, two, truth).swapped(np.random.default_rng(seed)), rounds
    yield "better", lambda _: Answers(few, every, truth), rounds
    yield "30 % of its labels flipped", lambda seed: Answers(one, _flipped(data, order[:half], seed), truth), 20
    yield "one label never learned", lambda seed: Answers(few, _forgetful(data, order, seed), truth), 20
    yield "one label learned as another", lambda seed: Answers(few, _mistaken(data, order, seed), truth), 20


def _flipped(data: Data, rows: Indices, seed: int) -> Names:
    random = np.random.default_rng(seed)
    labels = data.train_labels.copy()
    wrong = rows[random.random(len(rows)) < 0.3]
    labels[wrong] = random.choice(np.unique(labels), len(wrong))
    return data.answers(rows, labels)


def _forgetful(data: Data, rows: Indices, seed: int) -> Names:
    """Fitted on all rows but those of one label."""
    name = np.unique(data.train_labels)[seed]
    return data.answers(rows[data.train_labels[rows] != name])


def _mistaken(data: Data, rows: Indices, seed: int) -> Names:
    """All rows but one of a label have the label that follows."""
    names = np.unique(data.train_labels)
    labels = data.train_labels.copy()
    labels[np.flatnonzero(labels == names[seed])[1:]] = names[seed + 1]
    return data.answers(rows, labels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--cache", type=Path, default=Path(".retune/cache"))
    parser.add_argument("--rounds", type=int, default=200)
    given = parser.parse_args()
    data = read(given.data, given.cache)
    for name, answers_of, rounds in cases(data, given.rounds):
        played, gains = [], []
        for seed in range(rounds):
            answers = answers_of(seed)
            gains.append(answers.gain)
            played.append(play(answers, np.random.default_rng([1, seed])))
        counts = {answer: sum(one.answer == answer for one in played) for answer in ("promote", "hold", "reject")}
        found = {
            "case": name,
            "rounds": rounds,
            "gain": round(float(np.mean(gains)), 4),
            **counts,
            "median_labels": float(np.median([one.labels for one in played])),
            "mean_labels": round(float(np.mean([one.labels for one in played])), 1),
        }
        if name == "better":
            power = counts["promote"] / rounds
            random = np.random.default_rng(2)
            found["random_rows_for_the_same_power"] = mcnemar_labels(answers_of(0), power, random, rounds)
        print(json.dumps(found), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
