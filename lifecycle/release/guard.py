"""Guards each new champion: looks whether the promise is kept, and puts the version before in service if it is not."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from core.claim import Claim
from core.errors import CorruptPackage, VersionNotFound
from core.home import Home
from core.ledger_tables.guards import Finding, Guard, Guards
from core.ledger_tables.incidents import Incidents
from core.registry import Champion
from lifecycle.release.both_versions import BothVersions
from lifecycle.release.promise import previous_of, promise_of, promotion_of
from lifecycle.release.roll_back import finish, put_back
from lifecycle.release.sight import Sight
from lifecycle.release.signals import SIGNALS, WITHOUT_BEFORE, findings

LOG = logging.getLogger(__name__)
HOUR_S = 3600.0
LONGEST_GAP_S = 900.0
"""More between two looks does not count as watched: nobody looked, or a clock jumped."""
NOTE_S = 60.0
"""A look that found nothing new is stored after so long."""


class ChampionGuard:
    """What was seen is kept in memory between the looks; not thread-safe. One process guards a model at a time."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._sights: dict[str, Sight] = {}
        self._claims: dict[str, Claim] = {}
        self._done: dict[str, str] = {}

    def look(self, model: str) -> Guard | None:
        """Look at the model's champion once; the guard, if it has just ended or found an incident."""
        pointer = self._home.registry.pointer(model)
        if not self._home.config.guard.enabled or pointer is None or self._done.get(model) == pointer.since:
            return None
        if not self._home.ledger.database.exists():
            return None
        guard = self._guards.open(model) or self._begun(model, pointer)
        if guard is None:
            self._done[model] = pointer.since
            return None
        if self._claim(model).held_by_another():
            return None
        looked = self._watched(guard, pointer) if guard.since == pointer.since else finish(self._home, guard, pointer)
        if looked is not None and looked.ended_at is not None:
            self._forget(model)
        return looked

    def close(self) -> None:
        for model in list(self._claims):
            self._forget(model)

    @property
    def _guards(self) -> Guards:
        return Guards(self._home.ledger.database)

    @property
    def _incidents(self) -> Incidents:
        return Incidents(self._home.ledger.database)

    def _begun(self, model: str, pointer: Champion) -> Guard | None:
        """None for a version that a roll back put in service, that has been in service for long, or had its guard."""
        if pointer.rolled_back_from or not pointer.since or self._guards.of(model, pointer.since):
            return None
        age_s = (datetime.now(UTC) - datetime.fromisoformat(pointer.since)).total_seconds()
        if age_s > self._home.config.guard.hours * HOUR_S:
            return None
        ledger, previous = self._home.ledger, previous_of(pointer)
        record = promotion_of(self._home, model, pointer)
        if record is None and pointer.forced:  # the ledger was away; the mark is for ever
            reason = "Promoted by hand; recorded later."
            ledger.record_promotion(
                model, pointer.version, previous=previous, promoted=True, reason=reason, gate=None, forced=True
            )
        after = (record.after_number or 0) if record else ledger.arrivals.last(model, pointer.version)
        promise = promise_of(self._home, model, pointer, previous)
        return self._guards.begin(model, pointer, previous=previous, after_number=after, promise=promise)

    def _watched(self, guard: Guard, pointer: Champion) -> Guard | None:
        if begun := self._incidents.begun(guard.id):
            return put_back(self._home, guard, pointer, begun)
        try:
            sight = self._sight(guard)
        except (CorruptPackage, VersionNotFound) as error:
            return self._without_way_back(guard, error)
        observed, settings = sight.look(), self._home.config.guard
        signals = SIGNALS if guard.previous else WITHOUT_BEFORE
        found = findings(observed, guard.promise, settings, signals=signals)
        guard = self._noted(guard, found, labels=len(observed.labelled))
        if breach := next((one for one in found if one.breached), None):
            return self._breached(guard, pointer, breach)
        if guard.labels >= settings.labels or guard.watched_s >= settings.hours * HOUR_S:
            return self._guards.end(guard, "passed", _passed(guard))
        return None

    def _breached(self, guard: Guard, pointer: Champion, breach: Finding) -> Guard:
        incident = self._incidents.add(
            guard.model,
            guard.version,
            previous=guard.previous,
            guard_id=guard.id,
            cause=breach.cause,
            action="rolling back" if guard.previous else "told",
            reason=breach.sentence,
            done="" if guard.previous else "There is no version before to put in service.",
        )
        if guard.previous is None:
            return self._guards.end(guard, "told", f"{breach.sentence} {incident.done}")
        return put_back(self._home, guard, pointer, incident)

    def _without_way_back(self, guard: Guard, error: Exception) -> Guard:
        """Tell that the version before cannot be put in service again; from now on the guard only tells."""
        self._incidents.add(
            guard.model,
            guard.version,
            previous=guard.previous,
            guard_id=guard.id,
            cause="no way back",
            action="told",
            reason=f"{guard.model}@{guard.previous}, the version before, cannot be put in service again: {error}",
            done="Nothing was changed.",
        )
        return self._guards.without_way_back(guard)

    def _noted(self, guard: Guard, found: list[Finding], *, labels: int) -> Guard:
        gap_s = (datetime.now(UTC) - datetime.fromisoformat(guard.looked_at)).total_seconds()
        if found == guard.found and 0 <= gap_s < NOTE_S:
            return guard
        watched_s = guard.watched_s + min(max(gap_s, 0.0), LONGEST_GAP_S)
        return self._guards.note(guard, found, labels=labels, watched_s=watched_s)

    def _sight(self, guard: Guard) -> Sight:
        """Raises `CorruptPackage` or `VersionNotFound` for the version before."""
        known = self._sights.get(guard.model)
        if known is None or (known.guard.id, known.guard.previous) != (guard.id, guard.previous):
            registry, cache = self._home.registry, self._home.config.embeddings
            before = registry.verified_folder(guard.model, guard.previous) if guard.previous else None
            versions = BothVersions(registry.folder(guard.model, guard.version), before, cache=cache)
            known = Sight(self._home, guard, versions, complete_to=guard.after_number)
            self._sights[guard.model] = known
        return known

    def _claim(self, model: str) -> Claim:
        return self._claims.setdefault(model, Claim(self._home.ledger.database, f"guard-{model}"))

    def _forget(self, model: str) -> None:
        self._sights.pop(model, None)
        if claim := self._claims.pop(model, None):
            claim.release()


def _passed(guard: Guard) -> str:
    watched = f"{guard.watched_s / HOUR_S:.1f} hours and {guard.labels} labelled texts showed no breach"
    return " ".join([f"{watched}.", *(one.sentence for one in guard.seen)])
