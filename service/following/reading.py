"""One look at what all models do, for those who follow them: the ledger's news, champions, jobs and open labels."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from core.home import Home
from core.home_processes.server_workers import ModelStatus
from core.job_json import job_json
from core.ledger_tables.incidents import Incidents
from core.news import News, NewsKind, Position, labels_mark, last_position, news_after
from core.stored import as_stored

StateKind = Literal["champion", "job", "labels", "proposal", "incident"]
Kind = Literal[NewsKind, StateKind, "ledger"]
States = dict[tuple[StateKind, str], dict[str, Any]]
"""Facts by kind and model."""
JOBS = 50
MAX_MISSED = 500
# Requests for labels expire without a row that says so.
LABELS_AGE_S = 60.0


@dataclass(frozen=True)
class Look:
    """`news`: since the look before; `states`: as they are."""

    position: Position
    news: list[News]
    states: States


@dataclass
class Reader:
    """Reads the ledger; one look takes a few queries by index, however many follow. Not thread-safe."""

    home: Home
    status: Callable[[], Mapping[str, ModelStatus]]
    """The champions of this server worker by model."""
    _position: Position | None = None
    _last_check_at: str | None = None
    _labels: dict[str, dict[str, Any]] = field(default_factory=dict)
    _labels_of: tuple[Any, ...] = ()
    _labels_read_s: float = 0.0

    def restart(self) -> None:
        """The next look is the first."""
        self._position = None

    def look(self) -> Look:
        """Raises `Unavailable`. The first look has no news."""
        database = self.home.ledger.database
        if self._position is None:
            self._position = last_position(database)
        news = news_after(database, self._position, last_check_at=self._last_check_at)
        if news:
            self._position = news[-1].position
            checks = [one.created_at for one in news if one.kind == "verdict"]
            self._last_check_at = checks[-1] if checks else self._last_check_at
        return Look(self._position, news, self._states())

    def _states(self) -> States:
        of_loop = self._proposals() | self._incidents()
        return self.champions() | self._jobs() | of_loop | self._open_labels(self.status())

    def missed(self, model: str | None, last: Position | None, until: Position) -> list[News]:
        """What came after `last` and up to `until`; without a `last` of this ledger, the last row of each kind of each
        model. Raises `Unavailable`.
        """
        if last is not None and last.is_within(until):
            return news_after(self.home.ledger.database, last, model=model, until=until, limit=MAX_MISSED)
        models = [model] if model is not None else list(self.status())
        return [one for name in models for one in latest_news(self.home, name)]

    def champions(self) -> States:
        """From memory, without the ledger."""
        return {
            ("champion", model): {
                "model": model,
                "version": one.version,
                "since": one.since,
                "refused": one.failed if one.failing else None,
            }
            for model, one in self.status().items()
        }

    def _jobs(self) -> States:
        latest: States = {}
        for job in self.home.jobs.latest(limit=JOBS):
            latest.setdefault(("job", job.model), job_json(job))
        return latest

    def _proposals(self) -> States:
        found = self.home.ledger.proposals.all_open()
        return {
            ("proposal", model): {"model": model, "open": as_stored(found[model]) if model in found else None}
            for model in self.status()
        }

    def _incidents(self) -> States:
        last = Incidents(self.home.ledger.database).last_of_each()
        return {("incident", model): as_stored(incident) for model, incident in last.items()}

    def _open_labels(self, status: Mapping[str, ModelStatus]) -> States:
        versions = {model: one.version for model, one in status.items() if one.version}
        mark = (labels_mark(self.home.ledger.database), tuple(versions.items()))
        if mark != self._labels_of or time.monotonic() - self._labels_read_s > LABELS_AGE_S:
            self._labels = {model: self._progress(model, version) for model, version in versions.items()}
            self._labels_of, self._labels_read_s = mark, time.monotonic()
        return {("labels", model): facts for model, facts in self._labels.items()}

    def _progress(self, model: str, version: str) -> dict[str, Any]:
        found = self.home.ledger.label_progress(model, version)
        return {"model": model, **asdict(found), "open": found.still_open}


def latest_news(home: Home, model: str) -> list[News]:
    """The last row of each kind of a model, to begin with."""
    ledger = home.ledger
    last = {
        "checks": next((one.id for one in ledger.checks(model, limit=1)), None),
        "decisions": next((one.id for one in ledger.decisions(model, limit=1)), None),
        "promotions": next((one.id for one in ledger.promotions(model, limit=1)), None),
    }
    before = Position(**{name: key - 1 for name, key in last.items() if key is not None})
    return news_after(ledger.database, before, model=model, limit=1)
