"""Every prediction is in exactly one window, whatever the clocks say."""

from __future__ import annotations

import time

import pytest

from core.champion import read_champion
from core.clock import earliest_id, sortable_id
from monitoring.watch import check_window
from tests.monitoring import conftest
from tests.monitoring.conftest import MODEL, Served
from tests.monitoring.test_watch import traffic

DAY_S = 86_400


def receive(served: Served, rows: int, clock_s: float, monkeypatch: pytest.MonkeyPatch, *, seed: int) -> None:
    """Traffic of a server whose clock is ahead."""
    monkeypatch.setattr(conftest, "sortable_id", lambda: earliest_id(time.time() + clock_s) + sortable_id()[16:])
    served.receive(traffic(served, rows, seed=seed))


def windows(served: Served) -> list[tuple[int, int]]:
    """Last prediction and number of predictions of each conclusive check."""
    checks = [check for check in reversed(served.ledger.checks(MODEL)) if check.verdict.is_conclusive]
    return [(check.last_number or 0, check.verdict.rows) for check in checks]


@pytest.mark.parametrize("clocks_s", [(DAY_S, 0, 0), (0, -DAY_S, 0), (300, 0, 300, 0)])
def test_every_prediction_is_in_exactly_one_window(
    served: Served, monkeypatch: pytest.MonkeyPatch, clocks_s: tuple[float, ...]
) -> None:
    for seed, clock_s in enumerate(clocks_s):
        receive(served, 60, clock_s, monkeypatch, seed=seed)
        check_window(served.home, read_champion(served.registry, MODEL))
    assert windows(served) == [(60 * number, 60) for number in range(1, len(clocks_s) + 1)]


def test_rows_of_interleaved_writers_are_in_exactly_one_window(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    for turn in range(4):
        for seed, clock_s in enumerate((300, 0)):
            receive(served, 20, clock_s, monkeypatch, seed=2 * turn + seed)
        check_window(served.home, read_champion(served.registry, MODEL))
    assert windows(served) == [(80, 80), (160, 80)]
