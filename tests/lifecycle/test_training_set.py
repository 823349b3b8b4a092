from dataclasses import replace

import numpy as np
import pytest

from core.clock import utc_now
from core.config import Config, FinetuneConfig, Rare
from core.datasets import Example, is_held_out, keep_dataset
from core.errors import DatasetNotKept, NoNewLabels
from core.home import Home
from core.ledger import Ledger
from core.lineage import DataSet, Lineage, TrainingData
from core.package import PackageFacts
from core.privacy.dataset_erasure import erase_rows
from core.records import FeedbackRecord, PredictionRecord
from core.taxonomy import LabelRule
from lifecycle.challengers.parts import FEW_VALIDATION_ROWS
from lifecycle.challengers.training_set import TrainingSet, build_training_set
from lifecycle.situation import Situation
from tests.lifecycle.situations import situation_of

TRAIN = [Example(f"original {number}", "a" if number % 2 else "b") for number in range(20)]
VALIDATION = [Example(f"checked {number}", "a") for number in range(5)]
REFERENCE = [Example(f"later {number}", "a") for number in range(30)]


def situation(config: Config, *, reference: list[Example] = REFERENCE, fresh_after: int = 0) -> Situation:
    data = TrainingData(keep_dataset(TRAIN, config.datasets), keep_dataset(VALIDATION, config.datasets))
    lineage = Lineage(data=data, reference=DataSet(keep_dataset(reference, config.datasets), len(reference)))
    facts = PackageFacts(["a", "b"], "softmax", 1.0, 128, "fp32", lineage=lineage)
    return situation_of(facts, fresh_after=fresh_after)


def label(ledger: Ledger, texts: list[str], label: str, *, start: int = 0, version: str = "1") -> None:
    for number, text in enumerate(texts, start):
        row = PredictionRecord(
            f"{number:032x}", "m", version, utc_now(), text, "a", 0.5, 3, False, np.zeros(2, np.float32)
        )
        ledger.record_predictions([row])
        ledger.record_feedback([FeedbackRecord(row.id, label)])


def texts_of(rows: list[Example]) -> set[str]:
    return {row.text for row in rows}


FRESH = [f"fresh {number}" for number in range(60)]


@pytest.fixture
def built(home: Home, ledger: Ledger) -> TrainingSet:
    label(ledger, FRESH, "new")
    return build_training_set(home, situation(home.config))


def test_no_row_is_in_both_the_training_and_the_gate(built: TrainingSet) -> None:
    assert not texts_of(built.train) & texts_of([*built.fresh, *built.old])


def test_original_and_newly_labelled_rows_are_trained_on(built: TrainingSet) -> None:
    assert texts_of([*TRAIN, *VALIDATION]) <= texts_of(built.train)
    assert {text for text in FRESH if not is_held_out(text)} <= texts_of(built.train)
    assert built.new_labels == ["new"]


def test_the_gate_uses_held_out_fresh_rows_and_reference_rows(built: TrainingSet) -> None:
    assert texts_of(built.fresh) == {text for text in FRESH if is_held_out(text)}
    assert texts_of(built.old) == texts_of(REFERENCE)


def test_added_rows_train_or_judge_by_the_hash_of_their_text(home: Home, ledger: Ledger) -> None:
    rows = [Example(f"added {number}", "c") for number in range(40)]
    ledger.added.add("m", [*rows, Example(TRAIN[0].text, "c")], source="desk", fingerprint="f")
    built = build_training_set(home, situation(home.config))
    held_out = {row.text for row in rows if is_held_out(row.input)}
    assert texts_of(built.fresh) == held_out
    assert texts_of(built.train) >= texts_of(rows) - held_out
    assert built.new_labels == ["c"]


def test_labels_have_their_names_of_today(home: Home, ledger: Ledger) -> None:
    label(ledger, FRESH, "new")
    rules = [LabelRule("rename", "a", "x"), LabelRule("retire", "b"), LabelRule("rename", "new", "newer")]
    for rule in rules:
        ledger.rules.add("m", rule)
    built = build_training_set(home, replace(situation(home.config), taxonomy=ledger.rules.taxonomy("m")))
    assert {row.label for row in built.train} == {"x", "newer"}
    assert {row.label for row in built.old} == {"x"}
    assert {row.label for row in built.fresh} == {"newer"}
    assert built.new_labels == ["newer"]


def test_rows_before_the_drift_count_as_old(home: Home, ledger: Ledger) -> None:
    label(ledger, FRESH, "new")
    last = ledger.window("m", "1", limit=60)[29]
    built = build_training_set(home, situation(home.config, fresh_after=last.number))
    assert texts_of(built.fresh) == {text for text in FRESH[30:] if is_held_out(text)}
    assert {text for text in FRESH[:30] if is_held_out(text)} <= texts_of(built.old)


def test_without_a_labelled_reference_the_gate_uses_the_validation_rows(home: Home, ledger: Ledger) -> None:
    label(ledger, FRESH, "new")
    unlabelled = [Example(row.text) for row in REFERENCE]
    built = build_training_set(home, situation(home.config, reference=unlabelled))
    assert texts_of(VALIDATION) <= texts_of(built.old)
    assert not texts_of(VALIDATION) & texts_of(built.train)


@pytest.mark.parametrize("rare", ["keep", "drop"])
def test_a_new_label_with_one_row_is_trained_unless_rare_labels_are_dropped(
    home: Home, ledger: Ledger, rare: Rare
) -> None:
    config = home.config.model_copy(update={"finetune": FinetuneConfig(rare=rare)})
    trainable = [text for text in FRESH if not is_held_out(text)]
    label(ledger, trainable[:1], "rare")
    label(ledger, trainable[1:5], "new", start=10)
    built = build_training_set(Home(config), situation(config))
    assert built.set_aside == ({} if rare == "keep" else {"rare": 1})
    assert ("rare" in {row.label for row in built.train}) == (rare == "keep")


def test_a_person_can_correct_the_label_of_an_original_row(home: Home, ledger: Ledger) -> None:
    corrected = next(row.text for row in TRAIN if row.label == "a" and not is_held_out(row.text))
    label(ledger, [corrected], "b")
    built = build_training_set(home, situation(home.config))
    assert [row.label for row in built.train if row.text == corrected] == ["b"]


def test_a_forgotten_text_is_not_trained_on_again(home: Home, ledger: Ledger) -> None:
    label(ledger, FRESH, "new")
    known = situation(home.config)
    erase_rows({TRAIN[3].key: 0.0}, home.config.datasets)
    built = build_training_set(home, known)
    assert texts_of(built.train) & texts_of(TRAIN) == texts_of(TRAIN) - {TRAIN[3].text}


def test_without_labels_the_error_says_how_to_give_them(home: Home, ledger: Ledger) -> None:
    with pytest.raises(NoNewLabels, match="POST /feedback"):
        build_training_set(home, situation(home.config))


def test_missing_original_rows_are_named(home: Home, ledger: Ledger) -> None:
    label(ledger, FRESH, "new")
    known = situation(home.config)
    (home.config.datasets / f"{known.champion.facts.lineage.data.train}.jsonl").unlink()
    with pytest.raises(DatasetNotKept, match="earlier training"):
        build_training_set(home, known)


def without_other_old_rows(config: Config, validation: list[Example]) -> Situation:
    before = situation(config, reference=[Example(row.text) for row in REFERENCE])
    facts = before.champion.facts
    data = replace(facts.lineage.data, validation=keep_dataset(validation, config.datasets))
    return situation_of(replace(facts, lineage=replace(facts.lineage, data=data)))


def test_a_half_of_the_validation_rows_validates_the_challenger_where_the_others_judge(
    home: Home, ledger: Ledger
) -> None:
    label(ledger, FRESH, "new")
    validation = [Example(f"checked {number}", "a") for number in range(2 * FEW_VALIDATION_ROWS + 1)]
    built = build_training_set(home, without_other_old_rows(home.config, validation))
    judging, validating = (texts_of(validation) & texts_of(rows) for rows in (built.old, built.train))
    assert len(judging) == FEW_VALIDATION_ROWS
    assert validating == texts_of(validation) - judging
    again = build_training_set(home, without_other_old_rows(home.config, validation[::-1]))
    assert texts_of(again.old) == texts_of(built.old)


def test_all_validation_rows_judge_where_a_half_were_too_few(home: Home, ledger: Ledger) -> None:
    label(ledger, FRESH, "new")
    validation = [Example(f"checked {number}", "a") for number in range(2 * FEW_VALIDATION_ROWS - 1)]
    built = build_training_set(home, without_other_old_rows(home.config, validation))
    assert not texts_of(validation) & texts_of(built.train)


def test_reference_rows_that_validated_the_champion_do_not_judge(home: Home, ledger: Ledger) -> None:
    label(ledger, FRESH, "new")
    built = build_training_set(home, situation(home.config, reference=[*REFERENCE, *VALIDATION]))
    assert texts_of(built.old) == texts_of(REFERENCE)
    assert texts_of(VALIDATION) <= texts_of(built.train)
