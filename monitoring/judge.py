"""Judges the traffic after a prediction: its window, all windows before it, and since when it drifts."""

from __future__ import annotations

from dataclasses import dataclass, replace

from core.accumulated import Accumulated, Alarm
from core.champion import ChampionPackage
from core.clock import seconds_between
from core.home import Home
from core.records import StoredPrediction, Verdict
from monitoring import wording
from monitoring.accumulation import Blocks, accumulate
from monitoring.baseline import baseline_of, compare
from monitoring.budget import level_of_window, shared_part
from monitoring.since import Began, began
from monitoring.window import Window, window_of

MOST_ROWS = 4000
"""Different texts among which the start of a drift is looked for."""


@dataclass(frozen=True)
class Judged:
    """`last`: the last prediction of the window, None if the window is empty."""

    verdict: Verdict
    window: Window
    last: StoredPrediction | None


def judge(
    home: Home, champion: ChampionPackage, *, past: Accumulated | None, after: int, until: int | None = None
) -> Judged:
    """The verdict on the predictions with numbers greater than `after`, up to `until`; nothing is recorded.

    Drift is what the window alone shows, or the windows of the version together. `past`: what they showed before.
    """
    settings, ledger = home.config.drift, home.ledger
    blocks = Blocks(home, champion, after=after, until=until)
    rows = blocks.window
    found, baseline = window_of(rows, champion), baseline_of(home, champion, rows)
    window = found.features
    # The p-value allows for a reference that is odd by chance, but then one alarm is followed by others.
    has_alarmed = past is not None and past.alarm == "ended"
    level = level_of_window(
        settings,
        elapsed_s=seconds_between(past.scales[0].until, rows[-1].created_at) if past and past.scales and rows else None,
        shared=shared_part(baseline.features.rows, window.rows) if has_alarmed else 0.0,
    )
    verdict = compare(home, champion, window, baseline, level=level)
    # What changes with the season accumulates against a reference that does not.
    if verdict.p_value is None or settings.compare_with != "reference":
        return Judged(verdict, found, rows[-1] if rows else None)
    accumulated = accumulate(past, blocks, p_value=verdict.p_value, rows=window.rows)
    alarms = verdict.outcome == "drift" or accumulated.alarms
    verdict = replace(verdict, accumulated=replace(accumulated, alarm=_alarm(past, alarms=alarms)))
    if alarms:
        recent = ledger.window(champion.model, champion.version, limit=MOST_ROWS, until=rows[-1].number)
        verdict = _drifted(verdict, began(recent, champion, after=_start(accumulated, after)))
    return Judged(verdict, found, rows[-1])


def _alarm(past: Accumulated | None, *, alarms: bool) -> Alarm:
    before: Alarm = "none" if past is None else past.alarm
    if before == "ended" or (before == "lasts" and not alarms):
        return "ended"
    return "lasts" if alarms else "none"


def _start(accumulated: Accumulated, after: int) -> int:
    """Number of the last prediction before the blocks that speak most for a change."""
    best = max(accumulated.scales, key=lambda scale: scale.run)
    return min(best.start, after) if best.run > 0 else after


def _drifted(verdict: Verdict, start: Began | None) -> Verdict:
    sentence = verdict.sentence
    if verdict.outcome != "drift":
        sentence = f"{wording.TOGETHER} {sentence}"
    if start is None:
        return replace(verdict, outcome="drift", sentence=sentence)
    return replace(
        verdict,
        outcome="drift",
        sentence=sentence + wording.since_note(start.since, start.earliest, start.latest, start.pace),
        since=start.since,
        earliest=start.earliest,
        latest=start.latest,
        pace=start.pace,
    )
