from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from core.config import Config
from core.errors import CorruptPackage
from core.registry import Registry, open_registry


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return open_registry(Config(home=tmp_path))


def test_the_same_package_is_the_same_version_unless_that_is_damaged(
    registry: Registry, tiny_package: Path, tmp_path: Path
) -> None:
    assert [registry.add(tiny_package, "tickets") for _ in range(2)] == ["1", "1"]
    graph = tmp_path / "registry/tickets/versions/1/model.onnx"
    graph.write_bytes(graph.read_bytes() + b"x")
    with pytest.raises(CorruptPackage, match="Export it again"):
        registry.promote("tickets", "1")
    assert registry.add(tiny_package, "tickets") == "2"
    assert registry.promote("tickets", "2").version == "2"


def test_the_default_model_is_the_one_first_put_in_service(
    registry: Registry, tiny_package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for model in ("b", "a", "c"):
        registry.add(tiny_package, model)
    assert registry.default_model() is None
    monkeypatch.setattr("core.registry.utc_now", lambda: "2031-01-01T00:00:00.000000+00:00")
    registry.promote("b", "1")
    monkeypatch.undo()  # the clock was ahead
    registry.promote("a", "1")
    registry.promote("b", "1")
    assert registry.default_model() == "b"
    shutil.rmtree(tmp_path / "registry/b")
    assert registry.default_model() == "a"


def test_a_repaired_pointer_keeps_the_place_of_its_model(
    registry: Registry, tiny_package: Path, tmp_path: Path
) -> None:
    for model in ("a", "b"):
        registry.promote(model, registry.add(tiny_package, model))
    (tmp_path / "registry/a/champion.json").write_text('{"version"')
    assert registry.default_model() == "b"
    registry.promote("a", "1")
    assert registry.default_model() == "a"


def test_an_undone_first_promotion_leaves_no_place(registry: Registry, tiny_package: Path) -> None:
    registry.promote("a", registry.add(tiny_package, "a"))
    registry.restore_pointer("a", None)
    registry.promote("b", registry.add(tiny_package, "b"))
    registry.promote("a", "1")
    assert registry.default_model() == "b"


def test_a_pointer_without_the_time_of_the_first_promotion_keeps_its_place(
    registry: Registry, tiny_package: Path, tmp_path: Path
) -> None:
    old = '{"version": "7", "previous": [], "since": "2026-01-31T09:30:00.000000+00:00"}'
    registry.add(tiny_package, "old")
    (tmp_path / "registry/old/champion.json").write_text(old)
    registry.promote("new", registry.add(tiny_package, "new"))
    registry.promote("old", "1")
    assert registry.default_model() == "old"
