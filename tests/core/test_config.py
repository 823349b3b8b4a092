from pathlib import Path

import pytest

from core.config import load_config
from core.errors import FileMissing, InvalidConfigValue, UnknownConfigKey, UnreadableConfig


def write(folder: Path, content: str) -> Path:
    path = folder / "retune.toml"
    path.write_text(content)
    return path


def test_environment_overrides_file_and_file_overrides_default(tmp_path: Path) -> None:
    path = write(tmp_path, "[service]\nport = 4000\nmax_items = 5\n")
    config = load_config(path, environment={"RETUNE_SERVICE__PORT": "5000"})
    assert (config.service.port, config.service.max_items, config.service.host) == (5000, 5, "127.0.0.1")


def test_unknown_key_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UnknownConfigKey, match=r"'service\.prot'.*service\.port"):
        load_config(write(tmp_path, "[service]\nprot = 1\n"), environment={})


def test_unknown_section_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UnknownConfigKey, match=r"'servcie'.*service"):
        load_config(write(tmp_path, "[servcie]\nport = 1\n"), environment={})


def test_unknown_key_in_the_environment_is_an_error() -> None:
    with pytest.raises(UnknownConfigKey, match=r"service\.prot"):
        load_config(environment={"RETUNE_SERVICE__PROT": "1"})


def test_variables_of_kubernetes_are_ignored() -> None:
    config = load_config(environment={"RETUNE_SERVICE_PORT": "tcp://10.0.0.1:80", "RETUNE_PORT": "x"})
    assert config.service.port == 3000


def test_an_invalid_value_is_named_with_its_key(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigValue, match=r"'service\.port'.*'many'"):
        load_config(write(tmp_path, "[service]\nport = 'many'\n"), environment={})


def test_invalid_toml_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UnreadableConfig, match="cannot be read"):
        load_config(write(tmp_path, "[service\n"), environment={})


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match="no.toml"):
        load_config(tmp_path / "no.toml", environment={})
