"""From which versions a version has its encoder."""

from __future__ import annotations

from collections.abc import Iterator

from core.lineage import Lineage
from core.package import PackageFacts, read_digest, read_facts
from core.registry import Registry


def encoder_lineages(registry: Registry, model: str, facts: PackageFacts) -> Iterator[tuple[str | None, Lineage]]:
    """The package's own lineage, then those of the versions whose encoder it has, the latest first, with their numbers.

    It ends at the version that trained the encoder, or before one that is not in the registry.
    """
    lineage = facts.lineage
    yield None, lineage
    if lineage.checkpoint or not lineage.encoder_of:
        return
    versions = registry.versions(model)
    by_digest = {read_digest(registry.folder(model, version)): version for version in versions}
    for _ in versions:  # a version names an earlier one; a circle cannot be, but may be written
        if lineage.checkpoint or lineage.encoder_of not in by_digest:
            return
        version = by_digest[lineage.encoder_of]
        lineage = read_facts(registry.folder(model, version)).lineage
        yield version, lineage
