"""Modules and sub-packages of `finetune` import only earlier entries of `ORDER`, without cycles."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "finetune"

ORDER = (
    "run_state",
    "measuring",
    "encoders",
    "lbfgs",
    "head",
    "left_out",
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
    "continuing",
)


MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.name != "__init__.py"
}


def imported(path: Path) -> Iterator[str]:
    """The modules of the package that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module in MODULES:
            yield node.module
        elif isinstance(node, ast.ImportFrom):
            yield from (name for alias in node.names if (name := f"{node.module}.{alias.name}") in MODULES)


def entry_of(module: str) -> str:
    return module.split(".")[1]


def test_order_lists_every_entry() -> None:
    assert {entry_of(module) for module in MODULES} == set(ORDER)


def test_no_module_imports_a_later_entry() -> None:
    wrong = [
        f"{module} imports {name}"
        for module, path in MODULES.items()
        for name in imported(path)
        if ORDER.index(entry_of(name)) > ORDER.index(entry_of(module))
    ]
    assert wrong == []


def test_imports_have_no_cycles() -> None:
    TopologicalSorter({module: set(imported(path)) for module, path in MODULES.items()}).prepare()
