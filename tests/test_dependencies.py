"""Every imported library is declared and pinned, and all of them can be imported together."""

from __future__ import annotations

import ast
import importlib
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("cli", "core", "export", "finetune", "lifecycle", "monitoring", "service")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def name_of(requirement: str) -> str:
    return re.split(r"[<>=!~\[; ]", requirement, maxsplit=1)[0].lower().replace("_", "-")


DECLARED = {
    name_of(requirement)
    for group in [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    for requirement in group
}


def imported() -> set[str]:
    names = set()
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    names |= {alias.name.split(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    names.add(node.module.split(".")[0])
    return names - sys.stdlib_module_names - set(ROOMS)


@pytest.mark.parametrize("module", sorted(imported()))
def test_imported_library_is_declared(module: str) -> None:
    distributions = {name.lower().replace("_", "-") for name in packages_distributions()[module]}
    assert distributions & DECLARED


@pytest.mark.filterwarnings("ignore")  # warnings of third parties
@pytest.mark.parametrize("module", sorted(imported()))
def test_imported_library_can_be_imported(module: str) -> None:
    importlib.import_module(module)


def test_every_declared_library_is_pinned() -> None:
    pinned = {name_of(line) for line in (ROOT / "constraints.txt").read_text().splitlines() if line}
    assert sorted(DECLARED - pinned) == []


def test_the_serve_extra_has_no_training_or_monitoring_library() -> None:
    serving = {name_of(line) for line in [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["serve"]]}
    assert not serving & {"torch", "transformers", "evidently", "pandas", "scikit-learn", "onnx", "pyarrow"}
