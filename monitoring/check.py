"""The drift check: tests whether the rows of a window differ significantly from the reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from core.arrays import Doubles
from core.config import DriftConfig
from core.features import Features
from core.left_out import LeftOut
from core.records import Evidence, Repetition, Verdict
from core.two_sample.permutation import permuted_table
from core.two_sample.tail import adjusted_p_values
from monitoring import wording
from monitoring.accuracy.estimate import estimate_accuracy
from monitoring.budget import level_of_a_day
from monitoring.sample import sample_sides
from monitoring.signals.catalogue import SIGNALS
from monitoring.signals.signal import Sides


def check(
    reference: Features,
    window: Features,
    *,
    labels: Sequence[str],
    settings: DriftConfig,
    left_out: LeftOut | None = None,
    seed: int = 0,
    level: float | None = None,
) -> Verdict:
    """Compare window and reference by the permutation tests of `monitoring.signals.catalogue`.

    The verdict's p-value is corrected for the number of tests; it is exact for small samples where it is greater than
    the share of one permutation. `level`: greatest p-value that says drift, by default that of a day. With fewer than
    `settings.min_rows` rows in the window or the reference the verdict is insufficient_data. The same input and seed
    give the same verdict. `left_out`, of the package, is for the estimated accuracy.

    The window's copies are reported beside the result.
    """
    level = level_of_a_day(settings) if level is None else level
    verdict = _judged(reference, window, labels, settings, left_out, seed, level)
    if window.copies is None:
        return verdict
    repetition = Repetition.of(window.copies.tolist())
    return replace(verdict, repetition=repetition, sentence=verdict.sentence + wording.repetition_note(repetition))


def p_value_of(reference: Features, window: Features, *, labels: Sequence[str], resamples: int, seed: int = 0) -> float:
    """The p-value of a check of the window, and nothing else."""
    table = _table(sample_sides(reference, window, labels, seed=seed), resamples, seed)
    return float(adjusted_p_values(table).min())


def _judged(
    reference: Features,
    window: Features,
    labels: Sequence[str],
    settings: DriftConfig,
    left_out: LeftOut | None,
    seed: int,
    level: float,
) -> Verdict:
    if min(reference.rows, window.rows) < settings.min_rows:
        return _insufficient(reference, window, settings)
    sides = sample_sides(reference, window, labels, seed=seed)
    evidence = _evidence(sides, settings.resamples, seed, level)
    p_value = min(item.p_value for item in evidence)
    verdict = Verdict(
        outcome="drift" if p_value <= level else "ok",
        p_value=p_value,
        rows=window.rows,
        reference_rows=reference.rows,
        evidence=evidence,
        sentence=wording.verdict_sentence(evidence, p_value=p_value, level=level, rows=window.rows)
        + wording.sample_note((sides.reference.rows, reference.rows), (sides.window.rows, window.rows)),
        level=level,
    )
    verdict = with_estimate(verdict, sides, left_out=left_out, settings=settings, seed=seed)
    return replace(verdict, sentence=verdict.sentence + wording.accuracy_note(verdict.accuracy_note))


def with_estimate(
    verdict: Verdict, sides: Sides, *, left_out: LeftOut | None, settings: DriftConfig, seed: int = 0
) -> Verdict:
    """The verdict with the accuracy that is estimated by the reference of these sides; its sentence stays."""
    found = estimate_accuracy(sides.reference, sides.window, left_out=left_out, min_rows=settings.min_rows, seed=seed)
    by_label = {sides.labels[index]: share for index, share in found.by_label.items()} if found else {}
    estimate, note = (found.share, found.note) if found else (None, None)
    return replace(verdict, estimated_accuracy=estimate, accuracy_note=note, by_label=by_label)


def _insufficient(reference: Features, window: Features, settings: DriftConfig) -> Verdict:
    return Verdict(
        outcome="insufficient_data",
        rows=window.rows,
        reference_rows=reference.rows,
        sentence=wording.insufficient_sentence(reference.rows, window.rows, settings.min_rows),
    )


def _table(sides: Sides, resamples: int, seed: int) -> Doubles:
    """The values of the signals, as in `permuted_table`."""
    return permuted_table(
        [signal.prepare(sides) for signal in SIGNALS],
        reference_rows=sides.reference.rows,
        window_rows=sides.window.rows,
        resamples=resamples,
        seed=seed,
    )


def _evidence(sides: Sides, resamples: int, seed: int, level: float) -> list[Evidence]:
    table = _table(sides, resamples, seed)
    found = []
    for signal, value, p_value in zip(SIGNALS, table[0], adjusted_p_values(table), strict=True):
        detail, has_drifted = signal.describe(sides), bool(p_value <= level)
        found.append(
            Evidence(
                feature=signal.feature,
                statistic=signal.statistic,
                value=float(value),
                p_value=float(p_value),
                drifted=has_drifted,
                detail=wording.evidence_words(detail, p_value=float(p_value), drifted=has_drifted),
            )
        )
    return found
