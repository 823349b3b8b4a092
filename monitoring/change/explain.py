"""Adds to a verdict what changed. It can stop no check: what fails is said in the verdict."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.champion import ChampionPackage
from core.datasets import Text
from core.features import Features
from core.isolated import isolated, sentence_of
from core.records import Verdict
from monitoring.change.drawing import Located
from monitoring.change.find import compared_of, find_changes

LOG = logging.getLogger(__name__)
NO_SUMMARY = (
    "The package has no summary of the reference's texts, so wording, markup, language and script were not compared: "
    "export the model again."
)
NO_TEXTS = "The texts are not kept (ledger.keep), so wording, markup, language and script were not compared."


@dataclass(frozen=True)
class Explained:
    """`groups`: the new groups of the verdict, each with the indices of its rows in the window."""

    verdict: Verdict
    groups: list[Located]


def explained(
    verdict: Verdict,
    champion: ChampionPackage,
    window: Features,
    *,
    ids: Sequence[str],
    texts: Sequence[Text] | None,
) -> Explained:
    """A conclusive verdict with the kinds of change; `ids`, `texts` as in `compared_of`."""
    if not verdict.is_conclusive:
        return Explained(verdict, [])
    groups: list[Located] = []
    reason = NO_TEXTS if texts is None else NO_SUMMARY if champion.texts is None else ""

    def note(error: BaseException) -> None:
        nonlocal reason
        LOG.warning("%s: what changed could not be found", champion.model, exc_info=error)
        reason = f"What changed could not be found: {sentence_of(error)}"

    with isolated(note):
        compared = compared_of(
            champion.reference,
            window,
            labels=champion.labels,
            ids=ids,
            texts=texts,
            summary=champion.texts,
            max_length=champion.facts.max_length,
        )
        found = find_changes(compared, drifted=verdict.outcome == "drift")
        groups = [
            (group, compared.places[rows])
            for one in found
            for group, rows in zip(one.change.groups, one.members, strict=True)
        ]
        verdict = replace(verdict, changes=[one.change for one in found])
    return Explained(replace(verdict, not_compared=reason), groups)
