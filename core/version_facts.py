"""What the packages of the versions say of themselves, from their small files: no graph is copied or verified."""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.errors import CorruptPackage
from core.package import FACTS, MANIFEST, PackageFacts, facts_in
from core.registry import Registry
from core.share import Share, measured

MOST_KNOWN = 256


@dataclass(frozen=True)
class VersionFacts:
    """`package`: without its golden answers; `digest`: of the package."""

    package: PackageFacts
    size_bytes: int
    digest: str

    @property
    def size_mb(self) -> float:
        return self.size_bytes / 1e6

    @property
    def accuracy(self) -> Share | None:
        """Of the served file on the validation rows, with a 95 % interval; None in a package that records none."""
        value, rows = self.package.metrics.get("served_accuracy"), self.validation.get("rows")
        if not isinstance(value, int | float) or not 0 <= value <= 1:
            return None
        known = rows if isinstance(rows, int) else self.package.lineage.data.validation_rows
        return measured(round(value * known), known) if known > 0 else Share(value, 0.0, 1.0)

    @property
    def validation(self) -> dict[str, Any]:
        """The metrics on the validation rows, by name; empty in a package that records none."""
        found = self.package.metrics.get("validation")
        numbers = found.items() if isinstance(found, dict) else ()
        return {name: value for name, value in numbers if isinstance(value, int | float)}


class KnownVersions:
    """Reads the facts of versions, and keeps those of the last ones: a version never changes."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._known: OrderedDict[tuple[str, str], VersionFacts] = OrderedDict()

    def of(self, model: str, version: str) -> VersionFacts:
        """Of a version that there is. Raises `CorruptPackage`."""
        key = (model, version)
        found = self._known.get(key) or self._read(model, version)
        self._known[key] = found
        while len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        return found

    def _read(self, model: str, version: str) -> VersionFacts:
        place = Path(self._registry.place) / model / "versions" / version
        manifest, facts = (self._file(model, version, name, place) for name in (MANIFEST, FACTS))
        try:
            size_bytes = sum(int(file["size_bytes"]) for file in manifest["files"].values())
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CorruptPackage(place, f"{MANIFEST} does not fit") from error
        return VersionFacts(replace(facts_in(facts, place), golden=[]), size_bytes, str(manifest.get("digest")))

    def _file(self, model: str, version: str, name: str, place: Path) -> dict[str, Any]:
        content = self._registry.note(f"{model}/versions/{version}/{name}")
        if content is None:
            raise CorruptPackage(place, f"{name} is missing")
        try:
            found = json.loads(content)
        except ValueError as error:
            raise CorruptPackage(place, f"{name} is not readable JSON") from error
        if not isinstance(found, dict):
            raise CorruptPackage(place, f"{name} is not a JSON object")
        return found
