"""The gate: challenger against champion on the same labelled rows, with the files that serve."""

from __future__ import annotations

from collections.abc import Sequence

from core.assigned import cells
from core.config import GateConfig
from core.datasets import Example
from core.engine import Engine
from core.paired import Z_POWER, Paired
from core.records import Comparison, GateAnswer, GateVerdict


def compare(champion: Engine, challenger: Engine, rows: Sequence[Example]) -> Comparison:
    """Both engines on the same rows; a row whose label an engine does not know counts as wrong, and so does
    one of several labels unless all of them are right.
    """
    if not rows:
        return Comparison()
    before, after = _correct(champion, rows), _correct(challenger, rows)
    paired = Paired.of(before, after)
    return Comparison(
        rows=len(rows),
        champion_accuracy=sum(before) / len(rows),
        challenger_accuracy=sum(after) / len(rows),
        wins=paired.wins,
        losses=paired.losses,
        p_value=paired.p_value,
    )


def _correct(engine: Engine, rows: Sequence[Example]) -> list[bool]:
    given = cells(engine.answer([row.input for row in rows]).predicted, engine.labels)
    return [cell == row.label for cell, row in zip(given, rows, strict=True)]


def judge(fresh: Comparison, old: Comparison, settings: GateConfig) -> GateVerdict:
    """`promote` if better on fresh rows and not worse on old ones; else `hold` or `reject`, and why."""
    if _is_worse(old, settings):
        return _worse_on_old_rows(fresh, old, settings)
    if fresh.rows < settings.min_rows:
        missing = settings.min_rows - fresh.rows
        reason = f"Only {fresh.rows} fresh labelled rows were held back; {missing} more are needed to compare."
        return GateVerdict("hold", reason, fresh, old, labels_needed=missing)
    if fresh.p_value <= settings.alpha:
        reason = (
            f"{_on(fresh, 'fresh')}: better (p = {fresh.p_value:.2g}, {fresh.wins} won, {fresh.losses} lost). "
            f"{_on(old, 'old')}: no more than {_points(settings.max_old_drop)} lost, chance apart."
        )
        return GateVerdict("promote", reason, fresh, old)
    return _not_better_on_fresh_rows(fresh, old)


def _is_worse(old: Comparison, settings: GateConfig) -> bool:
    """Whether more than `max_old_drop` is lost on old rows, by more than chance does in one of five times.

    Of 100 rows a margin of one point is one row: without room for chance, a challenger just as good
    would be held in every third case. With many rows the room vanishes.
    """
    drop, error = -old.paired.gain, old.paired.standard_error
    return drop - Z_POWER * error > settings.max_old_drop + 1e-9


def _worse_on_old_rows(fresh: Comparison, old: Comparison, settings: GateConfig) -> GateVerdict:
    is_shown = old.paired.reversed.p_value <= settings.alpha
    answer: GateAnswer = "reject" if is_shown else "hold"
    lost = _points(-old.paired.gain)
    reason = f"{_on(old, 'old')}: {lost} lost, more than the {_points(settings.max_old_drop)} allowed"
    if is_shown:
        return GateVerdict(answer, f"{reason}.", fresh, old)
    needed = _more_rows(old)
    return GateVerdict(answer, f"{reason}, though it may be chance.{_ask(needed, 'old')}", fresh, old, needed)


def _not_better_on_fresh_rows(fresh: Comparison, old: Comparison) -> GateVerdict:
    if fresh.wins <= fresh.losses:
        reason = f"{_on(fresh, 'fresh')}: not better ({fresh.wins} won, {fresh.losses} lost)."
        return GateVerdict("reject", reason, fresh, old)
    needed = _more_rows(fresh)
    reason = f"{_on(fresh, 'fresh')}: better, but it may be chance (p = {fresh.p_value:.2g}).{_ask(needed, 'fresh')}"
    return GateVerdict("hold", reason, fresh, old, needed)


def _more_rows(comparison: Comparison) -> int | None:
    needed = comparison.paired.rows_needed
    return None if needed is None else max(1, needed - comparison.rows)


def _ask(needed: int | None, kind: str) -> str:
    return f" About {needed} more {kind} labels would settle it." if needed else ""


def _on(comparison: Comparison, kind: str) -> str:
    if comparison.rows == 0:
        return f"No {kind} rows"
    before, after = comparison.champion_accuracy, comparison.challenger_accuracy
    return f"On {comparison.rows} {kind} rows {before:.1%} → {after:.1%}"


def _points(share: float) -> str:
    return f"{100 * share:.1f} points"
