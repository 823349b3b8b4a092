"""The settings of a retrain: those of the champion's training, unless the config or the job says otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.config import FinetuneConfig, overridden
from core.package import PackageFacts

# A limit of the time belongs to one training; the task follows from the champion's kind.
NOT_REPEATED = frozenset({"budget", "multi_label"})


def retrain_settings(facts: PackageFacts, config: FinetuneConfig, given: Mapping[str, Any]) -> FinetuneConfig:
    """`given`: the job's own settings. They come first, then what the config sets to another value than its default,
    then the settings of the champion's training.

    Packages of earlier releases record no settings; then the config's are used. Raises `InvalidConfigValue`.
    """
    default = FinetuneConfig().model_dump()
    wanted = {key: value for key, value in config.model_dump().items() if value != default[key]}
    repeated = {key: value for key, value in facts.lineage.settings.items() if key in default.keys() - NOT_REPEATED}
    settings = overridden(FinetuneConfig(), {**repeated, **wanted}, source="the champion's training and the config")
    own = {**given, "multi_label": facts.kind == "multi-label"}
    return overridden(settings, own, source="the job")


def changed_settings(facts: PackageFacts, settings: FinetuneConfig) -> dict[str, list[Any]]:
    """What differs from the champion's training, as [before, now]; empty if the package records no settings."""
    before, now = facts.lineage.settings, settings.model_dump()
    keys = (now.keys() & before.keys()) - NOT_REPEATED
    return {key: [before[key], now[key]] for key in sorted(keys) if before[key] != now[key]}


def named(changed: Mapping[str, Sequence[Any]]) -> str:
    """A sentence about changed settings; empty if there are none.

    >>> named({"seed": [7, 0]})
    " It differs from the champion's training: seed 7 → 0."
    """
    listed = ", ".join(f"{key} {before} → {now}" for key, (before, now) in changed.items())
    return f" It differs from the champion's training: {listed}." if listed else ""
