"""A server of a registry whose clients need keys does not start with another home, which has no key file."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.api_keys import add_key
from core.config import Config, RegistryConfig, ServiceConfig
from core.errors import KeysMissing
from core.keys_in_use import note_keys, require_keys
from core.registry import open_registry


def config_of(home: Path, registry: Path | str, **service: bool) -> Config:
    return Config(home=home, registry=RegistryConfig(url=str(registry)), service=ServiceConfig(**service))


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    folder = tmp_path / "registry"
    folder.mkdir()
    return folder


def test_another_home_of_the_registry_is_refused_unless_open(tmp_path: Path, registry: Path) -> None:
    config = config_of(tmp_path / "home", registry)
    require_keys(config)
    add_key(config.keys_file, "shop", ["predict"])
    require_keys(config)  # a server's start notes the keys
    other = config_of(tmp_path / "other", registry)
    with pytest.raises(KeysMissing, match=r"no key file .*other/keys\.json, but .* since .*home/keys\.json"):
        require_keys(other)
    require_keys(config_of(tmp_path / "other", registry, open=True))
    config.keys_file.unlink()
    with pytest.raises(KeysMissing):
        require_keys(config)
    assert open_registry(config).models() == []


def test_a_damaged_note_is_still_a_note(tmp_path: Path, registry: Path) -> None:
    (registry / ".keys-in-use").write_text("[]")
    with pytest.raises(KeysMissing, match="keys are in use for the registry"):
        require_keys(config_of(tmp_path / "home", registry))


def test_an_object_store_keeps_the_note(tmp_path: Path) -> None:
    config = config_of(tmp_path / "home", "memory://keys-in-use/models")
    note_keys(config)
    with pytest.raises(KeysMissing):
        require_keys(config)


def test_a_registry_that_cannot_be_read_does_not_open_a_server(tmp_path: Path, registry: Path) -> None:
    (registry / ".keys-in-use").mkdir()
    with pytest.raises(KeysMissing, match="cannot be read"):
        require_keys(config_of(tmp_path / "home", registry))
    require_keys(config_of(tmp_path / "home", registry, open=True))


def test_a_registry_in_the_home_has_no_note(tmp_path: Path) -> None:
    config = Config(home=tmp_path)
    add_key(config.keys_file, "shop", ["predict"])
    note_keys(config)
    config.keys_file.unlink()
    require_keys(config)


def test_a_registry_that_is_away_is_not_made(tmp_path: Path, registry: Path, caplog: pytest.LogCaptureFixture) -> None:
    registry.rmdir()
    note_keys(config_of(tmp_path / "home", registry))
    assert not registry.exists()
    assert "cannot note that keys are in use" in caplog.text
