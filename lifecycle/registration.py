"""From a package to a version in the registry."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core.home import Home
from core.package import read_facts
from lifecycle.challengers.champion_encoder import checkpoint_digest


@dataclass(frozen=True)
class Registered:
    """`before`: the champion, else the version before, with which this one is compared; None of a new model.

    `is_kept`: whether the weights of its checkpoint are kept, so that a retrain can go on from them.
    """

    version: str
    champion: str | None
    before: str | None
    is_kept: bool


def register_package(home: Home, package: Path, model: str) -> Registered:
    """Add a verified package as the next version; clients see it after a promotion. Raises as `Registry.add`."""
    earlier = home.registry.versions(model)
    version = home.registry.add(package, model)
    digest = checkpoint_digest(model, read_facts(package), home.registry)
    is_kept = digest is not None and home.checkpoints.keep_noted(digest)
    pointer = home.registry.pointer(model)
    champion = pointer.version if pointer else None
    return Registered(version, champion, champion or (earlier[-1] if earlier else None), is_kept)
