"""What a window is compared with: the reference, or the same hours of last week's traffic of the same version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from core.champion import ChampionPackage
from core.features import Features
from core.home import Home
from core.records import StoredPrediction, Verdict
from monitoring.check import check, with_estimate
from monitoring.sample import sample_sides
from monitoring.window import window_of

WEEK_S = 7 * 86_400
TICK_S = 1e-3


@dataclass(frozen=True)
class Baseline:
    """`note`: what the verdict's sentence says of it."""

    features: Features
    note: str = ""


def baseline_of(home: Home, champion: ChampionPackage, rows: Sequence[StoredPrediction]) -> Baseline:
    """The one that `drift.compare_with` names; the reference if last week had too few rows, which the note says."""
    if home.config.drift.compare_with == "reference" or not rows:
        return Baseline(champion.reference)
    times_s = [datetime.fromisoformat(row.created_at).timestamp() for row in rows]
    first_s, last_s = min(times_s), max(times_s)
    if last_s - first_s >= WEEK_S:
        return Baseline(champion.reference, " The rows are of over a week, so they were compared with the reference.")
    before = _between(home, champion, first_s - WEEK_S, last_s - WEEK_S)
    least = home.config.drift.min_rows
    features = window_of(before, champion).features
    if features.rows < least:
        few = f" At these hours of last week {features.rows} different texts came to this version, {least} are needed"
        return Baseline(champion.reference, f"{few}, so the rows were compared with the reference.")
    return Baseline(features, f" They were compared with {features.rows} texts of the same hours of last week.")


def compare(home: Home, champion: ChampionPackage, window: Features, baseline: Baseline, *, level: float) -> Verdict:
    """The verdict on the window. Accuracy is estimated by the reference: last week's texts have no label.

    `level`: as of `check`.
    """
    settings, labels = home.config.drift, champion.labels
    is_reference = baseline.features is champion.reference
    left_out = champion.left_out if is_reference else None
    verdict = check(baseline.features, window, labels=labels, settings=settings, left_out=left_out, level=level)
    if not is_reference and min(champion.reference.rows, window.rows) >= settings.min_rows:
        sides = sample_sides(champion.reference, window, labels)
        verdict = with_estimate(verdict, sides, left_out=champion.left_out, settings=settings)
    return replace(verdict, sentence=verdict.sentence + baseline.note)


def _between(home: Home, champion: ChampionPackage, first_s: float, last_s: float) -> list[StoredPrediction]:
    """The latest different texts of a time, of the champion's version."""
    arrivals = home.ledger.arrivals
    # Times are stored in microseconds, ids have nanoseconds, and a float of seconds is less exact than both.
    first, end = arrivals.at(first_s - TICK_S), arrivals.at(last_s + TICK_S)
    if first is None or end is None:
        return []
    limit = home.config.drift.window_rows
    return home.ledger.window(champion.model, champion.version, limit=limit, after=first - 1, until=end - 1)
