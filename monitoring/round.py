"""Rounds of drift checks: each round checks every model with a champion and decides what to do."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field

from core.champion import ChampionPackage, read_champion
from core.claim import Claim
from core.errors import DriverMissing, InvalidDatabaseUrl, ModelNotFound, UnusableRegistry, WatchedByAnother
from core.forgetting import forget_expired
from core.home import Home
from core.isolated import isolated
from core.records import CheckRecord, DecisionRecord
from monitoring.alerts.courier import Courier
from monitoring.illustration import illustrate
from monitoring.watch import check_window

Respond = Callable[[Home, ChampionPackage], DecisionRecord]
"""Decides what to do after the champion's last check, and records the decision."""
LOG = logging.getLogger(__name__)
WRONG_CONFIG = (UnusableRegistry, InvalidDatabaseUrl, DriverMissing)
"""Errors that no later round can be without."""


@dataclass(frozen=True)
class Checked:
    """Check and decision of one model in a round."""

    model: str
    check: CheckRecord
    decision: DecisionRecord


@dataclass
class Monitor:
    """Rounds of checks of a home. `only`: the one model that is checked, instead of all.

    An error of whatever class ends neither a round nor the rounds, except one of the config and the end of the process:
    `on_problem` gets it, with the name of the model or of the step. `on_erased` gets the number of erased predictions.
    """

    home: Home
    respond: Respond
    only: str | None
    on_checked: Callable[[Checked], None]
    on_problem: Callable[[str, BaseException], None]
    on_erased: Callable[[int], None]
    _claims: dict[str, Claim] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._courier = Courier(self.home)

    def run(self, *, once: bool, stop: threading.Event) -> bool:
        """Run a round every `drift.interval_s` until `stop` is set, or only one with `once`.

        Returns whether the last round had no error. Raises `ModelNotFound` for an unknown model `only`.
        """
        if self.only is not None:
            with isolated(lambda error: self._note("registry", error), but=(*WRONG_CONFIG, ModelNotFound)):
                self.home.registry.require_model(self.only)
        try:
            with self._courier:
                while True:
                    is_well = self.run_round()
                    if once or stop.wait(self.home.config.drift.interval_s):
                        return is_well
        finally:
            for claim in self._claims.values():
                claim.release()

    def run_round(self) -> bool:
        """Erase what is older than `ledger.keep_days`, then check the models; returns whether there was no error."""
        problems: list[str] = []
        # Erasure is first: no check, not even one that kills the process, may prevent it.
        with self._step("erasure", problems):
            self._erase_expired()
        models = [] if self.only is None else [self.only]
        with self._step("registry", problems):
            models = models or self.home.registry.models()
        for model in models:
            with self._step(model, problems):
                if self.only or self.home.registry.pointer(model):
                    self._check(model)
        return not problems

    def _step(self, name: str, problems: list[str]) -> AbstractContextManager[None]:
        def note(error: BaseException) -> None:
            problems.append(name)
            self._note(name, error)

        return isolated(note, but=WRONG_CONFIG)

    def _note(self, name: str, error: BaseException) -> None:
        with suppress(OSError):  # nobody reads the output
            self.on_problem(name, error)

    def _erase_expired(self) -> None:
        keeps_all = self.home.config.ledger.keep_days is None
        if not keeps_all and (erased := forget_expired(self.home).erased.predictions):
            self.on_erased(erased)

    def _check(self, model: str) -> None:
        claim = self._claims.setdefault(model, Claim(self.home.ledger.database, f"monitor-{model}"))
        if holder := claim.held_by_another():
            raise WatchedByAnother(model, holder)
        checked = check_and_respond(self.home, self.respond, model)
        self._courier.tell(model)
        self.on_checked(checked)


def check_and_respond(home: Home, respond: Respond, model: str) -> Checked:
    """Check and decide, and then illustrate the check; a failure of that is one line of the log.

    Raises `ModelNotFound`, `NoChampion`, `CorruptPackage` or `CheckedMeanwhile`.
    """
    begun_s = time.monotonic()
    champion = read_champion(home.registry, model)
    checked = check_window(home, champion)
    home.ledger.standings.record_time(model, champion.version, time.monotonic() - begun_s)
    record, decision = checked.record, respond(home, champion)
    if record.verdict.is_conclusive:
        illustrated = illustrate(home, champion, record, checked.window)
        record = illustrated.record
        for problem in illustrated.problems:
            LOG.warning("%s", problem)
    return Checked(model, record, decision)
