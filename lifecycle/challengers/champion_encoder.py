"""The checkpoint whose encoder the champion has."""

from __future__ import annotations

from core.champion import ChampionPackage
from core.config import Config
from core.encoder_lineages import encoder_lineages
from core.errors import ChallengerSkipped, CorruptCheckpoint
from core.kept_checkpoints import KeptCheckpoint, KeptCheckpoints
from core.lineage import TrainingData
from core.package import PackageFacts
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
    return next((one.checkpoint for _, one in encoder_lineages(registry, model, facts) if one.checkpoint), None)


def encoder_data(champion: ChampionPackage, config: Config) -> TrainingData:
    """The rows that the champion's encoder was trained on: those of the earliest version with it that is there."""
    *_, (_, first) = encoder_lineages(open_registry(config), champion.model, champion.facts)
    return first.data
