"""The checkpoint whose encoder the champion has."""

from __future__ import annotations

from collections.abc import Iterator

from core.champion import ChampionPackage
from core.config import Config
from core.errors import ChallengerSkipped, CorruptCheckpoint
from core.kept_checkpoints import KeptCheckpoint, KeptCheckpoints
from core.lineage import Lineage, TrainingData
from core.package import PackageFacts, read_digest, read_facts
from core.registry import Registry, open_registry


def champion_encoder(champion: ChampionPackage, config: Config) -> KeptCheckpoint:
    """Raises `ChallengerSkipped` if it is no longer kept."""
    name = f"{champion.model}@{champion.version}"
    digest = checkpoint_digest(champion.model, champion.facts, open_registry(config))
    if digest is None:
        raise ChallengerSkipped(f"the version whose encoder {name} has is not in the registry")
    try:
        kept = KeptCheckpoints(config.checkpoints).find(digest)
    except CorruptCheckpoint as error:
        raise ChallengerSkipped(f"the checkpoint of {name} is damaged ({error})") from error
    if kept is None:
        raise ChallengerSkipped(f"the checkpoint of {name} is not kept under {config.checkpoints}")
    return kept


def checkpoint_digest(model: str, facts: PackageFacts, registry: Registry) -> str | None:
    """The digest of the checkpoint whose encoder a package has: its own, or that of the version before the new head."""
    return next((lineage.checkpoint for lineage in _lineages(model, facts, registry) if lineage.checkpoint), None)


def encoder_data(champion: ChampionPackage, config: Config) -> TrainingData:
    """The rows that the champion's encoder was trained on: those of the earliest version with it that is there."""
    *_, first = _lineages(champion.model, champion.facts, open_registry(config))
    return first.data


def _lineages(model: str, facts: PackageFacts, registry: Registry) -> Iterator[Lineage]:
    """The package's own, then those of the versions whose encoder it has, the latest first."""
    lineage = facts.lineage
    yield lineage
    if lineage.checkpoint or not lineage.encoder_of:
        return
    folders = [registry.folder(model, version) for version in registry.versions(model)]
    by_digest = {read_digest(folder): folder for folder in folders}
    for _ in folders:  # a version names an earlier one; a circle cannot be, but may be written
        if lineage.checkpoint or lineage.encoder_of not in by_digest:
            return
        lineage = read_facts(by_digest[lineage.encoder_of]).lineage
        yield lineage
