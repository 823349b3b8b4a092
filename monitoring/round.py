"""Rounds of drift checks: each round checks every model with a champion and decides what to do."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field

from core.champion import ChampionPackage, read_champion
from core.claim import Claim
from core.errors import DriverMissing, InvalidDatabaseUrl, ModelNotFound, UnusableRegistry, WatchedByAnother
from core.home import Home
from core.isolated import isolated
from core.ledger_tables.guards import Guard
from core.loop.policy_seen import note_policies
from core.privacy.forgetting import forget_expired
from core.records import CheckRecord, DecisionRecord
from monitoring.alerts.courier import Courier
from monitoring.guarding import Guarding, Look
from monitoring.illustration import illustrate
from monitoring.new_rows import NewRows
from monitoring.watch import check_window
from monitoring.window import unchecked_windows

Respond = Callable[[Home, ChampionPackage], DecisionRecord]
"""Decides what to do after the champion's last check, and records the decision."""
LOG = logging.getLogger(__name__)
WRONG_CONFIG = (UnusableRegistry, InvalidDatabaseUrl, DriverMissing)
"""Errors that no later round can be without."""


@dataclass(frozen=True)
class Checked:
    """Check and decision of one model in a round; `earlier`: checks of the windows before, which were missed."""

    model: str
    check: CheckRecord
    decision: DecisionRecord
    earlier: tuple[CheckRecord, ...] = ()


@dataclass
class Monitor:
    """Rounds of checks of a home. `only`: the one model that is checked, instead of all.

    An error of whatever class ends neither a round nor the rounds, except one of the config and the end of the process:
    `on_problem` gets it, with the name of the model or of the step. `on_erased` gets the number of erased predictions.
    `look`: looks at the guard of a model's champion; `on_guarded` gets each guard that ended or found an incident.
    """

    home: Home
    respond: Respond
    only: str | None
    on_checked: Callable[[Checked], None]
    on_problem: Callable[[str, BaseException], None]
    on_erased: Callable[[int], None]
    look: Look = lambda _model: None
    on_guarded: Callable[[Guard], None] = lambda _guard: None
    _claims: dict[str, Claim] = field(default_factory=dict)
    _noted: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._courier = Courier(self.home)
        self._arrived = NewRows(self.home)
        self._guarding = Guarding(
            self.home, self.look, only=self.only, on_looked=self._tell_guard, on_problem=self._note
        )

    def run(self, *, once: bool, stop: threading.Event) -> bool:
        """Run a round every `drift.interval_s` until `stop` is set, or only one with `once`.

        Returns whether the last round had no error. Raises `ModelNotFound` for an unknown model `only`.
        """
        if self.only is not None:
            with isolated(lambda error: self._note("registry", error), but=(*WRONG_CONFIG, ModelNotFound)):
                self.home.registry.require_model(self.only)
        try:
            with self._courier, nullcontext() if once else self._guarding:
                while True:
                    is_well = self.run_round()
                    if once:
                        self._guarding.look()
                    if once or self._wait(stop):
                        return is_well
        finally:
            for claim in self._claims.values():
                claim.release()

    def _wait(self, stop: threading.Event) -> bool:
        """Wait until the next round; meanwhile check models of which `drift.every_rows` predictions came.

        Returns whether `stop` is set.
        """
        next_s = time.monotonic() + self.home.config.drift.interval_s
        while (left_s := next_s - time.monotonic()) > 0:
            if stop.wait(min(left_s, self._arrived.poll_s)):
                return True
            for model in self._arrived.due():
                with self._step(model, []):
                    self._check(model)
        return stop.is_set()

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

    def _tell_guard(self, guard: Guard) -> None:
        self._courier.tell(guard.model)
        with suppress(OSError):  # nobody reads the output
            self.on_guarded(guard)

    def _note_policy(self, model: str) -> None:
        """Once: the config does not change while a process runs."""
        if model not in self._noted:
            note_policies(self.home, [model], "monitor")
            self._noted.add(model)

    def _check(self, model: str) -> None:
        claim = self._claims.setdefault(model, Claim(self.home.ledger.database, f"monitor-{model}"))
        if holder := claim.held_by_another():
            raise WatchedByAnother(model, holder)
        self._arrived.look(model)
        self._note_policy(model)
        checked = check_and_respond(self.home, self.respond, model)
        self._courier.tell(model)
        self.on_checked(checked)


def check_and_respond(home: Home, respond: Respond, model: str) -> Checked:
    """Check and decide, and then illustrate the check; a failure of that is one line of the log.

    First the windows are checked that were missed since the last check, `drift.catch_up` windows in all at most.

    Raises `ModelNotFound`, `NoChampion`, `CorruptPackage` or `CheckedMeanwhile`.
    """
    champion, settings = read_champion(home.registry, model), home.config.drift
    limit, most = settings.window_rows, settings.catch_up
    missed = unchecked_windows(home.ledger, model, champion.version, limit=limit, most=most)
    earlier = [check_window(home, champion, until=end).record for end in missed]
    begun_s = time.monotonic()
    checked = check_window(home, champion)
    home.ledger.standings.record_time(model, champion.version, time.monotonic() - begun_s)
    record, decision = checked.record, respond(home, champion)
    if record.verdict.is_conclusive:
        illustrated = illustrate(home, champion, record, checked.window, groups=checked.groups)
        record = illustrated.record
        for problem in illustrated.problems:
            LOG.warning("%s", problem)
    return Checked(model, record, decision, tuple(earlier))
