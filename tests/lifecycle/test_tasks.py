"""Gate, label queue and training set of text pairs and of multi-label models."""

from dataclasses import replace

import numpy as np

from core.clock import utc_now
from core.config import Config, FinetuneConfig, LabelsConfig
from core.datasets import Example, is_held_out, keep_dataset
from core.engine import Engine
from core.home import Home
from core.ledger import Ledger
from core.lineage import Lineage, TrainingData
from core.package import PackageFacts
from core.records import FeedbackRecord, PredictionRecord
from lifecycle.challengers.training_set import build_training_set
from lifecycle.gate.comparison import compare
from lifecycle.labels.queue import choose
from lifecycle.situation import Situation
from tests.lifecycle.situations import situation_of
from tests.tasks import TaskFiles, multi_label_rows, paired_rows


class Blind(Engine):
    """An engine that never gives its first label."""

    def outputs(self, logits, embeddings):  # type: ignore[no-untyped-def]  # as the engine's
        found = super().outputs(logits, embeddings)
        return replace(found, given=found.given & np.array([False, True, True]))


def test_the_gate_counts_a_set_as_right_only_if_all_labels_are(multi_label: TaskFiles) -> None:
    good, blind = Engine(multi_label.package, threads=1), Blind(multi_label.package, threads=1)
    rows = multi_label_rows(150, seed=11)
    comparison = compare(blind, good, rows)
    with_first = [row for row in rows if "billing" in str(row.label)]
    assert comparison.champion_accuracy <= 1 - len(with_first) / len(rows)
    assert comparison.challenger_accuracy > comparison.champion_accuracy + 0.2
    assert comparison.wins >= len(with_first) * 0.7
    assert compare(good, good, [Example("the", ""), Example("the", "bug|unheard of")]).champion_accuracy <= 0.5


def test_the_gate_uses_both_texts(paired: TaskFiles) -> None:
    engine = Engine(paired.package, threads=1)
    rows = paired_rows(120, seed=9)
    swapped = [Example(str(row.pair), row.label, row.text) for row in rows]
    assert compare(engine, engine, rows).champion_accuracy > compare(engine, engine, swapped).champion_accuracy + 0.15


def prediction(number: int, text: str, pair: str | None, label: str = "a") -> PredictionRecord:
    vector = np.random.default_rng(number).normal(size=4).astype(np.float32)
    return PredictionRecord(f"{number:032x}", "m", "1", utc_now(), text, label, 0.5, 3, False, vector, pair)


def test_labels_are_requested_for_pairs_that_differ_in_one_text() -> None:
    window = [prediction(number, "the same question", f"answer {number}") for number in range(40)]
    known = {"the same question\nanswer 3"}
    chosen = choose([*window, *window], labelled=known, settings=LabelsConfig(budget=100), seed=1)
    assert {row.prediction_id for row in chosen} == {row.id for row in window if row.pair != "answer 3"}
    inputs = {row.id: row.input for row in window}
    assert all(is_held_out(inputs[row.prediction_id]) == (row.purpose == "measure") for row in chosen)


TRAIN = [Example(f"original {number}", "a" if number % 2 else "a|b", "with") for number in range(20)]
VALIDATION = [Example(f"checked {number}", "", "with") for number in range(25)]


def situation(config: Config) -> Situation:
    data = TrainingData(keep_dataset(TRAIN, config.datasets), keep_dataset(VALIDATION, config.datasets))
    lineage = Lineage(data=data)
    facts = PackageFacts(["a", "b"], "sigmoid", 1.0, 128, "fp32", is_paired=True, lineage=lineage)
    return situation_of(facts)


def give(ledger: Ledger, labels: list[str]) -> list[PredictionRecord]:
    """Give labels to pairs that may be trained on."""
    rows = [prediction(number, "fresh", f"answer {number}") for number in range(10 * len(labels))]
    trainable = [row for row in rows if not is_held_out(row.input)][: len(labels)]
    ledger.record_predictions(trainable)
    ledger.record_feedback([FeedbackRecord(row.id, label) for row, label in zip(trainable, labels, strict=True)])
    return trainable


def test_pairs_with_no_label_and_with_several_are_trained_on(home: Home, ledger: Ledger) -> None:
    given = give(ledger, ["", "a|new", "b|new"])
    built = build_training_set(home, situation(home.config))
    labels = {row.input: row.label for row in built.train}
    assert [labels[row.input] for row in given] == ["", "a|new", "b|new"]
    assert len(built.train) == len(TRAIN) + 3
    assert (built.new_labels, built.set_aside) == (["new"], {})
    assert {row.label for row in built.old} == {""}


def test_a_rare_label_sets_its_whole_row_aside(home: Home, ledger: Ledger) -> None:
    """`newer` has one row left when the row with `rare` is set aside, so that row is set aside, too."""
    given = give(ledger, ["newer|rare", "newer|a", "a"])
    config = home.config.model_copy(update={"finetune": FinetuneConfig(rare="drop")})
    built = build_training_set(Home(config), situation(config))
    assert built.set_aside == {"rare": 1, "newer": 1}
    assert {row.input for row in built.train} & {row.input for row in given} == {given[2].input}
