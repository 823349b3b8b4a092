"""Reads what came since the promotion, and lets the version before answer the same texts, off the request path."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from core.datasets import Text, key_or
from core.home import Home
from core.ledger_tables.guards import Guard
from core.ledger_tables.label_sources import text_key
from core.ledger_tables.traffic import Traffic
from core.records import LabelledPrediction, StoredPrediction
from lifecycle.evidence import different
from lifecycle.release.both_versions import BothVersions, Given
from lifecycle.release.observed import Answered, History, Observed

MOST_TEXTS = 500
"""Different texts that both versions are compared on, apart from labelled ones."""
ROWS_A_LOOK = 100
"""Predictions that are read, and answered by the version before, at most at one look: it must stay short."""
HISTORY_ROWS = 200
TIMED_TEXTS = 16


@dataclass
class Sight:
    """What one guard has seen so far; kept between its looks. `complete_to`: number of the last prediction up to which
    every text was read.
    """

    home: Home
    guard: Guard
    versions: BothVersions
    complete_to: int
    texts: dict[str, Answered] = field(default_factory=dict)
    timed: list[Text] = field(default_factory=list)

    def look(self) -> Observed:
        """What is there by now. Raises `CorruptPackage` or `LedgerUnreadable`."""
        guard, ledger = self.guard, self.home.ledger
        kind, counting = self.versions.facts.kind, self.home.config.labels.counting
        every = ledger.labelled(guard.model, kind=kind, counting=counting)
        mine = [row for row in every if row.version == guard.version and row.number > guard.after_number]
        labelled = different(mine)
        self._answer([_given_label(row) for row in labelled])
        self._read_on()
        drawn = {draw.text_key for draw in ledger.draws.rows(guard.model, guard.version)}
        before, traffic = guard.previous, Traffic(ledger.database)
        return Observed(
            texts=self._texts(labelled, drawn, copies={text_key(row) for row in mine}),
            complete_to=self.complete_to,
            history=self._history(every),
            now=traffic.load(guard.model, guard.version, since=guard.since),
            before=traffic.load(guard.model, before, until=guard.since) if before else Observed().before,
            slowdown=lambda: self.versions.slowdown(self.timed),
        )

    def _read_on(self) -> None:
        if len(self.texts) >= MOST_TEXTS:
            return
        guard = self.guard
        rows = self.home.ledger.rows_after(guard.model, guard.version, after=self.complete_to, limit=ROWS_A_LOOK)
        self._answer([_given(row) for row in rows])
        self.complete_to = rows[-1].number if rows else self.complete_to

    def _answer(self, given: Sequence[Given]) -> None:
        """Of each text once."""
        is_redacted = self.home.config.ledger.keep == "redacted"
        new = {one.key: replace(one, text=None) if is_redacted else one for one in given if one.key not in self.texts}
        taxonomy = self.home.ledger.rules.taxonomy(self.guard.model, self.versions.facts.kind)
        for one in self.versions.answered(list(new.values()), taxonomy):
            self.texts[one.key] = one
        self.timed = [*self.timed, *(one.text for one in new.values() if one.text is not None)][-TIMED_TEXTS:]

    def _texts(
        self, labelled: Sequence[LabelledPrediction], drawn: Collection[str], *, copies: set[str]
    ) -> list[Answered]:
        """Without `copies` of labelled texts, near ones, which are no further evidence."""
        labels = {text_key(row): row for row in labelled}
        texts = [text for text in self.texts.values() if text.key in labels or text.key not in copies]
        texts.sort(key=lambda text: text.number)
        return [_with_label(text, labels.get(text.key), text.key in drawn) for text in texts]

    def _history(self, every: Sequence[LabelledPrediction]) -> History:
        guard = self.guard
        rows = [row for row in every if row.version == guard.previous and row.number <= guard.after_number]
        rows = rows[-HISTORY_ROWS:]
        return History(sum(row.predicted == row.label for row in rows), len(rows))


def _given(row: StoredPrediction) -> Given:
    text = row.input if row.has_text else None
    return Given(key_or(row.input, row.id), row.number, row.key, row.label, row.score, text)


def _given_label(row: LabelledPrediction) -> Given:
    text = row.input if row.has_text else None
    return Given(text_key(row), row.number, row.key, row.predicted, row.score, text)


def _with_label(text: Answered, row: LabelledPrediction | None, is_drawn: bool) -> Answered:
    return text if row is None else replace(text, now=row.predicted, label=row.label, is_drawn=is_drawn)
