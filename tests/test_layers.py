"""Packages import only the allowed packages, and third-party libraries only where allowed; read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.import_graph import collapsed, find_cycle, module_graph

ROOT = Path(__file__).parents[1]

MAY_IMPORT = {
    "core": set(),
    "finetune": {"core"},
    "export": {"core"},
    "service": {"core"},
    "monitoring": {"core"},
    "lifecycle": {"core", "finetune", "export", "monitoring"},
    "cli": {"core", "finetune", "export", "monitoring", "lifecycle", "service"},
}
ROOMS = sorted(MAY_IMPORT)

ALLOWED_PLACES = {
    "bentoml": {"service"},
    "_bentoml_impl": {"service"},
    "_bentoml_sdk": {"service"},
    "starlette": {"service"},
    "uvicorn": {"service"},
    "prometheus_client": {"service"},
    "jinja2": {"service", "core/pages.py"},
    "onnxruntime": {"core/engine.py", "export"},
    "tokenizers": {"core/engine.py", "export"},
    "torch": {"finetune", "export"},
    "transformers": {"finetune", "export"},
    "accelerate": {"finetune"},
    "cleanlab": {"finetune"},
    "peft": {"finetune"},
    "sklearn": {"finetune"},
    "onnx": {"export"},
    "onnxscript": {"export"},
    "evidently": {"monitoring"},
    "pandas": {"monitoring", "finetune", "cli"},
    "sqlalchemy": {"core"},
    "alembic": {"core"},
    "fsspec": {"core"},
    "click": {"cli"},
    "rich": {"cli"},
}


def imports(path: Path) -> Iterator[str]:
    """Top-level names of all imports of a file, anywhere in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def sources(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


@pytest.mark.parametrize("room", ROOMS)
def test_a_package_imports_only_the_allowed_packages(room: str) -> None:
    allowed = MAY_IMPORT[room] | {room}
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sources(room)
        for name in imports(path)
        if name in MAY_IMPORT and name not in allowed
    ]
    assert sources(room)
    assert wrong == []


@pytest.mark.parametrize("library", sorted(ALLOWED_PLACES))
def test_a_library_is_imported_only_where_allowed(library: str) -> None:
    wrong = [
        str(place)
        for room in ROOMS
        for path in sources(room)
        if library in imports(path)
        and not any(str(place := path.relative_to(ROOT)).startswith(home) for home in ALLOWED_PLACES[library])
    ]
    assert wrong == []


def test_modules_have_no_import_cycle() -> None:
    assert find_cycle(module_graph()) == []


@pytest.mark.parametrize("room", ROOMS)
def test_sub_packages_have_no_import_cycle(room: str) -> None:
    assert find_cycle(collapsed(module_graph(), room)) == []


@pytest.mark.parametrize(("room", "most"), [("service", 16), ("finetune", 22)])
def test_the_number_of_top_level_modules_is_limited(room: str, most: int) -> None:
    assert 1 < len(collapsed(module_graph(), room)) <= most


def test_an_import_cycle_is_detected() -> None:
    assert find_cycle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})[0] in "abc"
    assert find_cycle({"a": {"b"}, "b": set()}) == []


def test_no_module_imports_pickle_or_joblib() -> None:
    forbidden = {"pickle", "joblib", "dill", "cloudpickle", "marshal", "shelve"}
    wrong = [path.name for room in ROOMS for path in sources(room) if forbidden & set(imports(path))]
    assert wrong == []


def test_only_the_command_line_prints() -> None:
    printing = [
        str(path.relative_to(ROOT))
        for room in ROOMS
        if room != "cli"
        for path in sources(room)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert printing == []
