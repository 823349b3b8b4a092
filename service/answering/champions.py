"""The champions of all models, in memory: follows the registry's pointers and swaps while requests run.

Beside each champion the one before it stays warm, so that a rollback needs no loading.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, replace

from core.engine import Engine
from core.errors import ModelNotFound, NoChampion, RetuneError
from core.registry import Champion, Registry
from core.roster import Standing
from core.verification import check_golden
from service.host.memory import give_back
from service.refusals import ChampionNotLoaded, ModelNotNamed, VersionNotLoaded

RETRY_S, CLOSE_S = 15.0, 2.0
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
    """A version that could not be loaded, None where the pointer could not be read; it is tried again at
    `retry_at` (monotonic seconds), unless it `is_over`: the pointer names another version since.
    """

    version: str | None
    since: str | None
    error: str
    retry_at: float
    is_over: bool = False


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
        on_swap: Callable[[str, str], None] = lambda _model, _outcome: None,
        turn: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """`on_change` hears how all models stand, `on_swap` of each swap that was "done" or "failed"; versions
        are loaded in `turn`, so that the workers of a server do not all load at once.
        """
        self._registry = registry
        self._threads = threads
        self._poll_s = poll_s
        self._default_model = default_model
        self._on_change = on_change
        self._on_swap = on_swap
        self._turn = turn
        self._versions: dict[str, list[str]] = {}
        self._served: dict[str, Served] = {}
        self._warm: dict[str, Served] = {}
        self._failures: dict[str, Failure] = {}
        self._said: dict[str, str] = {}
        self._told: dict[str, Standing] | None = None
        self._has_dropped = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="champions", daemon=True)

    def start(self) -> None:
        """Load what there is, then keep following."""
        self.follow()
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(CLOSE_S)  # it may be in the middle of a load

    def served(self, model: str | None) -> Served:
        """The champion of a model, or of the default one.

        Raises `ModelNotNamed`, `ModelNotFound`, `NoChampion` or `ChampionNotLoaded`.
        """
        name = model or self._default()
        served = self._served.get(name)
        if served is None:
            if name not in self._versions:
                raise ModelNotFound(name, self.models)
            raise self._why_none(name)
        return served

    def _why_none(self, model: str) -> RetuneError:
        failure = self._failures.get(model)
        if failure is not None and not failure.is_over:
            return ChampionNotLoaded(model, failure.version)
        return NoChampion(model, self._versions[model])

    def all(self) -> list[Served]:
        return list(self._served.values())

    def version(self, model: str | None, version: str | None) -> Served:
        """A version that is in memory, the champion or the one kept warm; None: the champion.

        Raises as `served`, or `VersionNotLoaded`.
        """
        champion = self.served(model)
        if version in (None, champion.version):
            return champion
        warm = self._warm.get(champion.model)
        if warm is None or warm.version != version:
            loaded = [served.version for served in (champion, warm) if served]
            raise VersionNotLoaded(champion.model, str(version), loaded)
        return warm

    @property
    def models(self) -> list[str]:
        return sorted(self._versions)

    def standing(self) -> dict[str, Standing]:
        return {model: self._standing(model) for model in self.models}

    def follow(self) -> None:
        """Look once at every pointer; what goes wrong is said once and changes nothing."""
        if self._has_dropped:  # a look ago: by now the last requests on what was dropped are answered
            self._has_dropped = False
            give_back()
        try:
            versions = {model: self._registry.versions(model) for model in self._registry.models()}
            if self._served and not versions:
                self._registry.require_folder()
        except Exception as error:  # a store that is away for a moment must not end the thread
            self._say("", f"The registry cannot be read: {error}")
            return
        self._said.pop("", None)
        self._versions = versions
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
            self._forgive(model, pointer)
        except Exception as error:  # whatever a bad version does, the good one stays
            self._failed(model, pointer, str(error))

    def _forgive(self, model: str, pointer: Champion | None) -> None:
        """Forget a failure that is over; that of another version, whose promotion is undone, is told until the next
        change.
        """
        failure = self._failures.get(model)
        if not failure or not self._is_current(model, pointer):
            return
        if failure.version in (None, pointer and pointer.version):
            del self._failures[model]
        else:
            self._failures[model] = replace(failure, is_over=True)

    def _is_current(self, model: str, pointer: Champion | None) -> bool:
        served = self._served.get(model)
        return pointer is None or (served is not None and served.version == pointer.version)

    def _is_settled(self, model: str, pointer: Champion) -> bool:
        """Whether there is nothing to load: it is served already, or failed a moment ago."""
        if self._is_current(model, pointer):
            return self._served[model].since == pointer.since
        failure = self._failures.get(model)
        is_same = failure is not None and (failure.version, failure.since) == (pointer.version, pointer.since)
        return failure is not None and is_same and time.monotonic() < failure.retry_at

    def _swap_in(self, model: str, pointer: Champion) -> None:
        served = self._served.get(model)
        if served and served.version == pointer.version:
            self._served[model] = replace(served, since=pointer.since)
            self._failures.pop(model, None)
            return
        try:
            loaded = self._loaded(model, pointer)
        except Exception:
            if served is None:
                self._fall_back(model, pointer)
            raise
        # Only now: until here the old version answers, and calls under way keep their reference to it.
        self._served[model] = loaded
        if served and served.version in pointer.previous:
            self._warm[model] = served
        self._has_dropped = served is not None
        self._said.pop(model, None)
        self._failures.pop(model, None)
        self._on_swap(model, "done")
        logger.info("Model %s: version %s is in service", model, pointer.version)

    def _loaded(self, model: str, pointer: Champion) -> Served:
        """The version, taken from beside the champion or loaded there; what else was there makes room first."""
        warm = self._warm.pop(model, None)
        if warm and warm.version == pointer.version:
            return replace(warm, since=pointer.since)
        del warm
        with self._turn():
            engine = load(self._registry, model, pointer.version, threads=self._threads)
        return Served(model, pointer.version, pointer.since, engine)

    def _fall_back(self, model: str, pointer: Champion) -> None:
        """Nothing answers yet, as after a start: the latest earlier champion that can is better than none."""
        for version in reversed(pointer.previous):
            with suppress(Exception), self._turn():
                engine = load(self._registry, model, version, threads=self._threads)
                self._served[model] = Served(model, version, pointer.since, engine)
                return

    def _failed(self, model: str, pointer: Champion | None, error: str) -> None:
        version, since = (pointer.version, pointer.since) if pointer else (None, None)
        self._failures[model] = Failure(version, since, error, time.monotonic() + RETRY_S)
        if version is not None:
            self._on_swap(model, "failed")
        kept = self._served.get(model)
        consequence = f"version {kept.version} stays" if kept else "no version answers"
        failed = f"version {version} cannot be loaded" if version else "the champion cannot be read"
        self._say(model, f"Model {model}: {failed} and {consequence}: {error}")

    def _drop(self, model: str) -> None:
        del self._served[model]
        self._has_dropped = True
        self._warm.pop(model, None)
        self._failures.pop(model, None)
        logger.info("Model %s is gone from the registry", model)

    def _say(self, about: str, sentence: str) -> None:
        if self._said.get(about) != sentence:
            self._said[about] = sentence
            logger.error("%s", sentence)

    def _standing(self, model: str) -> Standing:
        served, warm, failure = self._served.get(model), self._warm.get(model), self._failures.get(model)
        return Standing(
            version=served.version if served else None,
            since=served.since if served else None,
            error=failure.error if failure else None,
            failed=failure.version if failure else None,
            failed_since=failure.since if failure else None,
            failing=failure is not None and not failure.is_over,
            warm=(warm.version,) if warm else (),
        )

    def _tell(self) -> None:
        standing = self.standing()
        if standing != self._told:
            try:
                self._on_change(standing)
            except (OSError, RetuneError) as error:  # a full disk must not stop swaps; it is told at the next look
                self._say("told", f"This worker cannot say how its models stand: {error}")
                return
            self._said.pop("told", None)
            self._told = standing


def load(registry: Registry, model: str, version: str, *, threads: int) -> Engine:
    """A verified version, warmed on its golden texts and found to answer them as recorded.

    Raises `CorruptPackage`, `ModelNotFound` or `VersionNotFound`.
    """
    engine = Engine(registry.verified_folder(model, version), threads=threads)
    check_golden(engine)
    return engine
