from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from core.champion import read_champion
from core.config import DriftConfig
from core.home import Home
from monitoring.backtest import backtest
from monitoring.watch import check_window
from tests.monitoring.conftest import MODEL, Served
from tests.monitoring.test_accumulation import day, traffic


def test_a_replay_raises_the_alarms_of_the_checks_and_records_nothing(served: Served) -> None:
    config = served.config.model_copy(update={"drift": DriftConfig(interval_s=86_400)})
    home = Home(config)
    champion = read_champion(home.registry, MODEL)
    recorded = []
    for number in range(1, 4):
        window = traffic(served, 60, seed=number)
        drifted = replace(window, length=np.full(60, 14))
        served.receive(drifted if number == 3 else window, at=day(number))
        recorded.append(check_window(home, champion).record.verdict)
    replayed = list(backtest(home, champion, since=datetime(2026, 3, 1, tzinfo=UTC)))
    # What changed is said of a check that is recorded only.
    assert [check.verdict for check in replayed] == [
        replace(verdict, changes=[], not_compared="", sentence=check.verdict.sentence)
        for verdict, check in zip(recorded, replayed, strict=True)
    ]
    assert [check.alarms for check in replayed] == [False, False, True]
    assert len(home.ledger.checks(MODEL)) == 3
    assert list(backtest(home, champion, since=datetime(2026, 4, 1, tzinfo=UTC))) == []
    home.close()
