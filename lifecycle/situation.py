"""The current state of a model: champion, last conclusive check, and recent predictions and labels."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from core.champion import ChampionPackage
from core.home import Home
from core.records import CheckRecord, Draw, LabelledPrediction, StoredPrediction
from core.taxonomy import Taxonomy
from lifecycle.labels.pools import in_text_order


@dataclass(frozen=True)
class Situation:
    """`window` and `labelled`: rows of the champion's version; `labelled_keys`: keys of labelled texts of all versions;
    `untold_keys`: keys of texts whose label nobody can tell.

    Each text of `window` is one row, in an order that hangs on the texts alone. `fresh_after`: number of the last
    prediction in the last check without drift; later rows are fresh. `recent`: the latest rows, oldest first, since the
    promotion, before which prediction `promoted_after` came; `draws`: its random texts; `open_requests`: ids of
    predictions whose labels are asked for.
    """

    champion: ChampionPackage
    check: CheckRecord | None
    fresh_after: int
    window: list[StoredPrediction]
    labelled: list[LabelledPrediction]
    labelled_keys: set[str]
    untold_keys: set[str] = field(default_factory=set)
    taxonomy: Taxonomy = field(default_factory=Taxonomy)
    promoted_after: int = 0
    recent: list[StoredPrediction] = field(default_factory=list)
    draws: list[Draw] = field(default_factory=list)
    open_requests: set[str] = field(default_factory=set)

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
    promoted_after = ledger.promoted_after(model, version)
    limit = home.config.drift.window_rows
    labelled = ledger.labelled(model, kind=champion.kind, counting=home.config.labels.counting)
    return Situation(
        champion=champion,
        check=ledger.last_conclusive_check(model, version),
        fresh_after=fresh_after,
        window=_window(home, model, version, after=fresh_after),
        labelled=[row for row in labelled if row.version == version],
        labelled_keys={row.example.key for row in labelled},
        untold_keys=ledger.untold.keys(model),
        taxonomy=ledger.rules.taxonomy(model, champion.kind),
        promoted_after=promoted_after,
        recent=ledger.window(model, version, limit=limit, after=promoted_after),
        draws=[draw for draw in ledger.draws.rows(model, version) if draw.number > promoted_after],
        open_requests={request.prediction_id for request in ledger.label_requests(model)},
    )


def fresh_since(home: Home, situation: Situation, number: int) -> Situation:
    """The situation with all rows after a prediction as fresh ones: a check that is ok does not show otherwise."""
    if number >= situation.fresh_after:
        return situation
    window = _window(home, situation.model, situation.version, after=number)
    return replace(situation, fresh_after=number, window=window)


def _window(home: Home, model: str, version: str, *, after: int) -> list[StoredPrediction]:
    rows = home.ledger.window(model, version, limit=home.config.drift.window_rows, after=after)
    return in_text_order(rows)
