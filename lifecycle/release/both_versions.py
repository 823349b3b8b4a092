"""The guarded version's answers, as they were given, beside those of the version before to the same texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from core.assigned import cells
from core.datasets import Text
from core.engine import Answering, Engine
from core.package import PackageFacts, read_facts
from core.taxonomy import Taxonomy
from lifecycle.cached_answers import answers_of
from lifecycle.release.observed import Answered
from lifecycle.release.side_by_side import slowdown


@dataclass(frozen=True)
class Given:
    """A recorded answer of the guarded version. `text`: None if it is not stored as it came."""

    key: str
    number: int
    caller: str | None
    label: str
    score: float
    text: Text | None


class BothVersions:
    """The version before is loaded at its first use, and stays in memory. `before` None: there is none."""

    def __init__(self, now: Path, before: Path | None, *, cache: Path) -> None:
        self._now, self._before, self._cache = now, before, cache
        self.facts: PackageFacts = read_facts(now)

    def answered(self, given: Sequence[Given], taxonomy: Taxonomy) -> list[Answered]:
        """Raises `CorruptPackage` if the version before cannot be loaded."""
        found = [self._as_given(one, taxonomy) for one in given]
        places = [place for place, one in enumerate(given) if one.text is not None]
        if self._before is None or not places:
            return found
        before = self._engine
        outputs = before.answer([text for one in given if (text := one.text) is not None])
        labels = cells(outputs.predicted, before.labels)
        for place, label, score in zip(places, labels, outputs.confidence.tolist(), strict=True):
            abstains = _abstains(before.facts, score)
            found[place] = replace(found[place], before=_today(taxonomy, label), before_abstains=abstains)
        return found

    def _as_given(self, one: Given, taxonomy: Taxonomy) -> Answered:
        abstains = _abstains(self.facts, one.score)
        return Answered(one.key, one.number, one.caller, _today(taxonomy, one.label), None, abstains)

    def slowdown(self, texts: Sequence[Text]) -> float:
        """As `side_by_side.slowdown`; 1 if there is nothing to compare."""
        if self._before is None or not texts:
            return 1.0
        return slowdown(Engine(self._now, threads=1), Engine(self._before, threads=1), texts)

    @cached_property
    def _engine(self) -> Answering:
        """Of the version before."""
        return answers_of(self._before or self._now, self._cache)


def _today(taxonomy: Taxonomy, cell: str) -> str:
    return taxonomy.today(cell) or cell


def _abstains(facts: PackageFacts, score: float) -> bool:
    return score < (facts.abstain_below or 0.0)
