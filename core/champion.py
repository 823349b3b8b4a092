"""The champion's package, verified and read once for a drift check and its decision."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.features import Features
from core.labels import Kind
from core.left_out import LeftOut
from core.package import PackageFacts, read_facts, read_left_out, read_reference
from core.registry import Champion, Registry
from core.texts.summary import TextSummary, read_text_summary


@dataclass(frozen=True)
class ChampionPackage:
    """`pointer`: the champion pointer at the time when the package was read; `texts`: of the reference, None in
    packages of earlier releases.
    """

    model: str
    pointer: Champion
    folder: Path
    facts: PackageFacts
    reference: Features
    texts: TextSummary | None = None
    left_out: LeftOut | None = None

    @property
    def version(self) -> str:
        return self.pointer.version

    @property
    def labels(self) -> list[str]:
        return self.facts.labels

    @property
    def kind(self) -> Kind:
        return self.facts.kind

    @property
    def reference_accuracy(self) -> float | None:
        """Accuracy on the labelled rows of the reference; None if no row is labelled."""
        known = self.reference.known
        return float(np.mean(self.reference.right[known])) if known.any() else None


def read_champion(registry: Registry, model: str) -> ChampionPackage:
    """Raises `ModelNotFound`, `NoChampion` or `CorruptPackage`."""
    return _read(registry, model, registry.champion(model))


def read_version(registry: Registry, model: str, version: str) -> ChampionPackage:
    """A version that was the champion; raises `ModelNotFound`, `VersionNotFound` or `CorruptPackage`."""
    return _read(registry, model, Champion(version))


def _read(registry: Registry, model: str, pointer: Champion) -> ChampionPackage:
    folder = registry.verified_folder(model, pointer.version)
    facts, reference = read_facts(folder), read_reference(folder)
    return ChampionPackage(model, pointer, folder, facts, reference, read_text_summary(folder), read_left_out(folder))
