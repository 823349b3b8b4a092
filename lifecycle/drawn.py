"""What labels say of the accuracy of a version since its promotion, apart from a drift: of random texts, and others.

Labels that come by themselves are biased: who sends feedback may send it for wrong answers only. They make one ask for
labels of texts drawn at random, and only those decide, unless nearly all texts have a label. A drawn text without a
label counts as right, so whoever labels only what is wrong shows nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.champion import ChampionPackage
from core.datasets import key_or
from core.home import Home
from core.records import Draw, LabelledPrediction
from core.share import percent, wilson_interval
from lifecycle.evidence import different
from lifecycle.labels.pools import pools_of
from lifecycle.loss import evidence_of_loss
from lifecycle.policy.case import LabelProgress, RandomTexts
from lifecycle.situation import Situation, assess, fresh_since

LOT_DRAWS, LOT_PREDICTIONS = 10, 200
"""Drawn texts, and predictions where nearly all have a label, after which a further loss may begin."""

NEARLY_ALL = 0.9

REFERENCE_Z = 1.0
"""The expected accuracy is so many standard errors below that of the reference, whose rows are a sample, too."""

SUSPECT = 0.25
"""A p-value of random texts from which on more of them are asked for."""


@dataclass(frozen=True)
class _Row:
    number: int
    is_right: bool | None


def situation_of(home: Home, champion: ChampionPackage) -> Situation:
    """The current state; where random texts show a loss, the rows since its begin are fresh."""
    situation = assess(home, champion)
    random = random_texts(situation)
    is_lost = random.p_value <= home.config.labels.loss_alpha
    return fresh_since(home, situation, random.after) if is_lost else situation


def random_texts(situation: Situation) -> RandomTexts:
    skipped = situation.untold_keys
    drawn = [(row.text_key, row.number) for row in situation.draws if row.text_key not in skipped]
    rows = _answered(drawn, situation.labelled)
    lots = [place // LOT_DRAWS + 1 for place in range(len(rows))]
    held_out = {row.id for row in pools_of(situation.recent)[0]}
    recent = [(key_or(row.input, row.id), row.number) for row in situation.recent if row.id in held_out]
    every = _answered([(key, number) for key, number in recent if key not in skipped], situation.labelled)
    if _labelled(every) >= max(NEARLY_ALL * len(every), _labelled(rows), 1):
        rows, lots = _whole_lots(every, after=situation.promoted_after)
    p_value, begin = _p_value(situation.champion, rows, lots)
    requested = last_lot(situation.draws)
    still_open = sum(row.prediction_id in situation.open_requests for row in requested)
    return RandomTexts(
        rows=_labelled(rows),
        right=sum(row.is_right is True for row in rows),
        p_value=p_value,
        after=rows[begin].number - 1 if rows else situation.promoted_after,
        lot=LabelProgress(len(requested), still_open),
    )


def suspicion(situation: Situation, random: RandomTexts, *, min_texts: int) -> str | None:
    """Why labels of texts drawn at random should be asked for, None if nothing says so.

    Labels that come by themselves are asked about once: those of predictions after the last lot, if they are more than
    those of random texts.
    """
    expected = situation.champion.reference_accuracy
    if expected is None:
        return None
    if random.p_value <= SUSPECT:
        return f"{random.right} of {random.rows} texts drawn at random are right, {percent(expected, 0)} expected"
    ended = [draw for draw in situation.draws if draw.purpose == "measure"]
    if random.lot.is_awaited:
        lot = {draw.prediction_id for draw in last_lot(situation.draws)}
        ended = [draw for draw in ended if draw.prediction_id not in lot]
    after = ended[-1].until_number if ended else situation.promoted_after
    drawn = {draw.text_key for draw in situation.draws}
    others = (row for row in situation.labelled if row.number > after and row.example.key not in drawn)
    rows = different(pools_of(others)[0])
    right = sum(row.predicted == row.label for row in rows)
    if len(rows) < max(min_texts, random.rows + 1) or wilson_interval(right, len(rows))[1] >= expected:
        return None
    return (
        f"{right} of {len(rows)} texts whose labels came by themselves are right, {percent(expected, 0)} expected, "
        "but such labels may be of wrong answers only"
    )


def last_lot(draws: Sequence[Draw]) -> list[Draw]:
    """The texts that were drawn together last, other than for an audit."""
    lots = [draw for draw in draws if draw.purpose == "measure"]
    return [draw for draw in lots if draw.until_number == lots[-1].until_number]


def _answered(texts: Sequence[tuple[str, int]], labelled: Sequence[LabelledPrediction]) -> list[_Row]:
    """The texts, by key and number, up to the last one with a label: the others may still get one.

    Near-copies that have the same label are one text.
    """
    keys = {key for key, _ in texts}
    given = [row for row in labelled if key_or(row.input, row.prediction_id) in keys]
    right = {key_or(row.input, row.prediction_id): row.predicted == row.label for row in different(given)}
    copies = {key_or(row.input, row.prediction_id) for row in given} - right.keys()
    rows = [_Row(number, right.get(key)) for key, number in texts if key not in copies]
    last = max((place for place, row in enumerate(rows) if row.is_right is not None), default=-1)
    return rows[: last + 1]


def _labelled(rows: Sequence[_Row]) -> int:
    return sum(row.is_right is not None for row in rows)


def _whole_lots(rows: list[_Row], *, after: int) -> tuple[list[_Row], list[int]]:
    """The rows with their lots by their numbers, without the lot that the window cuts."""
    lots = [(row.number - after - 1) // LOT_PREDICTIONS + 1 for row in rows]
    whole = [place for place, lot in enumerate(lots) if lot == 1 or lot > lots[0]]
    return [rows[place] for place in whole], [lots[place] for place in whole]


def _p_value(champion: ChampionPackage, rows: Sequence[_Row], lots: Sequence[int]) -> tuple[float, int]:
    known = champion.reference.known
    if not known.any():
        return 1.0, 0
    floor = wilson_interval(int(champion.reference.right[known].sum()), int(known.sum()), z=REFERENCE_Z)[0]
    wrong = np.array([row.is_right is False for row in rows], dtype=np.bool_)
    found = evidence_of_loss(wrong, np.array(lots, dtype=np.int64), floor=floor)
    return found.p_value, found.begin
