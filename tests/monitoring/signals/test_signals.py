"""The contract of every signal, and the descriptions of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from core.features import Features
from core.two_sample.permutation import permuted_table
from monitoring.signals.catalogue import SIGNALS
from monitoring.signals.confidence import Confidence
from monitoring.signals.predicted_labels import describe_shift
from monitoring.signals.signal import Sides, Signal
from monitoring.signals.text_length import TextLength
from tests.monitoring import rows

CHANGES: dict[str, Callable[[Features], Features]] = {
    "embeddings": rows.with_other_embeddings,
    "new groups": rows.with_a_group,
    "predicted labels": rows.with_other_labels,
    "confidence": rows.with_less_confidence,
    "text length": rows.with_longer_texts,
}


def with_sets(features: Features) -> Features:
    """The same rows as multi-label rows; every third row has no label."""
    sets = np.arange(len(rows.LABELS)) == features.predicted[:, None]
    sets[::3] = False
    return replace(features, predicted=sets, truth=sets.astype(np.int8))


def p_value_of(signal: Signal, sides: Sides) -> float:
    """The share of 199 permutations whose statistic is at least the observed one."""
    table = permuted_table(
        [signal.prepare(sides)],
        reference_rows=sides.reference.rows,
        window_rows=sides.window.rows,
        resamples=199,
        seed=0,
    )
    return float(np.mean(table[:, 0] >= table[0, 0] - 1e-9))


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.feature)
class TestContract:
    def test_it_detects_its_own_change_and_no_change_without_one(self, signal: Signal) -> None:
        reference, window = rows.draw(150, seed=1), rows.draw(120, seed=2)
        assert p_value_of(signal, Sides(reference, window, rows.LABELS)) > 0.01
        assert p_value_of(signal, Sides(reference, CHANGES[signal.feature](window), rows.LABELS)) <= 0.01

    def test_the_order_of_the_rows_does_not_matter(self, signal: Signal) -> None:
        reference, window = rows.draw(60, seed=1), rows.draw(50, seed=2)
        reversed_window = Features(
            **{name: values[::-1] for name, values in vars(window).items() if values is not None}
        )
        side = np.repeat(np.array([[0.0], [1.0]], dtype=np.float32), [60, 50], axis=0)
        given, reversed_value = (
            signal.prepare(Sides(reference, other, rows.LABELS))(side) for other in (window, reversed_window)
        )
        assert given == pytest.approx(reversed_value, rel=1e-4)

    @pytest.mark.parametrize("are_sets", [False, True])
    def test_it_has_a_description_and_a_column_for_each_side(self, signal: Signal, are_sets: bool) -> None:
        reference, window = rows.draw(40, seed=1), rows.draw(30, seed=2)
        if are_sets:
            reference, window = with_sets(reference), with_sets(window)
        sides = Sides(reference, window, rows.LABELS)
        assert signal.describe(sides)
        assert [len(values) for values in signal.values(sides)] == [40, 30]
        assert signal.prepare(sides)(np.eye(70, 3, dtype=np.float32)).shape == (3,)


def test_names_are_distinct() -> None:
    for name in ("feature", "column"):
        assert len({getattr(signal, name) for signal in SIGNALS}) == len(SIGNALS)


def test_equal_label_shares_are_described_as_unchanged() -> None:
    same = np.array([0, 0, 1])
    assert describe_shift(same, same, ["a", "b"]) == "no share of a label changed"


def test_a_label_that_is_missing_in_the_window_is_named() -> None:
    detail = describe_shift(np.array([0, 1]), np.array([0, 0]), ["a", "b"])
    assert detail == "'a' grew from 50 % to 100 %; 'b' shrank from 50 % to 0 %"


def test_confidence_and_length_are_described_before_and_after() -> None:
    before = rows.draw(10, seed=0)
    sides = Sides(
        replace(before, confidence=np.full(10, 0.9, np.float32), length=np.full(10, 12)),
        replace(before, confidence=np.full(10, 0.5, np.float32), length=np.full(10, 30)),
        rows.LABELS,
    )
    assert Confidence().describe(sides).startswith("median confidence from 0.90 to 0.50")
    assert TextLength().describe(sides).startswith("median length from 12 to 30 tokens")
