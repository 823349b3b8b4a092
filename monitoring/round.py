"""Rounds of drift checks: each round checks every model with a champion and decides what to do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from core.champion import ChampionPackage, read_champion
from core.errors import RetuneError
from core.forgetting import forget_expired
from core.home import Home
from core.records import CheckRecord, DecisionRecord
from monitoring.watch import check_window

Respond = Callable[[Home, ChampionPackage], DecisionRecord]
"""Decides what to do after the champion's last check, and records the decision."""


@dataclass(frozen=True)
class Checked:
    """Check and decision of one model in a round."""

    model: str
    check: CheckRecord
    decision: DecisionRecord


def run_rounds(
    home: Home,
    respond: Respond,
    *,
    model: str | None,
    once: bool,
    stop: threading.Event,
    on_checked: Callable[[Checked], None],
    on_problem: Callable[[str, RetuneError], None],
    on_erased: Callable[[int], None],
) -> bool:
    """Run a round every `drift.interval_s` until `stop` is set, or one round with `once`.

    Returns whether the last round had no error. An error of one model is passed to `on_problem` and the round
    continues; if `model` is given, the error is raised. A round also erases predictions older than `ledger.keep_days`
    and passes their number to `on_erased`.
    """
    while True:
        if model is None:
            is_well = _check_all(home, respond, on_checked, on_problem)
        else:
            on_checked(check_and_respond(home, respond, model))
            is_well = True
        if home.config.ledger.keep_days is not None and (erased := forget_expired(home).erased.predictions):
            on_erased(erased)
        if once or stop.wait(home.config.drift.interval_s):
            return is_well


def check_and_respond(home: Home, respond: Respond, model: str) -> Checked:
    """Raises `ModelNotFound`, `NoChampion` or `CorruptPackage`."""
    champion = read_champion(home.registry, model)
    check = check_window(home, champion)
    return Checked(model, check, respond(home, champion))


def _check_all(
    home: Home,
    respond: Respond,
    on_checked: Callable[[Checked], None],
    on_problem: Callable[[str, RetuneError], None],
) -> bool:
    is_well = True
    for model in home.registry.models():
        try:
            if home.registry.pointer(model):
                on_checked(check_and_respond(home, respond, model))
        except RetuneError as error:
            on_problem(model, error)
            is_well = False
    return is_well
