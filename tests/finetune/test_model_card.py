from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml  # type: ignore[import-untyped]  # its stubs are a separate package
from huggingface_hub.repocard import RepoCard
from huggingface_hub.repocard_data import model_index_to_eval_results

from core.checkpoint import Training
from finetune.measuring.metrics import evaluate
from finetune.measuring.thresholds import abstention_of
from finetune.model_card import model_card
from tests.trainings import made_up_training


@pytest.fixture
def training() -> Training:
    return made_up_training(rows=400)


def front_matter(card: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(card.split("---\n")[1])
    return found


def test_front_matter_is_valid_for_the_hub(training: Training) -> None:
    content = front_matter(model_card(training))
    assert content["license"] == "apache-2.0"
    assert content["base_model"] == "sentence-transformers/all-MiniLM-L6-v2"
    assert content["pipeline_tag"] == "text-classification"
    name, results = model_index_to_eval_results(content["model-index"])
    assert name == "retune-full"
    values = {result.metric_name: result.metric_value for result in results}
    assert values["Accuracy"] == pytest.approx(training.metrics["validation"]["accuracy"], abs=1e-6)
    assert RepoCard(model_card(training), ignore_metadata_errors=False).data.get("tags")[0] == "retune"


def test_card_states_metrics_with_intervals_and_uncalibrated_values(training: Training) -> None:
    card = model_card(training)
    after, before = (training.metrics[side] for side in ("validation", "before_temperature"))
    low, high = after["intervals"]["log_loss"]
    assert f"| Log loss | {after['log_loss']:.4f} | {low:.4f} to {high:.4f} | {before['log_loss']:.4f} |" in card
    assert f"| train | {training.data.train_rows} | `{training.data.train}` |" in card
    assert "Fit: **healthy**. It levels off." in card


def test_card_contains_no_paths_or_names_of_the_machine(training: Training) -> None:
    private = replace(
        training,
        base_model={"name": "/home/someone/models/mine", "revision": "", "fingerprint": "f00"},
        settings={**training.settings, "base_model": "/home/someone/models/mine"},
        provenance={"hardware": "A processor", "hostname": "host-17", "user": "someone"},
    )
    card = model_card(private)
    assert "someone" not in card
    assert "host-17" not in card
    assert "A processor" in card
    assert {"license", "base_model"} & set(front_matter(card)) == set()


@pytest.mark.parametrize("label", ['say "hi": [x]', "a|b", "- no", "`code`", "ночь", "---"])
def test_special_characters_in_labels_are_escaped(label: str, training: Training) -> None:
    labels = [label, *training.labels[1:]]
    metrics = evaluate(np.array([0, 1, 2]), np.eye(3), labels=labels, kind="single-label").as_dict()
    card = model_card(replace(training, labels=labels, metrics={"validation": metrics}))
    assert front_matter(card)["pipeline_tag"] == "text-classification"
    rows = [line for line in card.splitlines() if line.startswith("| ") and "1.000 | 1.000" in line]
    assert [line.replace("\\|", "").count("|") for line in rows] == [6, 6, 6]


def test_abstention_is_stated_with_its_risk(training: Training) -> None:
    found = abstention_of(np.linspace(0.5, 1, 400), np.zeros(400, dtype=np.bool_), max_risk=0.05)
    card = model_card(replace(training, metrics={**training.metrics, "abstention": vars(found)}))
    assert "Abstention at a risk of 5.0 %: Every answer is given: 100.0 % of 400 rows, 0 of them wrong." in card


def test_card_needs_no_optional_facts(training: Training) -> None:
    minimal = replace(
        training, metrics={}, history=[], fit={}, settings={}, versions={}, provenance={}, learning_rate={}
    )
    assert front_matter(model_card(minimal))["tags"] == ["retune", "text-classification", "single-label", "full"]


def test_equal_facts_give_equal_cards(training: Training) -> None:
    assert model_card(training) == model_card(made_up_training(rows=400))


def test_checkpoint_contains_its_card_and_the_hash_of_it(tiny_checkpoint: Path) -> None:
    from core.checkpoint import CARD, read_training

    training = read_training(tiny_checkpoint)
    assert CARD in training.files
    assert (tiny_checkpoint / CARD).read_text(encoding="utf-8") == model_card(replace(training, files={}))
