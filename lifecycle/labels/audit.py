"""The standing audit: some texts of the traffic each week, drawn at random whatever the checks say.

Only labels show that the right answers to the same texts have changed, and only random ones show what accuracy is.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import numpy as np

from core.champion import ChampionPackage
from core.clock import utc_now
from core.datasets import key_of
from core.home import Home
from core.ledger_tables.draws import AUDIT
from core.records import Purpose, StoredPrediction, Wanted
from lifecycle.labels.pools import in_text_order, pools_of

WEEK = timedelta(weeks=1)


def audit(home: Home, champion: ChampionPackage) -> int:
    """Draw the texts that are due, and request the labels of those without one; return the number of the drawn ones.

    They are due by the stored times of the predictions since the last audit, of the texts that came since.
    """
    ledger, model, version = home.ledger, champion.model, champion.version
    per_week = home.config.labels.audit_per_week
    if not per_week:
        return 0
    before = ledger.draws.rows(model, version)
    last = next((draw for draw in reversed(before) if draw.purpose == AUDIT), None)
    after = last.until_number if last else ledger.promoted_after(model, version)
    rows = ledger.window(model, version, limit=home.config.drift.window_rows, after=after)
    if not rows:
        return 0
    # A clock may run ahead; no audit would be due until its time comes.
    newest = min(max(row.created_at for row in rows), utc_now())
    count, until = due(last.until if last else rows[0].created_at, newest, per_week)
    settled = {draw.text_key for draw in before} | ledger.untold.keys(model)
    drawn = draw(rows, count, settled=settled, purpose=AUDIT, seed=len(before))
    if drawn:
        labelled = ledger.labelled(model, kind=champion.kind, counting=home.config.labels.counting)
        ask = without_label(drawn, rows, {row.example.key for row in labelled})
        ledger.draws.record(model, version, drawn, until_number=rows[-1].number, until=until, ask=ask)
    return len(drawn)


def due(since: str, newest: str, per_week: int) -> tuple[int, str]:
    """How many texts are due between two stored times, at most those of a week, and the time up to which that counts.

    >>> due("2026-01-01T00:00:00+00:00", "2026-01-03T00:00:00+00:00", 7)
    (2, '2026-01-03T00:00:00.000000+00:00')
    """
    begin, end = datetime.fromisoformat(since), datetime.fromisoformat(newest)
    passed = (end - begin) * per_week // WEEK
    # What a day has too little for one text counts on the next day; a pause of weeks does not.
    reached = begin + passed * WEEK / per_week if passed < per_week else end
    return max(0, min(passed, per_week)), reached.isoformat(timespec="microseconds")


def draw(
    rows: Sequence[StoredPrediction], count: int, *, settled: Collection[str], purpose: Purpose, seed: int
) -> list[Wanted]:
    """So many of the held-out texts, at random, with or without a label; none with a key in `settled`."""
    held_out = in_text_order(pools_of(rows)[0])
    frame = [row for row in held_out if row.has_text and key_of(row.input) not in settled]
    places = np.random.default_rng(seed).permutation(len(frame))[:count]
    return [Wanted(frame[place].id, purpose, len(places) / len(frame)) for place in places]


def without_label(drawn: Sequence[Wanted], rows: Sequence[StoredPrediction], labelled: Collection[str]) -> set[str]:
    """Ids of the drawn predictions whose text has no label; `labelled`: keys of those that have."""
    keys = {row.id: key_of(row.input) for row in rows if row.has_text}
    return {one.prediction_id for one in drawn if keys[one.prediction_id] not in labelled}
