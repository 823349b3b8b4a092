from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest

from core.api_keys import read_keys, split_key, verify_secret
from tests.cli.conftest import Command


def test_a_new_key_is_the_only_output_on_stdout(retune: Command, home: Path) -> None:
    code, out, err = retune("keys", "add", "shop", "--scope", "predict", "--rate", 50, "--burst", 100, "--yes")
    assert code == 0
    (stored,) = read_keys(home / "keys.json") or ()
    assert verify_secret(stored, split_key(out.strip())[1])
    assert "From now on /predict and /feedback need a key" in err
    assert "lacks the scope feedback" in err
    assert (stored.rate, stored.burst) == (50, 100)
    assert "From now on" not in retune("keys", "add", "app", "--scope", "feedback")[2]


def test_json_contains_the_key_only_when_it_is_made(retune: Command) -> None:
    made = json.loads(retune("keys", "add", "ops", "--scope", "admin", "--expires", "90d", "--yes", "--json")[1])
    assert made["key"].startswith(f"rt_{made['id']}_")
    (listed,) = json.loads(retune("keys", "list", "--json")[1])["keys"]
    assert listed == {name: value for name, value in made.items() if name != "key"}
    assert listed["status"] == "live"


def test_the_list_shows_status_scopes_and_rate(retune: Command) -> None:
    assert "open" in retune("keys", "list")[1]
    retune("keys", "add", "shop", "--scope", "predict", "--scope", "feedback", "--rate", 2, "--yes")
    assert retune("keys", "revoke", "shop")[:2] == (0, "Key 'shop' is revoked.\n")
    line = retune("keys", "list")[1]
    assert all(part in line for part in ("shop", "revoked", "predict, feedback", "2/s, burst 2"))


def test_wrong_input_is_one_sentence(retune: Command, home: Path) -> None:
    for words, part in (
        (("revoke", "unknown"), "no key 'unknown'"),
        (("add", "1st", "--scope", "predict"), "'1st'"),
        (("add", "shop", "--scope", "predict", "--burst", 5), "--rate"),
        (("add", "shop", "--scope", "predict", "--rate", "nan"), "nan"),
        (("add", "shop", "--scope", "predict", "--expires", "soon"), "'soon'"),
        (("add", "shop", "--scope", "predict", "--expires", "99999999d"), "'99999999d'"),
        (("add", "shop", "--scope", "predict", "--expires", "0d"), "'0d'"),
    ):
        code, out, err = retune("keys", *words)
        assert (code, out) == (1, "")
        assert part in err
    assert retune("keys", "add", "shop")[0] == 2
    assert retune("keys", "add", "shop", "--scope", "everything")[0] == 2
    assert not (home / "keys.json").exists()


def test_a_damaged_file_is_an_error_and_stays_unchanged(retune: Command, home: Path) -> None:
    home.mkdir()
    (home / "keys.json").write_text("{")
    for words in (("list",), ("add", "shop", "--scope", "predict"), ("revoke", "shop")):
        code, _, err = retune("keys", *words)
        assert code == 1
        assert "keys.json cannot be read" in err
    assert (home / "keys.json").read_text() == "{"


def test_a_key_is_noted_in_a_registry_outside_the_home(retune: Command, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "retune.toml").write_text("[registry]\nurl = 'models'\n")
    assert retune("keys", "add", "shop", "--scope", "predict", "--yes")[0] == 0
    code, out, err = retune("--home", tmp_path / "other", "serve")
    assert (code, out) == (1, "")
    assert "There is no key file" in err
    assert "service.open = true" in err


def test_the_first_key_is_made_only_when_confirmed(
    retune: Command, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, err = retune("keys", "add", "ops", "--scope", "admin")
    assert (code, out) == (1, "")
    assert err.index("clients without one get 401") < err.index("Confirm the first key with --yes")
    assert "lacks the scope predict and feedback" in err
    assert not (home / "keys.json").exists()
    for answer, expected in (("n", 1), ("y", 0)):
        monkeypatch.setattr("sys.stdin", Terminal(f"{answer}\n"))
        code, out, _ = retune("keys", "add", "ops", "--scope", "admin")
        assert (code, out.startswith("rt_"), (home / "keys.json").exists()) == (expected, not expected, not expected)


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True
