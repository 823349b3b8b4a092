import re
from pathlib import Path

import pytest

from core.config import Config, load_config
from core.errors import FileMissing, InvalidConfigValue, UnknownConfigKey, UnreadableConfig
from core.ledger import open_ledger


def write(folder: Path, content: str) -> Path:
    path = folder / "retune.toml"
    path.write_text(content)
    return path


def test_environment_overrides_file_and_file_overrides_default(tmp_path: Path) -> None:
    path = write(tmp_path, "[service]\nport = 4000\nmax_items = 5\n")
    config = load_config(path, environment={"RETUNE_SERVICE__PORT": "5000"})
    assert (config.service.port, config.service.max_items, config.service.host) == (5000, 5, "127.0.0.1")


def test_unknown_key_names_the_known_one(tmp_path: Path) -> None:
    with pytest.raises(UnknownConfigKey, match=r"'service\.prot'.*service\.port"):
        load_config(write(tmp_path, "[service]\nprot = 1\n"), environment={})


def test_unknown_section_names_the_known_one(tmp_path: Path) -> None:
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


@pytest.mark.parametrize(
    ("key", "suggestion"),
    [
        ("[service]\nprot = 1", "Did you mean 'service.port'?"),
        ("[servcie]\nport = 1", "Did you mean 'service'?"),
        ("[service]\nkeep_days = 1", "Did you mean 'ledger.keep_days'?"),
        ("port = 1", "Did you mean 'service.port'?"),
        ("[service]\nMax_Items = 1", "Did you mean 'service.max_items'?"),
        ("[service.limits.sms]\nmax_itms = 1", "Did you mean 'service.limits.sms.max_items'?"),
        ("[gate]\nnonsense = 1", "Known: gate.alpha, "),
    ],
)
def test_an_unknown_key_suggests_the_one_that_was_meant(tmp_path: Path, key: str, suggestion: str) -> None:
    with pytest.raises(UnknownConfigKey, match=re.escape(suggestion)):
        load_config(write(tmp_path, key), environment={})


@pytest.mark.parametrize(
    "key",
    [
        "home",
        "finetune.base_model",
        "service.host",
        "service.default_model",
        "service.otlp_endpoint",
        "service.tls_certificate",
        "service.tls_key",
        "service.tls_client_ca",
        "ledger.url",
        "registry.url",
    ],
)
@pytest.mark.parametrize("value", ["", "  "])
def test_an_empty_value_is_an_error_in_the_file_and_in_the_environment(tmp_path: Path, key: str, value: str) -> None:
    with pytest.raises(InvalidConfigValue, match=f"'{key}'.*it is empty"):
        load_config(write(tmp_path, f"{key} = '{value}'\n"), environment={})
    section, _, name = key.rpartition(".")
    variable = f"RETUNE_{section}__{name}".upper() if section else "RETUNE_HOME"
    with pytest.raises(InvalidConfigValue, match=rf"'{key}' in the environment \({variable}\).*it is empty"):
        load_config(environment={variable: value})


def test_an_empty_config_variable_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigValue, match="'RETUNE_CONFIG'.*it is empty"):
        load_config(environment={"RETUNE_CONFIG": ""})


def test_a_tilde_is_the_users_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path, "home = '~/state'\n[service]\ntls_key = '~/key.pem'\n[ledger]\nurl = 'sqlite:///~/own.db'\n")
    config = load_config(environment={"RETUNE_CONFIG": "~/retune.toml"})
    assert (config.home, config.service.tls_key) == (tmp_path / "state", tmp_path / "key.pem")
    assert open_ledger(config).database.shown_url == f"sqlite:///{tmp_path / 'own.db'}"
    assert load_config(environment={"RETUNE_HOME": "~"}).home == tmp_path
    with pytest.raises(InvalidConfigValue, match="no home directory for '~'"):
        load_config(environment={"RETUNE_HOME": "~nobody-of-that-name/state"})


def test_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "retune.toml"
    path.write_bytes(b"\xef\xbb\xbf[service]\nport = 4000\n")
    assert load_config(path, environment={}).service.port == 4000
    path.write_bytes("[service]\nport = 4000\n".encode("utf-16"))
    with pytest.raises(UnreadableConfig, match="not encoded as UTF-8"):
        load_config(path, environment={})


def test_the_config_may_come_from_a_pipe_but_not_from_a_folder(tmp_path: Path) -> None:
    assert load_config(Path("/dev/null"), environment={}) == Config()
    with pytest.raises(UnreadableConfig, match="Is a directory"):
        load_config(tmp_path, environment={})


@pytest.mark.parametrize("key", ["policy.models", "service.limits", "alerts.webhooks"])
def test_tables_by_name_that_are_none_say_how_they_look(tmp_path: Path, key: str) -> None:
    section, name = key.split(".")
    variable = f"RETUNE_{section}__{name}".upper()
    for value in ("m=auto", '{"m": "auto"}', "[1]"):
        with pytest.raises(InvalidConfigValue, match=r"it is no table of tables, by name"):
            load_config(environment={variable: value})
    with pytest.raises(InvalidConfigValue, match=r"it is no table of tables, by name"):
        load_config(write(tmp_path, f'[{section}]\n{name} = {{ m = "auto" }}\n'), environment={})
