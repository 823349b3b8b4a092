"""The checkpoint whose encoder the champion has."""

from __future__ import annotations

from core.champion import ChampionPackage
from core.config import Config
from core.errors import ChallengerSkipped, CorruptCheckpoint
from core.kept_checkpoints import KeptCheckpoint, KeptCheckpoints
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
    folders = [registry.folder(model, version) for version in registry.versions(model)]
    by_digest = {read_digest(folder): folder for folder in folders}
    lineage = facts.lineage
    for _ in range(len(folders) + 1):  # a version names an earlier one; a circle cannot be, but may be written
        if lineage.checkpoint:
            return lineage.checkpoint
        if lineage.encoder_of not in by_digest:
            return None
        lineage = read_facts(by_digest[lineage.encoder_of]).lineage
    return None
