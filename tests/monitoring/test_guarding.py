from __future__ import annotations

import threading
from dataclasses import replace

from core.home import Home
from core.ledger_tables.guards import Guard
from monitoring.guarding import Guarding
from tests.monitoring.conftest import MODEL, Served

GUARD = Guard(1, MODEL, "1", None, "", False, "", 0)


def polling(home: Home) -> Home:
    home.config = home.config.model_copy(update={"guard": home.config.guard.model_copy(update={"poll_s": 0.01})})
    return home


def test_each_model_is_looked_at_while_a_round_takes_long(served: Served) -> None:
    served.registry.add(served.registry.folder(MODEL, "1"), "another")
    seen: list[str] = []
    all_seen = threading.Event()

    def look(model: str) -> Guard | None:
        seen.append(model)
        if seen.count("another") > 1:
            all_seen.set()
        return replace(GUARD, model=model) if model == MODEL and seen.count(MODEL) == 1 else None

    told: list[Guard] = []
    problems: list[tuple[str, BaseException]] = []
    home = polling(served.home)
    with Guarding(home, look, only=None, on_looked=told.append, on_problem=lambda *given: problems.append(given)):
        assert all_seen.wait(30)
    assert (told, problems) == ([GUARD], [])


def test_an_error_is_told_once_and_ends_neither_the_looks_nor_those_at_other_models(served: Served) -> None:
    served.registry.add(served.registry.folder(MODEL, "1"), "another")
    seen: list[str] = []

    def look(model: str) -> Guard | None:
        seen.append(model)
        if model == "another" and seen.count(model) < 3:
            raise MemoryError
        return None

    problems: list[str] = []
    guarding = Guarding(
        served.home, look, only=None, on_looked=lambda _: None, on_problem=lambda name, _: problems.append(name)
    )
    for _ in range(4):
        guarding.look()
    assert seen == ["another", MODEL] * 4
    assert problems == ["another"]


def test_only_one_model_is_looked_at_if_asked_so(served: Served) -> None:
    seen: list[str] = []

    def look(model: str) -> Guard | None:
        seen.append(model)
        return None

    Guarding(served.home, look, only="x", on_looked=lambda _: None, on_problem=lambda *_: None).look()
    assert seen == ["x"]
