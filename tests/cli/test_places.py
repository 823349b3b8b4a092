"""A home or config that was not meant is an error, and one without a model is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.config import Config
from core.home import Home
from tests.cli.conftest import Command
from tests.cli.test_errors import assert_error


@pytest.mark.parametrize("words", [("--home", "", "versions", "m"), ("demo", "--home", " ")])
def test_an_empty_home_in_the_options_is_an_error(retune: Command, tmp_path: Path, words: tuple[str, ...]) -> None:
    assert_error(retune(*words), "'home' in the options", "it is empty")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_host_in_the_options_is_an_error(retune: Command) -> None:
    assert_error(retune("serve", "--host", ""), "'host' in the options", "it is empty")


@pytest.mark.parametrize(
    "words",
    [
        ("monitor", "--once"),
        ("monitor", "--once", "--model", "m"),
        ("worker", "--once"),
        ("versions", "m"),
        ("decisions", "m"),
        ("predict", "hello", "--model", "m"),
        ("promote", "m@1"),
        ("rollback", "m"),
        ("retrain", "m"),
        ("labels", "export", "m"),
    ],
)
def test_a_home_without_a_model_is_named_and_stays_empty(retune: Command, home: Path, words: tuple[str, ...]) -> None:
    assert_error(retune(*words), f"{home / 'registry'} holds no model", "--home")
    assert not home.exists()


def test_forgetting_in_another_home_names_the_ledger(retune: Command, home: Path) -> None:
    assert_error(retune("forget", "--prediction", "a"), "No prediction 'a'", str(home / "ledger.db"))
    assert_error(retune("forget", "--key", "shop"), "'shop'", str(home / "ledger.db"))
    assert not home.exists()


def test_doctor_notes_an_empty_home_and_does_not_make_it(retune: Command, home: Path) -> None:
    code, out, _ = retune("doctor")
    assert code == 0
    for part in (f"{home} does not exist yet", "ledger.db does not exist yet", f"{home / 'registry'} holds no model"):
        assert part in out
    assert out.count("\nnote ") == 3
    assert not home.exists()


def test_doctor_says_an_invalid_config_once(retune: Command, tmp_path: Path) -> None:
    (tmp_path / "retune.toml").write_text("[service]\nprot = 1\n")
    code, out, _ = retune("doctor")
    assert (code, out.count("BAD"), out.count("service.prot")) == (3, 1, 1)


def test_monitor_says_that_no_model_has_a_champion(retune: Command, home: Path, tiny_package: Path) -> None:
    retune("register", tiny_package, "--model", "tickets")
    assert_error(retune("monitor", "--once"), str(home / "registry"), "has a champion", "models: tickets")
    assert_error(retune("versions", "ticket"), "No model 'ticket'", str(home / "registry"), "Did you mean 'tickets'?")


def test_looking_at_a_model_makes_no_ledger(retune: Command, home: Path, tiny_package: Path) -> None:
    Home(Config(home=home)).registry.add(tiny_package, "m")
    (home / "registry" / "m" / "champion.json").write_text('{"version": "1"}')
    for words in (("decisions", "m"), ("versions", "m"), ("labels", "export", "m"), ("doctor",), ("worker", "--once")):
        assert retune(*words)[0] == 0
    assert f"No job is queued in sqlite:///{home / 'ledger.db'}" in retune("worker", "--once")[1]
    assert not (home / "ledger.db").exists()
