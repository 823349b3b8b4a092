"""The texts that a person gets to label, each with what the champion would answer."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from core.datasets import Text
from core.labelling.claims import LEASE_S, LabelClaims, Labeller
from core.labelling.queue import AskedText, together
from core.labelling.second_answers import for_second_answers
from core.labels import names_of
from core.taxonomy import Taxonomy
from service.answering.ranking import Ranked, ranked
from service.worker import Worker

AHEAD = 8
"""Answers whose texts a window holds: the next one is there at once."""
ALTERNATIVES = 10
SECOND_ANSWERS = 200
Held = Sequence[AskedText]


@dataclass(frozen=True)
class Wish:
    """`have`: first predictions of what the window shows already; `first`: of what the person took back; `later`: of
    what the person put off; `again`: texts that others labelled.
    """

    labeller: Labeller
    have: Collection[str] = ()
    first: str = ""
    later: Collection[str] = ()
    again: bool = False
    count: int = AHEAD


async def next_texts(worker: Worker, model: str, wish: Wish) -> dict[str, Any]:
    """What the window holds from now on, how many answers are left, and what to say if it holds nothing."""
    held, left, taxonomy = await worker.run_for_operator(_held, worker, model, wish)
    fresh = [texts for texts in held if texts[0].prediction_id not in wish.have]
    limit = worker.config.service.limits_of(model).max_text_chars
    answers = await ranked(
        worker.champions,
        worker.batcher,
        model,
        [_input(texts[0]) for texts in fresh],
        max_chars=limit,
        count=ALTERNATIVES,
    )
    shown = {texts[0].prediction_id: _shown(texts, by, taxonomy) for texts, by in zip(fresh, answers, strict=True)}
    keys = [texts[0].prediction_id for texts in held]
    return {"texts": [shown.get(key, {"key": key}) for key in keys], "left": left, "none": none_words(left)}


def none_words(left: int) -> str:
    """What a window says that gets no text, while so many answers are needed.

    >>> none_words(0)
    'Nothing is left to label here now.'
    """
    if not left:
        return "Nothing is left to label here now."
    return (
        f"Texts that are still asked for: {left}. Other windows have them, or you left them to others; they come here "
        f"when those windows are closed, at the latest after {round(LEASE_S / 60)} minutes."
    )


def _held(worker: Worker, model: str, wish: Wish) -> tuple[list[Held], int, Taxonomy]:
    ledger, kind = worker.home.ledger, worker.labels_of(model).kind
    if wish.again:
        found = for_second_answers(ledger.database, model, wish.labeller.who, limit=SECOND_ANSWERS)
        asked = [[text] for text in found]
    else:
        asked = together(ledger.label_requests(model))
    by_key = {texts[0].prediction_id: texts for texts in asked}
    ids = [[text.prediction_id for text in texts] for texts in asked]
    held = LabelClaims(ledger.database).hold(
        model, wish.labeller, ids, count=wish.count, first=wish.first, later=wish.later
    )
    return [by_key[one[0]] for one in held], len(asked), ledger.rules.taxonomy(model, kind)


def _input(text: AskedText) -> Text:
    return text.text if text.pair is None else (text.text, text.pair)


def _shown(texts: Held, by: Ranked | None, taxonomy: Taxonomy) -> dict[str, Any]:
    first = texts[0]
    suggested = by.suggested if by else list(names_of(first.predicted, taxonomy.kind))
    return {
        "key": first.prediction_id,
        "texts": [{"id": text.prediction_id, "text": text.text, "pair": text.pair} for text in texts],
        "suggested": _today(suggested, taxonomy),
        "score": by.score if by else first.score,
        "ranked": _today(by.labels, taxonomy) if by else [],
    }


def _today(labels: Sequence[str], taxonomy: Taxonomy) -> list[str]:
    names = (taxonomy.today(label) for label in labels)
    return list(dict.fromkeys(name for name in names if name is not None))
