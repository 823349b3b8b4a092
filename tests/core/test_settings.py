from __future__ import annotations

from pathlib import Path

import pytest

from core.config import Config, load_config
from core.config_sources import VARIABLE, as_variable, sources_of
from core.home_processes.child_environment import child_environment
from core.loop.policy_words import policy_words
from core.policy_config import ModelPolicy, Policy
from core.settings import DEFAULT, NOT_KNOWN, settings_of, unknown_models

FILE = """
[service]
port = 3001
workers = 2
admin_token = "s3cret"
[ledger]
url = "postgresql://me:pw@host/ledger"
[policy.models.tickets]
mode = "auto"
[alerts]
secret = "s3cret"
[alerts.webhooks.ops]
url = "https://host/s3cret"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "retune.toml"
    path.write_text(FILE)
    return path


def test_each_value_has_its_source(file: Path) -> None:
    environment = {"RETUNE_SERVICE__PORT": "3002", "RETUNE_HOME": "/state", "RETUNE_SERVICE_HOST": "tcp://1.2.3.4"}
    config = load_config(file, environment=environment)
    found = {one.key: one for one in settings_of(config, sources_of(file, environment=environment))}
    assert (found["service.port"].value, found["service.port"].source) == (
        "3002",
        "RETUNE_SERVICE__PORT in the environment",
    )
    assert found["service.workers"].source == f"the file {file}"
    assert found["home"].source == "RETUNE_HOME in the environment"
    assert found["service.host"].source == DEFAULT
    assert found["policy.models"].value == "tickets: mode auto"
    assert found["policy.mode"].is_default


def test_every_key_is_a_setting_that_some_process_reads() -> None:
    found = settings_of(Config(), {})
    keys = [f"{section}.{key}" for section, table in Config().model_dump(exclude={"home"}).items() for key in table]
    assert [one.key for one in found] == ["home", *keys]
    assert all(one.read_by and one.is_default and one.meaning for one in found)


def test_no_secret_is_shown(file: Path) -> None:
    config = load_config(file, environment={})
    told = str([one.value for one in settings_of(config, sources_of(file, environment={}))])
    assert "s3cret" not in told
    assert "pw" not in told
    assert "postgresql://me:***@host/ledger" in told


def test_a_child_knows_the_sources_of_its_parent(file: Path) -> None:
    sources = sources_of(file, environment={})
    environment = child_environment(load_config(file, environment={}), sources=sources)
    assert load_config(environment=environment).service.port == 3001
    assert sources_of(environment=environment) == sources


@pytest.mark.parametrize("written", ["", "[]", "{", "7"])
def test_sources_that_cannot_be_read_are_none(written: str) -> None:
    assert sources_of(environment={VARIABLE: written}) == {}


def test_a_value_without_a_known_source_is_not_called_a_default(file: Path) -> None:
    environment = as_variable({})
    found = {
        one.key: one for one in settings_of(load_config(file, environment={}), sources_of(environment=environment))
    }
    assert found["service.port"].source == NOT_KNOWN
    assert found["service.host"].source == DEFAULT


def test_tables_of_unknown_models_are_found() -> None:
    config = Config.model_validate(
        {"policy": {"models": {"a": {"mode": "auto"}, "b": {}}}, "service": {"limits": {"c": {"max_items": 1}}}}
    )
    assert unknown_models(config, ["a"]) == ["policy.models.b", "service.limits.c"]


def test_a_policy_is_told_in_sentences() -> None:
    config = Config.model_validate({"policy": {"models": {"a": ModelPolicy(mode="auto", retrain_days=["sunday"])}}})
    told = policy_words(config.policy.of("a", min_texts=10))
    assert told[0] == "The loop retrains and rolls back by itself."
    assert "On Sunday (UTC) a retrain is due after 50 newly labelled texts." in told
    assert policy_words(Policy())[0] == "The loop proposes; a person accepts."
