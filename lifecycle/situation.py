"""The current state of a model: champion, last conclusive check, and recent predictions and labels."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.champion import ChampionPackage
from core.home import Home
from core.records import CheckRecord, LabelledPrediction, StoredPrediction
from core.taxonomy import Taxonomy


@dataclass(frozen=True)
class Situation:
    """`window` and `labelled`: rows of the champion's version; `labelled_keys`: keys of labelled texts of all versions;
    `untold_keys`: keys of texts whose label nobody can tell.

    Each text of `window` is one row. `fresh_after`: number of the last prediction in the last check without drift;
    later rows are fresh.
    """

    champion: ChampionPackage
    check: CheckRecord | None
    fresh_after: int
    window: list[StoredPrediction]
    labelled: list[LabelledPrediction]
    labelled_keys: set[str]
    untold_keys: set[str] = field(default_factory=set)
    taxonomy: Taxonomy = field(default_factory=Taxonomy)

    @property
    def labels(self) -> set[str]:
        """The champion's labels by their names of today, without those that were retired."""
        return self.taxonomy.names(self.champion.labels)

    @property
    def model(self) -> str:
        return self.champion.model

    @property
    def version(self) -> str:
        return self.champion.version


def assess(home: Home, champion: ChampionPackage) -> Situation:
    ledger, model, version = home.ledger, champion.model, champion.version
    last_ok = ledger.last_conclusive_check(model, version, verdict="ok")
    fresh_after = (last_ok and last_ok.last_number) or 0
    labelled = ledger.labelled(model, kind=champion.kind, counting=home.config.labels.counting)
    return Situation(
        champion=champion,
        check=ledger.last_conclusive_check(model, version),
        fresh_after=fresh_after,
        window=ledger.window(model, version, limit=home.config.drift.window_rows, after=fresh_after),
        labelled=[row for row in labelled if row.version == version],
        labelled_keys={row.example.key for row in labelled},
        untold_keys=ledger.untold.keys(model),
        taxonomy=ledger.rules.taxonomy(model, champion.kind),
    )
