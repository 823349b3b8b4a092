"""The texts on which the gate's versions differ: with their labels, and who is right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, select

from core.database import Database
from core.datasets import Text, input_of, key_or
from core.ledger import Ledger
from core.ledger_tables.label_sources import text_key
from core.records import Differing, Disagreements
from core.schema import feedback, predictions
from core.taxonomy import Taxonomy
from core.trust import Counting

IDS_AT_ONCE = 500
MOST_LABELS = 5_000
"""The last labels in the ledger, among which those of a text are sought."""


@dataclass(frozen=True)
class Judged:
    """A text that the versions answer differently. `label`: the latest one from people, None if there is none."""

    differing: Differing
    label: str | None

    @property
    def verdict(self) -> str:
        """
        >>> Judged(Differing("1", "bug", "billing"), "billing").verdict
        'won'
        """
        if self.label is None:
            return "open"
        return {self.differing.challenger: "won", self.differing.champion: "lost"}.get(self.label, "neither")


def judged_texts(
    ledger: Ledger, model: str, found: Disagreements, taxonomy: Taxonomy, counting: Counting
) -> list[Judged]:
    """Those with a label first, otherwise in the order in which labels are asked for. Raises `Unavailable`.

    Answers and labels have their names of today. A label of the text is sought among the last `MOST_LABELS` of the
    ledger, whatever prediction of the text it was given for, else it is the last one of the very prediction.
    """
    ids = [one.prediction_id for one in found.differing]
    of_prediction = {key: taxonomy.today(label) for key, label in _labels(ledger.database, ids).items()}
    lately = ledger.labelled_lately(model, most=MOST_LABELS, kind=taxonomy.kind, counting=counting)
    of_text = {text_key(row): row.label for row in lately}
    keys = stored_keys(ledger.database, ids)
    labels = {one: of_text.get(keys.get(one, one), of_prediction.get(one)) for one in ids}
    judged = [Judged(_of_today(one, taxonomy), labels.get(one.prediction_id)) for one in found.differing]
    return sorted(judged, key=lambda one: one.label is None)


@dataclass(frozen=True)
class Flow:
    """Texts that the champion gives one label and the challenger another; `won`: only the challenger is right."""

    champion: str
    challenger: str
    texts: int
    won: int
    lost: int


def flows(judged: Sequence[Judged]) -> list[Flow]:
    """Each pair of labels, the most frequent first."""
    pairs = Counter((one.differing.champion, one.differing.challenger) for one in judged)
    verdicts = Counter((one.differing.champion, one.differing.challenger, one.verdict) for one in judged)
    found = [Flow(*pair, texts, verdicts[*pair, "won"], verdicts[*pair, "lost"]) for pair, texts in pairs.items()]
    return sorted(found, key=lambda flow: (-flow.texts, flow.champion, flow.challenger))


def stored_texts(database: Database, prediction_ids: Sequence[str]) -> dict[str, str]:
    """The text of each prediction that is still there; "" if its text is not kept. The texts of a pair are apart by a
    line.
    """
    given = _inputs(database, prediction_ids)
    return {key: text if isinstance(text, str) else "\n\n".join(text).strip() for key, text in given.items()}


def stored_keys(database: Database, prediction_ids: Sequence[str]) -> dict[str, str]:
    """The key (`core.datasets.key_of`) of the text of each prediction that is still there and whose text is kept."""
    keys = {one: key_or(given, "") for one, given in _inputs(database, prediction_ids).items()}
    return {one: key for one, key in keys.items() if key}


def _inputs(database: Database, prediction_ids: Sequence[str]) -> dict[str, Text]:
    query = select(predictions.c.id, predictions.c.text, predictions.c.pair)
    given: dict[str, Text] = {}
    with database.read() as connection:
        for ids in _lots(prediction_ids):
            rows = connection.execute(query.where(predictions.c.id.in_(ids)))
            given |= {row.id: input_of(row.text, row.pair) for row in rows}
    return given


def _labels(database: Database, prediction_ids: Sequence[str]) -> dict[str, str]:
    labels: dict[str, str] = {}
    with database.read() as connection:
        for query in _queries(prediction_ids):
            labels |= {row.prediction_id: row.label for row in connection.execute(query)}
    return labels


def _queries(prediction_ids: Sequence[str]) -> Iterator[Select[tuple[str, str]]]:
    """The last label of a prediction comes last."""
    for ids in _lots(prediction_ids):
        query = select(feedback.c.prediction_id, feedback.c.label)
        yield query.where(feedback.c.prediction_id.in_(ids)).order_by(feedback.c.id)


def _of_today(one: Differing, taxonomy: Taxonomy) -> Differing:
    champion, challenger = (taxonomy.today(label) or label for label in (one.champion, one.challenger))
    return Differing(one.prediction_id, champion, challenger)


def _lots(prediction_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (prediction_ids[start : start + IDS_AT_ONCE] for start in range(0, len(prediction_ids), IDS_AT_ONCE))
