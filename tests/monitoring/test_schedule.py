"""When a monitor checks: by time, by count, and what it costs."""

from __future__ import annotations

import threading

import pytest

from core.home import Home
from monitoring import new_rows
from monitoring.new_rows import NewRows
from tests.monitoring.conftest import MODEL, Served
from tests.monitoring.test_round import monitor, receive, second_model


def home_with(served: Served, **settings: object) -> Home:
    drift = served.config.drift.model_copy(update=settings)
    return Home(served.config.model_copy(update={"drift": drift}))


def test_a_model_is_due_after_so_many_new_rows(served: Served) -> None:
    home = home_with(served, every_rows=30)
    second_model(served)
    rows = NewRows(home)
    receive(served, 40)
    assert rows.due() == []
    for model in (MODEL, "another"):
        rows.look(model)
    receive(served, 29)
    assert rows.due() == []
    receive(served, 1)
    assert rows.due() == [MODEL]
    rows.look(MODEL)
    assert rows.due() == []
    home.close()


def test_without_a_count_nothing_is_polled(served: Served) -> None:
    assert NewRows(served.home).poll_s == float("inf")


def test_a_monitor_checks_as_soon_as_the_rows_are_there(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new_rows, "POLL_S", 0.01)
    home, stop = home_with(served, every_rows=20, interval_s=3600), threading.Event()
    rounds, output = monitor(home)

    def seen(checked: object) -> None:
        output.checked.append(checked)  # type: ignore[arg-type]
        if len(output.checked) == 1:
            receive(served, 20)
        else:
            stop.set()

    rounds.on_checked = seen
    assert rounds.run(once=False, stop=stop)
    assert [checked.check.verdict.rows for checked in output.checked] == [0, 20]
    home.close()


def test_a_round_checks_no_more_windows_than_it_may(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitoring.round.illustrate", lambda *_: pytest.fail("not in this test"))
    home = home_with(served, window_rows=20, min_rows=10_000, catch_up=3)
    receive(served, 200)
    rounds, output = monitor(home)
    assert rounds.run(once=True, stop=threading.Event())
    assert len(output.checked[0].earlier) == 2
    home.close()
