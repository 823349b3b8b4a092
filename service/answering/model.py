"""The state of one model in a worker's memory."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from core.engine import Engine
from core.errors import NoChampion, RetuneError
from core.home_processes.server_workers import ModelStatus
from core.registry import Champion
from service.refusals import ChampionNotLoaded


@dataclass(frozen=True)
class ServedVersion:
    """A version in memory. A request keeps using the one that it started with."""

    model: str
    version: str
    since: str
    engine: Engine


@dataclass(frozen=True)
class Failure:
    """A version that could not be loaded; `version` is None if the champion pointer could not be read. The next try is
    at `retry_at` (monotonic seconds). `is_over`: the pointer now names another version.
    """

    version: str | None
    since: str | None
    error: str
    retry_at: float
    is_over: bool = False


@dataclass
class ModelState:
    """Written by one thread, read by requests. `warm`: the previous champion, kept for a rollback.

    `served_since`: time of the first promotion; None before it, "" while the pointer could never be read.
    """

    name: str
    versions: list[str]
    served: ServedVersion | None = None
    warm: ServedVersion | None = None
    failure: Failure | None = None
    served_since: str | None = None

    @property
    def status(self) -> ModelStatus:
        served, warm, failure = self.served, self.warm, self.failure
        return ModelStatus(
            version=served.version if served else None,
            since=served.since if served else None,
            error=failure.error if failure else None,
            failed=failure.version if failure else None,
            failed_since=failure.since if failure else None,
            failing=failure is not None and not failure.is_over,
            warm=(warm.version,) if warm else (),
        )

    @property
    def no_version_error(self) -> RetuneError:
        """The error for a request while no version answers."""
        failure = self.failure
        if failure is not None and not failure.is_over:
            return ChampionNotLoaded(self.name, failure.version)
        return NoChampion(self.name, self.versions)

    def serves(self, pointer: Champion | None) -> bool:
        """Whether the version in the pointer answers; True without a pointer."""
        return pointer is None or (self.served is not None and self.served.version == pointer.version)

    def has_handled(self, pointer: Champion) -> bool:
        """Whether there is nothing to load: the version is served, or failed and must wait for its retry."""
        if self.served is not None and self.served.version == pointer.version:
            return self.served.since == pointer.since
        failure = self.failure
        is_same = failure is not None and (failure.version, failure.since) == (pointer.version, pointer.since)
        return failure is not None and is_same and time.monotonic() < failure.retry_at

    def clear_failure(self, pointer: Champion | None) -> None:
        """Forget the failure once the pointer's version answers. The failure of another version, whose promotion was
        undone, stays visible until the next change.
        """
        if self.failure is None or not self.serves(pointer):
            return
        is_of_pointer = self.failure.version in (None, pointer and pointer.version)
        self.failure = None if is_of_pointer else replace(self.failure, is_over=True)
