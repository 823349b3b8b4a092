"""The contract of a store, tested with a local folder and with an object store (fsspec's in-memory one)."""

import errno
import tempfile
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from core.errors import CorruptPackage, DiskFull, RegistryNotWritable, UnusableRegistry
from core.package import MANIFEST
from core.store import Store
from tests.core.test_durable import unprivileged

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


def accept(_: Path) -> None:
    """A verification that succeeds."""


def test_an_empty_store_lists_no_names(store: Store) -> None:
    assert store.names("m/versions") == []
    assert store.read("m/champion.json") is None
    assert not store.exists("m")


def test_an_unreachable_store_is_an_error_and_not_empty(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add_folder(folder, "m/versions/1", verify=accept)

    def fail(*_: object, **__: object) -> None:
        raise ConnectionError("no route")

    for name in ("ls", "info"):
        monkeypatch.setattr(type(store._files), name, fail)
    with pytest.raises(ConnectionError):
        store.names("m/versions")
    with pytest.raises(ConnectionError):
        store.exists("m/versions/1")


def test_a_small_file_is_replaced(store: Store) -> None:
    store.write("m/champion.json", b"one")
    store.write("m/champion.json", b"two")
    assert store.read("m/champion.json") == b"two"
    assert store.names("m") == ["champion.json"]


def test_a_folder_is_added_once_and_can_be_read(store: Store, folder: Path) -> None:
    assert store.add_folder(folder, "m/versions/1", verify=accept)
    assert not store.add_folder(folder, "m/versions/1", verify=accept)
    assert store.names("m/versions") == ["1"]
    assert (store.local_folder("m/versions/1") / "data").read_text() == "content"


def test_a_dropped_local_copy_is_copied_again(tmp_path: Path, folder: Path) -> None:
    store = Store(f"memory://{uuid4().hex}", cache=tmp_path / "cache")
    store.add_folder(folder, "m/versions/1", verify=accept)
    (store.local_folder("m/versions/1") / "data").write_text("changed")
    store.drop_local_copy("m/versions/1")
    assert (store.local_folder("m/versions/1") / "data").read_text() == "content"


def test_a_full_disk_while_adding_a_folder_leaves_no_files(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(_source: Path, _target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("shutil.copyfile", no_space)
    store = Store(str(tmp_path / "store"), cache=tmp_path / "cache")
    with pytest.raises(DiskFull):
        store.add_folder(folder, "m/versions/1", verify=accept)
    assert list((tmp_path / "store" / "m" / "versions").iterdir()) == []


def test_a_copy_that_fails_the_verification_is_deleted(store: Store, folder: Path) -> None:
    def refuse(copy: Path) -> None:
        assert (copy / "data").read_text() == "content"
        raise CorruptPackage(copy, "data differs")

    with pytest.raises(CorruptPackage):
        store.add_folder(folder, "m/versions/1", verify=refuse)
    assert not store.exists(f"m/versions/1/{MANIFEST}")
    assert store.add_folder(folder, "m/versions/1", verify=accept)


def test_an_added_folder_and_its_parents_are_synced(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr("core.durable.sync_folder", synced.append)
    Store(str(tmp_path / "store"), cache=tmp_path / "cache").add_folder(folder, "m/versions/1", verify=accept)
    assert {tmp_path, tmp_path / "store", tmp_path / "store/m", tmp_path / "store/m/versions"} <= set(synced)


def test_a_failed_copy_leaves_no_files(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(f"memory://{uuid4().hex}", cache=tmp_path / "cache")
    store.add_folder(folder, "m/versions/1", verify=accept)
    store.drop_local_copy("m/versions/1")

    def fail(*_: object, **__: object) -> None:
        raise ConnectionError("no route")

    monkeypatch.setattr(type(store._files), "get_file", fail)
    with pytest.raises(ConnectionError):
        store.local_folder("m/versions/1")
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file() or path.name.startswith(".")] == []


def test_an_invalid_url_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UnusableRegistry, match=r"nosuch://models cannot be used: .*Set 'registry.url'"):
        Store("nosuch://models", cache=tmp_path)


def test_a_removed_folder_is_absent_and_its_neighbours_stay(store: Store, folder: Path) -> None:
    for version in ("1", "2"):
        store.add_folder(folder, f"m/versions/{version}", verify=accept)
    assert store.size_bytes("m/versions") == 2 * store.size_bytes("m/versions/1") > 0
    local = store.local_folder("m/versions/1")
    store.remove_folder("m/versions/1")
    assert [store.exists(f"m/versions/{version}/{MANIFEST}") for version in ("1", "2")] == [False, True]
    assert not local.exists()
    store.remove_folder("m/versions/1")
    store.remove_folder("m/versions")
    assert not store.exists(f"m/versions/2/{MANIFEST}")
    assert store.size_bytes("m/versions") == 0


def test_a_folder_that_takes_no_file_is_named() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "m"
        folder.mkdir(mode=0o555)
        Path(name).chmod(0o755)
        with unprivileged(), pytest.raises(RegistryNotWritable, match=r"m/champion.json cannot be written: Permission"):
            Store(name, cache=folder).write("m/champion.json", b"{}")
        assert list(folder.iterdir()) == []
