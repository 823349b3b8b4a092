from __future__ import annotations

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.api_keys import add_key, read_keys, revoke_key, split_key, verify_secret
from core.errors import BurstWithoutRate, InvalidName, KeyNameTaken, KeyNotFound, KeysUnreadable, UnusableRate


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "keys.json"


def test_a_key_is_verified_by_its_secret_only(path: Path) -> None:
    key, text = add_key(path, "shop", ["predict"])
    public_id, secret = split_key(text)
    assert public_id == key.id
    assert verify_secret(key, secret)
    assert not verify_secret(key, secret[:-1])
    assert not verify_secret(None, secret)


def test_only_a_hash_is_stored_in_a_file_that_only_its_owner_can_read(path: Path) -> None:
    _, text = add_key(path, "shop", ["predict", "feedback", "predict"], rate=2.5)
    (stored,) = read_keys(path) or ()
    assert split_key(text)[1] not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (stored.scopes, stored.rate, stored.burst, stored.is_live) == (("predict", "feedback"), 2.5, 3, True)


def test_a_revoked_key_keeps_its_position_and_its_name_is_free(path: Path) -> None:
    first, _ = add_key(path, "shop", ["predict"])
    add_key(path, "app", ["feedback"])
    assert not revoke_key(path, "shop").is_live
    again, _ = add_key(path, "shop", ["predict"])
    assert [(key.name, key.is_live) for key in read_keys(path) or ()] == [
        ("shop", False),
        ("app", True),
        ("shop", True),
    ]
    assert again.id != first.id


def test_a_key_ends_when_it_expires(path: Path) -> None:
    key, _ = add_key(path, "shop", ["predict"], expires_s=3600)
    assert key.is_live
    assert not key.model_copy(update={"expires_at": datetime.now(UTC)}).is_live


def test_keys_added_at_the_same_time_are_all_stored(path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: add_key(path, f"k{number}", ["predict"]), range(24)))
    assert len(read_keys(path) or ()) == 24


def test_wrong_input_is_one_sentence(path: Path) -> None:
    add_key(path, "shop", ["predict"])
    with pytest.raises(KeyNameTaken, match="retune keys revoke shop"):
        add_key(path, "shop", ["predict"])
    with pytest.raises(InvalidName, match="beginning with a letter"):
        add_key(path, "../up", ["predict"])
    with pytest.raises(BurstWithoutRate, match="--rate"):
        add_key(path, "app", ["predict"], burst=5)
    for rate in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(UnusableRate, match="requests a second"):
            add_key(path, "app", ["predict"], rate=rate)
    with pytest.raises(KeyNotFound, match="In use: shop"):
        revoke_key(path, "app")


def test_a_missing_file_differs_from_a_file_without_keys(path: Path) -> None:
    assert read_keys(path) is None
    path.parent.mkdir()
    path.write_text('{"keys": []}')
    assert read_keys(path) == ()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"keys": [{"name": "shop"}]}', '{"keys": [], "more": 1}', "\x00"])
def test_a_damaged_file_is_an_error_and_never_read_as_empty(path: Path, content: str) -> None:
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(KeysUnreadable, match=r"keys\.json cannot be read"):
        read_keys(path)
    with pytest.raises(KeysUnreadable):
        add_key(path, "shop", ["predict"])
    assert path.read_text() == content


def test_an_invalid_hash_is_an_error_that_does_not_show_it(path: Path) -> None:
    add_key(path, "shop", ["predict"])
    stored = json.loads(path.read_text())
    stored["keys"][0]["secret_sha256"] = "PLAINTEXT"
    path.write_text(json.dumps(stored))
    with pytest.raises(KeysUnreadable) as refused:
        read_keys(path)
    assert "PLAINTEXT" not in str(refused.value)


def test_a_folder_instead_of_the_file_is_an_error(path: Path) -> None:
    os.makedirs(path)
    with pytest.raises(KeysUnreadable):
        read_keys(path)
