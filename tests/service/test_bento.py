"""The Bento contains everything for serving and nothing for training."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # its stubs are another package

ROOT = Path(__file__).parents[2]
COMMAND_LINE = {"click", "rich"}
NEVER = {"torch", "transformers", "evidently", "pandas", "pyarrow", "scikit-learn", "onnx", "accelerate"}


@pytest.fixture(scope="module")
def bentofile() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "bentofile.yaml").read_text())
    return loaded


def normalised(name: str) -> str:
    return re.split(r"[<>=!~\[; ]", name)[0].lower().replace("_", "-")


def test_the_bento_has_the_server_dependencies_and_none_of_the_trainer(bentofile: dict[str, Any]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {normalised(name) for name in [*project["dependencies"], *project["optional-dependencies"]["serve"]]}
    packed = {normalised(name) for name in bentofile["python"]["packages"]}
    assert needed - COMMAND_LINE <= packed
    assert not packed & NEVER


def test_the_bento_has_the_pinned_versions(bentofile: dict[str, Any]) -> None:
    pinned = {line.lower().replace("_", "-") for line in (ROOT / "constraints.txt").read_text().split()}
    packed = {name.lower().replace("_", "-") for name in bentofile["python"]["packages"]}
    assert packed <= pinned


@pytest.mark.slow
def test_bentoml_builds_the_bento(tmp_path: Path) -> None:
    environment = {**os.environ, "BENTOML_HOME": str(tmp_path), "BENTOML_DO_NOT_TRACK": "1"}
    command = [sys.executable, "-m", "bentoml", "build", "--output", "tag"]
    built = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    name, _, version = built.stdout.strip().removeprefix("__tag__:").partition(":")
    source = tmp_path / "bentos" / name / version / "src"
    assert sorted(path.name for path in source.iterdir()) == ["bentofile.yaml", "core", "service"]
    assert (source / "service/pages/templates/model.html").exists()
    assert (source / "core/migrations/env.py").exists()
