"""One page of the texts on which a version and the champion of its gate differ."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from core.errors import Unavailable
from core.gate_texts import Flow, Judged, flows, judged_texts, stored_texts
from core.home import Home
from core.taxonomy import Taxonomy
from service.pages.version_view import VersionView

ROWS, FLOWS, MOST_PAGES = 20, 12, 10_000
FIRST_CHARS, MOST_CHARS = 300, 4_000
"""Characters of a text that are shown at once, and those that can be opened: 20 texts stay below 100 kB."""


@dataclass(frozen=True)
class ShownText:
    """`text`: None if the prediction is no longer there, "" if its text is not kept."""

    judged: Judged
    text: str | None

    @property
    def first(self) -> str:
        return (self.text or "")[:FIRST_CHARS]

    @property
    def rest(self) -> str:
        return (self.text or "")[FIRST_CHARS:MOST_CHARS]

    @property
    def left_out(self) -> int:
        return max(0, len(self.text or "") - MOST_CHARS)


@dataclass(frozen=True)
class DisagreementPage:
    """`number` of `pages`, the first one is 1; `verdicts`: how many of all texts are won, lost, neither or open.

    `held_out`: held-out texts of the window, alike or not; `against`: the champion of the gate.
    """

    texts: list[ShownText]
    flows: list[Flow]
    verdicts: dict[str, int]
    differing: int
    held_out: int
    against: str | None
    number: int
    pages: int


def disagreement_page(home: Home, view: VersionView, number: int) -> DisagreementPage | None:
    """None if no gate found any, or the ledger is away. A page after the last one is the last one."""
    record = next((one for one in view.gates if one.gate and one.gate.verdict.disagreements.differing), None)
    if record is None or record.gate is None:
        return None
    found = record.gate.verdict.disagreements
    try:
        taxonomy, counting = _taxonomy(home, record.model, view), home.config.labels.counting
        judged = judged_texts(home.ledger, record.model, found, taxonomy, counting)
        pages = -(-len(judged) // ROWS)
        number = min(number, pages)
        shown = judged[(number - 1) * ROWS : number * ROWS]
        texts = stored_texts(home.ledger.database, [one.differing.prediction_id for one in shown])
    except Unavailable:
        return None
    return DisagreementPage(
        [ShownText(one, texts.get(one.differing.prediction_id)) for one in shown],
        flows(judged)[:FLOWS],
        dict(Counter(one.verdict for one in judged)),
        len(judged),
        found.texts,
        record.previous,
        number,
        pages,
    )


def _taxonomy(home: Home, model: str, view: VersionView) -> Taxonomy:
    facts = view.row.facts
    return home.ledger.rules.taxonomy(model, facts.package.kind if facts else "single-label")
