"""What a module or a sub-room of `finetune` imports stands before it, and there are no circles."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

ROOM = Path(__file__).parents[2] / "finetune"

ORDER = (
    "run_state",
    "measuring",
    "encoders",
    "head",
    "task",
    "training",
    "methods",
    "quality",
    "report",
    "split",
    "preparation",
    "provenance",
    "model_card",
    "checkpoint",
    "cross_validation",
    "outcome",
    "run",
)


MODULES = {
    ".".join(path.relative_to(ROOM.parent).with_suffix("").parts): path
    for path in sorted(ROOM.rglob("*.py"))
    if path.name != "__init__.py"
}


def imported(path: Path) -> Iterator[str]:
    """Modules of the room that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module in MODULES:
            yield node.module
        elif isinstance(node, ast.ImportFrom):
            yield from (name for alias in node.names if (name := f"{node.module}.{alias.name}") in MODULES)


def entry_of(module: str) -> str:
    return module.split(".")[1]


def test_every_entry_has_its_place() -> None:
    assert {entry_of(module) for module in MODULES} == set(ORDER)


def test_no_import_points_up() -> None:
    wrong = [
        f"{module} imports {name}"
        for module, path in MODULES.items()
        for name in imported(path)
        if ORDER.index(entry_of(name)) > ORDER.index(entry_of(module))
    ]
    assert wrong == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    TopologicalSorter({module: set(imported(path)) for module, path in MODULES.items()}).prepare()
