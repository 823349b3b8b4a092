"""Which versions of a model can go."""

from __future__ import annotations

from dataclasses import dataclass

from core.home import Home
from core.removal.needed import needed_versions


@dataclass(frozen=True)
class Prunable:
    """`versions`: that can be deleted; `kept`: the others, each with the reason."""

    model: str
    versions: list[str]
    kept: dict[str, str]


def prunable(home: Home, model: str, *, keep: int) -> Prunable:
    """`keep`: number of the latest versions that stay beside those that are needed. Raises as `needed_versions`."""
    known = home.registry.require_model(model)
    latest = dict.fromkeys(known[max(len(known) - keep, 0) :], f"it is one of the latest {keep}")
    kept = {**latest, **needed_versions(home, model)}
    return Prunable(model, [one for one in known if one not in kept], {one: kept[one] for one in known if one in kept})
