from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.config import Config
from core.errors import ModelNotFound, NoChampion
from core.registry import Registry
from service.answering.champions import Champions
from service.refusals import ChampionNotLoaded, VersionNotLoaded
from tests.service.conftest import Variant


@pytest.fixture
def champions(registry: Registry) -> Iterator[Champions]:
    champions = Champions(registry, threads=1, poll_s=60)
    champions.start()
    yield champions
    champions.close()


def test_a_promoted_version_is_switched_to(champions: Champions, registry: Registry, second_package: Path) -> None:
    before = champions.served("tickets")
    registry.promote("tickets", registry.add(second_package, "tickets"))
    champions.follow()
    assert (before.version, champions.served(None).version) == ("1", "2")
    assert before.engine.infer(before.engine.encode(["my invoice"])).logits.shape == (1, 3)


def test_only_a_version_in_memory_can_be_asked_for(champions: Champions) -> None:
    assert champions.version("tickets", "1") is champions.version(None, None) is champions.served("tickets")
    with pytest.raises(VersionNotLoaded, match="Name one that does, 1,"):
        champions.version("tickets", "2")


def test_a_rollback_is_followed(champions: Champions, registry: Registry, second_package: Path) -> None:
    registry.promote("tickets", registry.add(second_package, "tickets"))
    champions.follow()
    registry.roll_back("tickets")
    champions.follow()
    assert champions.served("tickets").version == "1"


def test_a_corrupt_version_changes_nothing_and_is_logged_once(
    champions: Champions,
    registry: Registry,
    config: Config,
    second_package: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    registry.promote("tickets", registry.add(second_package, "tickets"))
    with (config.home / "registry/tickets/versions/2/model.onnx").open("ab") as graph:
        graph.write(b"x")
    with caplog.at_level(logging.ERROR, logger="service"):
        for _ in range(3):
            champions.follow()
    assert champions.served("tickets").version == "1"
    assert "model.onnx differs" in str(champions.status()["tickets"].error)
    assert len(caplog.records) == 1


def test_a_version_with_other_answers_than_recorded_is_refused(
    champions: Champions, registry: Registry, variant: Variant, tiny_package: Path
) -> None:
    golden = [{"text": "my invoice", "label": "bug", "scores": {"billing": 0.0, "bug": 1.0, "how_to": 0.0}}]
    registry.promote("tickets", registry.add(variant(golden=golden), "tickets"))
    champions.follow()
    assert champions.served("tickets").version == "1"
    assert "golden text 1" in str(champions.status()["tickets"].error)


def test_the_error_goes_when_a_good_version_is_promoted(
    champions: Champions, registry: Registry, variant: Variant, second_package: Path
) -> None:
    broken = variant(golden=[{"text": "a", "label": "bug", "scores": {"billing": 0.0, "bug": 0.0, "how_to": 0.0}}])
    registry.promote("tickets", registry.add(broken, "tickets"))
    champions.follow()
    assert champions.status()["tickets"].error
    registry.promote("tickets", registry.add(second_package, "tickets"))
    champions.follow()
    assert champions.status()["tickets"].error is None
    assert champions.served("tickets").version == "3"


def test_models_come_and_go_while_it_runs(
    champions: Champions, registry: Registry, config: Config, tiny_package: Path
) -> None:
    with pytest.raises(ModelNotFound):
        champions.served("other")
    registry.add(tiny_package, "other")
    champions.follow()
    with pytest.raises(NoChampion):
        champions.served("other")
    registry.promote("other", "1")
    champions.follow()
    assert champions.served("other").version == "1"
    shutil.rmtree(config.home / "registry" / "other")
    champions.follow()
    with pytest.raises(ModelNotFound):
        champions.served("other")


def test_a_champion_that_cannot_be_loaded_is_told_from_none(
    champions: Champions, registry: Registry, config: Config, tiny_package: Path
) -> None:
    registry.promote("other", registry.add(tiny_package, "other"))
    (config.home / "registry" / "other" / "versions" / "1" / "tokenizer.json").write_text("{}")
    champions.follow()
    with pytest.raises(ChampionNotLoaded, match=r"Version 1 of model 'other' cannot be loaded; /admin/models/other"):
        champions.served("other")
    (config.home / "registry" / "other" / "champion.json").write_text("{")
    champions.follow()
    with pytest.raises(ChampionNotLoaded, match="The champion of model 'other' cannot be loaded"):
        champions.served("other")


def test_the_last_model_can_go(champions: Champions, config: Config) -> None:
    shutil.rmtree(config.home / "registry" / "tickets")
    champions.follow()
    assert not champions.models


def test_a_registry_that_is_away_changes_nothing(
    champions: Champions, registry: Registry, config: Config, second_package: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = config.home / "registry"
    folder.rename(config.home / "away")
    for _ in range(2):
        champions.follow()
    assert champions.served("tickets").version == "1"
    assert [str(folder) in record.message for record in caplog.records] == [True]
    (config.home / "away").rename(folder)
    registry.promote("tickets", registry.add(second_package, "tickets"))
    champions.follow()
    assert champions.served("tickets").version == "2"


def test_a_failure_is_over_when_another_version_is_pointed_to(
    champions: Champions, registry: Registry, variant: Variant
) -> None:
    broken = variant(golden=[{"text": "a", "label": "bug", "scores": {"billing": 0.0, "bug": 0.0, "how_to": 0.0}}])
    before = registry.promote("tickets", registry.add(broken, "tickets"))
    assert before.previous == ["1"]
    champions.follow()
    assert champions.status()["tickets"].failing
    registry.roll_back("tickets")
    champions.follow()
    status = champions.status()["tickets"]
    assert (status.version, status.error, status.failing) == ("1", None, False)


def test_a_promotion_that_is_undone_is_told_and_fails_no_more(
    champions: Champions, registry: Registry, variant: Variant
) -> None:
    before = registry.pointer("tickets")
    broken = variant(golden=[{"text": "a", "label": "bug", "scores": {"billing": 0.0, "bug": 0.0, "how_to": 0.0}}])
    registry.promote("tickets", registry.add(broken, "tickets"))
    champions.follow()
    registry.restore_pointer("tickets", before)
    champions.follow()
    status = champions.status()["tickets"]
    assert (status.version, status.failed, status.failing) == ("1", "2", False)


def test_a_pointer_that_is_damaged_changes_nothing(champions: Champions, config: Config) -> None:
    (config.home / "registry/tickets/champion.json").write_text("{")
    champions.follow()
    assert champions.served("tickets").version == "1"
    assert champions.status()["tickets"].error


def test_every_change_is_told(registry: Registry, second_package: Path) -> None:
    told: list[str | None] = []
    champions = Champions(registry, threads=1, poll_s=60, on_change=lambda now: told.append(now["tickets"].version))
    champions.follow()
    champions.follow()
    registry.promote("tickets", registry.add(second_package, "tickets"))
    champions.follow()
    assert told == ["1", "2"]
