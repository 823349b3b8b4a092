from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.config import Config
from core.errors import ModelNotFound, NoChampion
from core.home import Home
from core.registry import Registry
from service.answering.champions import Champions
from service.refusals import ChampionNotLoaded, VersionNotLoaded
from tests.service.conftest import Variant


@pytest.fixture
def home(config: Config, registry: Registry) -> Home:
    """A home whose champion pointers are polled only by the tests themselves."""
    return Home(config.model_copy(update={"service": config.service.model_copy(update={"champion_poll_s": 60.0})}))


@pytest.fixture
def champions(home: Home) -> Iterator[Champions]:
    champions = Champions(home)
    champions.start()
    yield champions
    champions.close()


def test_a_promoted_version_is_served_after_a_poll(
    champions: Champions, registry: Registry, second_package: Path
) -> None:
    before = champions.served("tickets")
    registry.promote("tickets", registry.add(second_package, "tickets"))
    champions.poll()
    assert (before.version, champions.served(None).version) == ("1", "2")
    assert before.engine.infer(before.engine.encode(["my invoice"])).logits.shape == (1, 3)


def test_only_versions_in_memory_can_be_requested(champions: Champions) -> None:
    assert champions.version("tickets", "1") is champions.version(None, None) is champions.served("tickets")
    with pytest.raises(VersionNotLoaded, match="In memory: 1."):
        champions.version("tickets", "2")


def test_a_rollback_is_served_after_a_poll(champions: Champions, registry: Registry, second_package: Path) -> None:
    registry.promote("tickets", registry.add(second_package, "tickets"))
    champions.poll()
    registry.roll_back("tickets")
    champions.poll()
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
            champions.poll()
    assert champions.served("tickets").version == "1"
    assert "model.onnx differs" in str(champions.status()["tickets"].error)
    assert len(caplog.records) == 1


def test_a_version_with_other_answers_than_recorded_is_refused(
    champions: Champions, registry: Registry, variant: Variant, tiny_package: Path
) -> None:
    golden = [{"text": "my invoice", "label": "bug", "scores": {"billing": 0.0, "bug": 1.0, "how_to": 0.0}}]
    registry.promote("tickets", registry.add(variant(golden=golden), "tickets"))
    champions.poll()
    assert champions.served("tickets").version == "1"
    assert "golden text 1" in str(champions.status()["tickets"].error)


def test_the_error_is_cleared_when_a_good_version_is_promoted(
    champions: Champions, registry: Registry, variant: Variant, second_package: Path
) -> None:
    broken = variant(golden=[{"text": "a", "label": "bug", "scores": {"billing": 0.0, "bug": 0.0, "how_to": 0.0}}])
    registry.promote("tickets", registry.add(broken, "tickets"))
    champions.poll()
    assert champions.status()["tickets"].error
    registry.promote("tickets", registry.add(second_package, "tickets"))
    champions.poll()
    assert champions.status()["tickets"].error is None
    assert champions.served("tickets").version == "3"


def test_models_are_added_and_removed_by_polls(
    champions: Champions, registry: Registry, config: Config, tiny_package: Path
) -> None:
    with pytest.raises(ModelNotFound):
        champions.served("other")
    registry.add(tiny_package, "other")
    champions.poll()
    with pytest.raises(NoChampion):
        champions.served("other")
    registry.promote("other", "1")
    champions.poll()
    assert champions.served("other").version == "1"
    shutil.rmtree(config.home / "registry" / "other")
    champions.poll()
    with pytest.raises(ModelNotFound):
        champions.served("other")


def test_a_champion_that_cannot_be_loaded_has_another_error_than_none(
    champions: Champions, registry: Registry, config: Config, tiny_package: Path
) -> None:
    registry.promote("other", registry.add(tiny_package, "other"))
    (config.home / "registry" / "other" / "versions" / "1" / "tokenizer.json").write_text("{}")
    champions.poll()
    with pytest.raises(ChampionNotLoaded, match=r"Version 1 of model 'other' cannot be loaded; /admin/models/other"):
        champions.served("other")
    (config.home / "registry" / "other" / "champion.json").write_text("{")
    champions.poll()
    with pytest.raises(ChampionNotLoaded, match="The champion of model 'other' cannot be loaded"):
        champions.served("other")


def test_the_last_model_can_be_removed(champions: Champions, config: Config) -> None:
    shutil.rmtree(config.home / "registry" / "tickets")
    champions.poll()
    assert not champions.models


def test_an_unreachable_registry_changes_nothing(
    champions: Champions, registry: Registry, config: Config, second_package: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = config.home / "registry"
    folder.rename(config.home / "away")
    for _ in range(2):
        champions.poll()
    assert champions.served("tickets").version == "1"
    assert [str(folder) in record.message for record in caplog.records] == [True]
    (config.home / "away").rename(folder)
    registry.promote("tickets", registry.add(second_package, "tickets"))
    champions.poll()
    assert champions.served("tickets").version == "2"


def test_a_failure_is_cleared_by_a_rollback(champions: Champions, registry: Registry, variant: Variant) -> None:
    broken = variant(golden=[{"text": "a", "label": "bug", "scores": {"billing": 0.0, "bug": 0.0, "how_to": 0.0}}])
    before = registry.promote("tickets", registry.add(broken, "tickets"))
    assert before.previous == ["1"]
    champions.poll()
    assert champions.status()["tickets"].failing
    registry.roll_back("tickets")
    champions.poll()
    status = champions.status()["tickets"]
    assert (status.version, status.error, status.failing) == ("1", None, False)


def test_an_undone_promotion_keeps_its_failed_version_but_is_not_failing(
    champions: Champions, registry: Registry, variant: Variant
) -> None:
    before = registry.pointer("tickets")
    broken = variant(golden=[{"text": "a", "label": "bug", "scores": {"billing": 0.0, "bug": 0.0, "how_to": 0.0}}])
    registry.promote("tickets", registry.add(broken, "tickets"))
    champions.poll()
    registry.restore_pointer("tickets", before)
    champions.poll()
    status = champions.status()["tickets"]
    assert (status.version, status.failed, status.failing) == ("1", "2", False)


def test_a_damaged_pointer_changes_nothing(champions: Champions, config: Config) -> None:
    (config.home / "registry/tickets/champion.json").write_text("{")
    champions.poll()
    assert champions.served("tickets").version == "1"
    assert champions.status()["tickets"].error


def test_the_status_is_published_once_for_each_change(home: Home, registry: Registry, second_package: Path) -> None:
    versions: list[str | None] = []
    champions = Champions(home, on_change=lambda now: versions.append(now["tickets"].version))
    champions.poll()
    champions.poll()
    registry.promote("tickets", registry.add(second_package, "tickets"))
    champions.poll()
    assert versions == ["1", "2"]


def test_the_first_model_stays_the_default_while_it_cannot_be_loaded(
    home: Home, registry: Registry, config: Config, tiny_package: Path
) -> None:
    registry.promote("another", registry.add(tiny_package, "another"))
    (config.home / "registry/tickets/versions/1/model.onnx").write_bytes(b"")
    champions = Champions(home)
    champions.poll()
    with pytest.raises(ChampionNotLoaded, match="tickets"):
        champions.served(None)
    assert champions.served("another").version == "1"
