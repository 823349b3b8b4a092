"""Situations of a model `m` at version 1, without a package on disk."""

from __future__ import annotations

from pathlib import Path

from core.champion import ChampionPackage
from core.package import PackageFacts
from core.registry import Champion
from lifecycle.situation import Situation
from monitoring.window import features_of


def situation_of(facts: PackageFacts, *, fresh_after: int = 0) -> Situation:
    reference = features_of([], facts.labels, dimensions=2, multi_label=facts.kind == "multi-label")
    champion = ChampionPackage("m", Champion("1"), Path("no-folder"), facts, reference)
    return Situation(champion, check=None, fresh_after=fresh_after, window=[], labelled=[], labelled_keys=set())
