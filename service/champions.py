"""The champions of all models, in memory: follows the registry's pointers and swaps while requests run."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from core.engine import Engine
from core.errors import ModelNotFound, NoChampion
from core.registry import Champion, Registry
from core.verification import check_golden
from service.refusals import ModelNotNamed, VersionNotLoaded

RETRY_S = 15.0
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Served:
    """A version in memory. Requests hold on to the one they began with."""

    model: str
    version: str
    since: str
    engine: Engine


@dataclass(frozen=True)
class Failure:
    """A version that could not be loaded; it is tried again at `retry_at` (monotonic seconds)."""

    version: str
    error: str
    retry_at: float


@dataclass(frozen=True)
class Standing:
    """How one model stands in this worker, as /admin tells it."""

    version: str | None
    since: str | None
    error: str | None


class Champions:
    """Never without the last version that worked: a new one is loaded beside it, tried, then switched to."""

    def __init__(
        self,
        registry: Registry,
        *,
        threads: int,
        poll_s: float,
        default_model: str | None = None,
        on_change: Callable[[dict[str, Standing]], None] = lambda _: None,
    ) -> None:
        self._registry = registry
        self._threads = threads
        self._poll_s = poll_s
        self._default_model = default_model
        self._on_change = on_change
        self._versions: dict[str, list[str]] = {}
        self._served: dict[str, Served] = {}
        self._failures: dict[str, Failure] = {}
        self._said: dict[str, str] = {}
        self._told: dict[str, Standing] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="champions", daemon=True)

    def start(self) -> None:
        """Load what there is, then keep following."""
        self.follow()
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()

    def served(self, model: str | None) -> Served:
        """The champion of a model, or of the default one.

        Raises `ModelNotNamed`, `ModelNotFound` or `NoChampion`.
        """
        name = model or self._default()
        served = self._served.get(name)
        if served is None:
            if name not in self._versions:
                raise ModelNotFound(name, self.models)
            raise NoChampion(name, self._versions[name])
        return served

    def version(self, model: str | None, version: str | None) -> Served:
        """A version that is in memory; None: the champion. Raises `VersionNotLoaded`, or as `served`."""
        served = self.served(model)
        if version not in (None, served.version):
            raise VersionNotLoaded(served.model, str(version), [served.version])
        return served

    @property
    def models(self) -> list[str]:
        return sorted(self._versions)

    def standing(self) -> dict[str, Standing]:
        return {model: self._standing(model) for model in self.models}

    def follow(self) -> None:
        """Look once at every pointer; what goes wrong is said once and changes nothing."""
        try:
            self._versions = {model: self._registry.versions(model) for model in self._registry.models()}
        except Exception as error:  # a store that is away for a moment must not end the thread
            self._say("", f"The registry cannot be read: {error}")
            return
        self._said.pop("", None)
        for gone in self._served.keys() - self._versions.keys():
            self._drop(gone)
        for model in self._versions:
            self._follow(model)
        self._tell()

    def _run(self) -> None:
        while not self._stop.wait(self._poll_s):
            self.follow()

    def _default(self) -> str:
        if self._default_model:
            return self._default_model
        if len(self._versions) != 1:
            raise ModelNotNamed(self.models)
        return next(iter(self._versions))

    def _follow(self, model: str) -> None:
        pointer: Champion | None = None
        try:
            pointer = self._registry.pointer(model)
            if pointer and not self._is_settled(model, pointer):
                self._swap_in(model, pointer)
            if self._is_current(model, pointer):
                self._failures.pop(model, None)
        except Exception as error:  # whatever a bad version does, the good one stays
            self._failed(model, pointer.version if pointer else "?", str(error))

    def _is_current(self, model: str, pointer: Champion | None) -> bool:
        served = self._served.get(model)
        return pointer is None or (served is not None and served.version == pointer.version)

    def _is_settled(self, model: str, pointer: Champion) -> bool:
        """Whether there is nothing to load: it is served already, or failed a moment ago."""
        if self._is_current(model, pointer):
            return self._served[model].since == pointer.since
        failure = self._failures.get(model)
        return failure is not None and failure.version == pointer.version and time.monotonic() < failure.retry_at

    def _swap_in(self, model: str, pointer: Champion) -> None:
        served = self._served.get(model)
        if served and served.version == pointer.version:
            self._served[model] = replace(served, since=pointer.since)
            return
        engine = load(self._registry, model, pointer.version, threads=self._threads)
        # Only now: until here the old version answers, and calls under way keep their reference to it.
        self._served[model] = Served(model, pointer.version, pointer.since, engine)
        self._said.pop(model, None)
        logger.info("Model %s: version %s is in service", model, pointer.version)

    def _failed(self, model: str, version: str, error: str) -> None:
        self._failures[model] = Failure(version, error, time.monotonic() + RETRY_S)
        kept = self._served.get(model)
        consequence = f"version {kept.version} stays" if kept else "no version answers"
        self._say(model, f"Model {model}: version {version} cannot be loaded and {consequence}: {error}")

    def _drop(self, model: str) -> None:
        del self._served[model]
        self._failures.pop(model, None)
        logger.info("Model %s is gone from the registry", model)

    def _say(self, about: str, sentence: str) -> None:
        if self._said.get(about) != sentence:
            self._said[about] = sentence
            logger.error("%s", sentence)

    def _standing(self, model: str) -> Standing:
        served, failure = self._served.get(model), self._failures.get(model)
        return Standing(
            version=served.version if served else None,
            since=served.since if served else None,
            error=failure.error if failure else None,
        )

    def _tell(self) -> None:
        standing = self.standing()
        if standing != self._told:
            self._told = standing
            self._on_change(standing)


def load(registry: Registry, model: str, version: str, *, threads: int) -> Engine:
    """A verified version, warmed on its golden texts and found to answer them as recorded.

    Raises `CorruptPackage`, `ModelNotFound` or `VersionNotFound`.
    """
    engine = Engine(registry.verified_folder(model, version), threads=threads)
    check_golden(engine)
    return engine
