"""What an environment has that was made by `pip install .[serve]`."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

ROOT = Path(__file__).parents[1]


def absent_modules() -> list[str]:
    """Top-level modules of this environment whose distributions the base dependencies and `serve` do not bring."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    present = _closure([*project["dependencies"], *project["optional-dependencies"]["serve"]])
    own = {"retune", "pip", "setuptools"}
    return sorted(
        module
        for module, distributions in packages_distributions().items()
        if not {_normalised(name) for name in distributions} & (present | own)
    )


def _closure(requirements: list[str]) -> set[str]:
    found: set[str] = set()
    waiting = [_named(requirement) for requirement in requirements]
    while waiting:
        name, extras = waiting.pop()
        if name not in found:
            found.add(name)
        waiting += [one for one in map(_named, _needs(name, extras)) if one[0] not in found]
    return found


def _needs(name: str, extras: set[str]) -> list[str]:
    """Its requirements; markers other than of extras are taken to hold, so that rather too much is present."""
    try:
        given = requires(name) or []
    except PackageNotFoundError:  # of another system or another release of Python
        return []
    marked = [(one, set(re.findall(r"extra\s*==\s*['\"]([^'\"]+)['\"]", one))) for one in given]
    return [one for one, of_extras in marked if not of_extras or of_extras & extras]


def _named(requirement: str) -> tuple[str, set[str]]:
    name = re.split(r"[<>=!~\[;( ]", requirement, maxsplit=1)[0]
    extras = re.match(r"[^;\[]*\[([^\]]+)\]", requirement)
    return _normalised(name), {one.strip() for one in extras[1].split(",")} if extras else set()


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
