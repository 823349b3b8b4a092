"""A retrain repeats the champion's settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.config import FinetuneConfig
from core.datasets import Example
from core.errors import InvalidConfigValue
from core.lineage import Lineage
from core.package import PackageFacts, read_facts
from export.run import export
from export.settings import ExportSettings
from finetune.run import finetune
from lifecycle.challengers.settings import changed_settings, retrain_settings
from tests.tiny import tiny_settings

GIVEN = FinetuneConfig(max_risk=0.2, seed=7, budget="90s", max_length=64, primary_metric="macro_f1", folds=3)
FACTS: dict[str, Any] = {
    "labels": ["a", "b"],
    "score_function": "softmax",
    "temperature": 1.0,
    "max_length": 64,
    "rung": "fp32",
}


def champion(**given: Any) -> PackageFacts:
    return PackageFacts(**FACTS, lineage=Lineage(settings=GIVEN.model_dump() | given))


def test_settings_are_those_of_the_champion_but_for_its_budget() -> None:
    settings = retrain_settings(champion(), FinetuneConfig(), {})
    assert settings == GIVEN.model_copy(update={"budget": None})


def test_the_config_comes_before_the_champion_and_the_job_before_both() -> None:
    config = FinetuneConfig(seed=3, method="full", budget="5m")
    settings = retrain_settings(champion(), config, {"method": "lora", "budget": "1h"})
    assert (settings.seed, settings.method, settings.budget, settings.max_risk) == (3, "lora", "1h", 0.2)
    assert changed_settings(champion(), settings) == {
        "method": ["auto", "lora"],
        "seed": [7, 3],
    }


def test_a_package_without_recorded_settings_is_retrained_by_the_config() -> None:
    facts = PackageFacts(**FACTS, lineage=Lineage())
    config = FinetuneConfig(seed=3, budget="5m")
    assert retrain_settings(facts, config, {}) == config
    assert changed_settings(facts, config) == {}


def test_settings_of_another_release_are_ignored_if_unknown_and_refused_if_invalid() -> None:
    assert retrain_settings(champion(momentum=0.9), FinetuneConfig(), {}).seed == 7
    with pytest.raises(InvalidConfigValue, match="seed"):
        retrain_settings(champion(seed="many"), FinetuneConfig(), {})


def test_the_kind_is_the_champions() -> None:
    facts = PackageFacts(**{**FACTS, "score_function": "sigmoid"}, lineage=Lineage(settings=GIVEN.model_dump()))
    assert retrain_settings(facts, FinetuneConfig(), {}).multi_label


def test_a_package_records_the_settings_of_its_training(
    tiny_base_model: Path, tiny_examples: list[Example], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tiny_base_model.parent)
    settings = tiny_settings(Path(tiny_base_model.name), seed=7, max_risk=0.2)
    finetune(
        tiny_examples, out=tmp_path / "checkpoint", settings=settings, cache=tmp_path, datasets=tmp_path / "datasets"
    )
    export(
        tmp_path / "checkpoint",
        out=tmp_path / "package",
        validation=tiny_examples[:30],
        settings=ExportSettings(max_drop=0.005, min_agreement=0.985),
        rung="fp32",
    )
    recorded = read_facts(tmp_path / "package").lineage.settings
    assert recorded == {**settings.model_dump(), "base_model": str(tiny_base_model)}
