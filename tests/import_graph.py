"""The import graph of the packages, read from the source.

`python -m tests.import_graph PACKAGE` prints the graph of a package as Mermaid, with each sub-package as one node.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("core", "finetune", "export", "service", "monitoring", "lifecycle", "cli")

Graph = Mapping[str, set[str]]


@cache
def module_graph() -> dict[str, set[str]]:
    """Maps every module to the modules of the packages that it imports, anywhere in the file."""
    paths = {_name(path): path for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    return {name: set(_imported(path, paths)) - {name} for name, path in paths.items()}


def collapsed(graph: Graph, room: str) -> dict[str, set[str]]:
    """The top-level modules of a room, with each sub-package as one node."""
    inside = {name: _entry(name, room) for name in graph if name.startswith(f"{room}.")}
    found: dict[str, set[str]] = {entry: set() for entry in inside.values()}
    for name, entry in inside.items():
        found[entry] |= {inside[other] for other in graph[name] if other in inside} - {entry}
    return found


def find_cycle(graph: Graph) -> list[str]:
    """The nodes of an import cycle, the first one repeated at the end; empty if there is no cycle."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def mermaid(graph: Graph) -> str:
    arrows = [f"  {name} --> {other}" for name in sorted(graph) for other in sorted(graph[name])]
    return "\n".join(["flowchart TD", *(f"  {name}" for name in sorted(graph)), *arrows])


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _entry(name: str, room: str) -> str:
    return name.removeprefix(f"{room}.").split(".")[0]


def _imported(path: Path, known: Mapping[str, Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module:
            named = {f"{node.module}.{alias.name}" for alias in node.names}
            modules = named & known.keys()
            yield from modules
            if modules != named and node.module in known:
                yield node.module


if __name__ == "__main__":
    sys.stdout.write(mermaid(collapsed(module_graph(), sys.argv[1])) + "\n")
