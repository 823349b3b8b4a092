import os
from pathlib import Path
from typing import get_args

import pytest

from core.config import Config, FinetuneConfig, ModelLimits, ServiceConfig, load_config
from core.home_processes.child_environment import child_environment


def test_a_child_gets_its_parents_config_whatever_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "retune.toml").write_text("[service]\nport = 1234\n")
    for name in ("RETUNE_HOME", "RETUNE_CONFIG", "RETUNE_LEDGER__URL", "RETUNE_SERVICE__DEFAULT_MODEL"):
        monkeypatch.setenv(name, "/elsewhere")
    (tmp_path / "base").mkdir()
    config = Config(
        home=Path("state"),
        finetune=FinetuneConfig(base_model="base#sha256=1", max_risk=0.25, lr=2e-4, multi_label=True),
        service=ServiceConfig(tls_key=Path("key.pem"), limits={"a": ModelLimits(max_items=3)}, access_log=False),
    )
    environment = child_environment(config)
    assert environment["PATH"] == os.environ["PATH"]
    monkeypatch.chdir("/")
    child = load_config(environment=environment)
    assert child.home == tmp_path / "state"
    assert child.finetune == config.finetune.model_copy(update={"base_model": f"{tmp_path / 'base'}#sha256=1"})
    assert child.service == config.service.model_copy(update={"tls_key": tmp_path / "key.pem"})
    assert child.ledger_url == f"sqlite:///{tmp_path / 'state' / 'ledger.db'}"
    assert child.registry_url == str(tmp_path / "state" / "registry")


def test_every_key_that_may_be_unset_is_unset_by_default() -> None:
    """Unset keys are not passed to a child process."""
    for _, section in Config():
        for name, field in getattr(type(section), "model_fields", {}).items():
            assert field.default is None or type(None) not in get_args(field.annotation), name
