"""Packages that are made without training."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.words import word_package


@pytest.fixture
def tiny_package(tmp_path: Path) -> Path:
    return word_package(tmp_path / "package")
