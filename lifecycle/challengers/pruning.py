"""Which checkpoints are kept: those of the versions that a training may go on from."""

from __future__ import annotations

import logging

from core.errors import RetuneError
from core.home import Home
from core.package import read_facts
from lifecycle.challengers.champion_encoder import checkpoint_digest

log = logging.getLogger(__name__)


def prune_checkpoints(home: Home) -> list[str]:
    """Keep those of each model's champion, of the version before it, and of all later versions; returns the digests of
    the others. Nothing is deleted if a version cannot be read: it may need any of them.
    """
    try:
        needed = {_digest(home, model, version) for model in home.registry.models() for version in _needed(home, model)}
    except RetuneError as error:
        log.warning("no checkpoint is pruned: %s", error)
        return []
    return home.checkpoints.prune({digest for digest in needed if digest})


def _digest(home: Home, model: str, version: str) -> str | None:
    return checkpoint_digest(model, read_facts(home.registry.folder(model, version)), home.registry)


def _needed(home: Home, model: str) -> list[str]:
    versions, pointer = home.registry.versions(model), home.registry.readable_pointer(model)
    if pointer is None:
        return versions
    named = {pointer.version, *pointer.previous[-1:]}
    return [version for version in versions if version in named or int(version) > int(pointer.version)]
