from __future__ import annotations

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
