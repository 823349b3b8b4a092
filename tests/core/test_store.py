"""The same contract for a local folder and for an object store (fsspec's in-memory one)."""

import errno
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from core.errors import CorruptPackage, DiskFull, UnusableRegistry
from core.package import MANIFEST
from core.store import Store

Open = Callable[[], Store]


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    url = str(tmp_path / "store") if request.param == "local" else f"memory://{uuid4().hex}"
    return Store(url, cache=tmp_path / "cache")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    source = tmp_path / "source"
    source.mkdir()
    (source / "data").write_text("content")
    (source / MANIFEST).write_text("{}")
    return source


def nothing(_: Path) -> None:
    """Finds nothing wrong."""


def test_nothing_is_listed_before_anything_is_written(store: Store) -> None:
    assert store.names("m/versions") == []
    assert store.read("m/champion.json") is None
    assert not store.exists("m")


def test_a_store_that_is_away_is_not_an_empty_one(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.add_folder(folder, "m/versions/1", verify=nothing)

    def away(*_: object, **__: object) -> None:
        raise ConnectionError("no route")

    for name in ("ls", "info"):
        monkeypatch.setattr(type(store._files), name, away)
    with pytest.raises(ConnectionError):
        store.names("m/versions")
    with pytest.raises(ConnectionError):
        store.exists("m/versions/1")


def test_small_file_is_replaced(store: Store) -> None:
    store.write("m/champion.json", b"one")
    store.write("m/champion.json", b"two")
    assert store.read("m/champion.json") == b"two"
    assert store.names("m") == ["champion.json"]


def test_folder_is_added_once_and_can_be_opened(store: Store, folder: Path) -> None:
    assert store.add_folder(folder, "m/versions/1", verify=nothing)
    assert not store.add_folder(folder, "m/versions/1", verify=nothing)
    assert store.names("m/versions") == ["1"]
    assert (store.local_folder("m/versions/1") / "data").read_text() == "content"


def test_remote_copy_is_fetched_again_after_it_was_forgotten(tmp_path: Path, folder: Path) -> None:
    store = Store(f"memory://{uuid4().hex}", cache=tmp_path / "cache")
    store.add_folder(folder, "m/versions/1", verify=nothing)
    (store.local_folder("m/versions/1") / "data").write_text("spoiled")
    store.drop_local_copy("m/versions/1")
    assert (store.local_folder("m/versions/1") / "data").read_text() == "content"


def test_full_disk_while_a_folder_is_added_is_one_sentence_and_leaves_nothing(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(_source: Path, _target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("shutil.copyfile", no_space)
    store = Store(str(tmp_path / "store"), cache=tmp_path / "cache")
    with pytest.raises(DiskFull):
        store.add_folder(folder, "m/versions/1", verify=nothing)
    assert list((tmp_path / "store" / "m" / "versions").iterdir()) == []


def test_a_copy_that_does_not_pass_its_check_is_never_there(store: Store, folder: Path) -> None:
    def refuse(copy: Path) -> None:
        assert (copy / "data").read_text() == "content"
        raise CorruptPackage(copy, "data differs")

    with pytest.raises(CorruptPackage):
        store.add_folder(folder, "m/versions/1", verify=refuse)
    assert not store.exists(f"m/versions/1/{MANIFEST}")
    assert store.add_folder(folder, "m/versions/1", verify=nothing)


def test_a_folder_that_is_added_is_durable_with_the_folders_above_it(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr("core.durable.sync_folder", synced.append)
    Store(str(tmp_path / "store"), cache=tmp_path / "cache").add_folder(folder, "m/versions/1", verify=nothing)
    assert {tmp_path, tmp_path / "store", tmp_path / "store/m", tmp_path / "store/m/versions"} <= set(synced)


def test_a_copy_that_cannot_be_fetched_leaves_nothing_behind(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(f"memory://{uuid4().hex}", cache=tmp_path / "cache")
    store.add_folder(folder, "m/versions/1", verify=nothing)
    store.drop_local_copy("m/versions/1")

    def away(*_: object, **__: object) -> None:
        raise ConnectionError("no route")

    monkeypatch.setattr(type(store._files), "get_file", away)
    with pytest.raises(ConnectionError):
        store.local_folder("m/versions/1")
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file() or path.name.startswith(".")] == []


def test_a_store_that_cannot_be_opened_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UnusableRegistry, match=r"nosuch://models cannot be used: .*Set 'registry.url'"):
        Store("nosuch://models", cache=tmp_path)
