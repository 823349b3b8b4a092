"""The champions of all models, in memory: follows the registry's pointers and swaps while requests run.

Beside each champion the one before it stays warm, so that a rollback needs no loading.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace

from core.engine import Engine
from core.errors import ModelNotFound, RetuneError
from core.registry import Champion, Registry
from core.server_workers import ModelStatus
from core.verification import verify_golden
from service.answering.model import Failure, Model, Served
from service.host.memory import give_back
from service.refusals import ModelNotNamed, VersionNotLoaded

RETRY_S, CLOSE_S = 15.0, 2.0
logger = logging.getLogger(__name__)


class Champions:
    """Never without the last version that worked: a new one is loaded beside it, tried, then switched to."""

    def __init__(
        self,
        registry: Registry,
        *,
        threads: int,
        poll_s: float,
        default_model: str | None = None,
        on_change: Callable[[dict[str, ModelStatus]], None] = lambda _: None,
        on_swap: Callable[[str, str], None] = lambda _model, _outcome: None,
        turn: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """`on_change` gets the status of all models, `on_swap` each swap that was "done" or "failed"; versions
        are loaded in `turn`, so that the workers of a server do not all load at once.
        """
        self._registry = registry
        self._threads = threads
        self._poll_s = poll_s
        self._default_model = default_model
        self._on_change = on_change
        self._on_swap = on_swap
        self._turn = turn
        self._models: dict[str, Model] = {}
        # By what it is about, so that nothing is logged at every look.
        self._logged: dict[str, str] = {}
        self._published: dict[str, ModelStatus] | None = None
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
        known = self._model(model)
        served = known.served
        if served is None:
            raise known.why_none
        return served

    def version(self, model: str | None, version: str | None) -> Served:
        """A version that is in memory, the champion or the one kept warm; None: the champion.

        Raises as `served`, or `VersionNotLoaded`.
        """
        champion = self.served(model)
        if version in (None, champion.version):
            return champion
        warm = self._model(model).warm
        if warm is None or warm.version != version:
            loaded = [served.version for served in (champion, warm) if served]
            raise VersionNotLoaded(champion.model, str(version), loaded)
        return warm

    def all(self) -> list[Served]:
        return [served for model in self._models.values() if (served := model.served)]

    @property
    def models(self) -> list[str]:
        return sorted(self._models)

    def status(self) -> dict[str, ModelStatus]:
        models = self._models
        return {name: models[name].status for name in sorted(models)}

    def follow(self) -> None:
        """Look once at every pointer; what goes wrong is logged once and changes nothing."""
        if self._has_dropped:  # a look ago: by now the last requests on what was dropped are answered
            self._has_dropped = False
            give_back()
        try:
            versions = {model: self._registry.versions(model) for model in self._registry.models()}
            if not versions and self.all():
                self._registry.require_folder()
        except Exception as error:  # a store that is away for a moment must not end the thread
            self._log("registry", f"The registry cannot be read: {error}")
            return
        self._logged.pop("registry", None)
        self._take_over(versions)
        for model in self._models.values():
            self._follow(model)
        self._publish()

    def _run(self) -> None:
        while not self._stop.wait(self._poll_s):
            self.follow()

    def _model(self, name: str | None) -> Model:
        """Raises `ModelNotNamed` or `ModelNotFound`."""
        models = self._models
        name = name or self._default_model
        if name is None:
            if len(models) != 1:
                raise ModelNotNamed(self.models)
            return next(iter(models.values()))
        if name not in models:
            raise ModelNotFound(name, self.models)
        return models[name]

    def _take_over(self, versions: Mapping[str, list[str]]) -> None:
        """The models that there are now; those known before keep what is in memory."""
        before = self._models
        for gone in before.keys() - versions.keys():
            self._has_dropped |= before[gone].served is not None
            logger.info("Model %s is gone from the registry", gone)
        now = {name: before.get(name) or Model(name, []) for name in versions}
        for name, model in now.items():
            model.versions = versions[name]
        self._models = now

    def _follow(self, model: Model) -> None:
        pointer: Champion | None = None
        try:
            pointer = self._registry.pointer(model.name)
            if pointer and not model.is_settled(pointer):
                self._swap_in(model, pointer)
            model.forgive(pointer)
        except Exception as error:  # whatever a bad version does, the good one stays
            self._failed(model, pointer, str(error))

    def _swap_in(self, model: Model, pointer: Champion) -> None:
        served = model.served
        if served and served.version == pointer.version:
            model.served = replace(served, since=pointer.since)
            model.failure = None
            return
        try:
            loaded = self._loaded(model, pointer)
        except Exception:
            if served is None:
                self._fall_back(model, pointer)
            raise
        # Only now: until here the old version answers, and calls under way keep their reference to it.
        model.served = loaded
        if served and served.version in pointer.previous:
            model.warm = served
        self._has_dropped |= served is not None
        self._logged.pop(f"model {model.name}", None)
        model.failure = None
        self._on_swap(model.name, "done")
        logger.info("Model %s: version %s is in service", model.name, pointer.version)

    def _loaded(self, model: Model, pointer: Champion) -> Served:
        """The version, taken from beside the champion or loaded there; what else was there makes room first."""
        warm, model.warm = model.warm, None
        if warm and warm.version == pointer.version:
            return replace(warm, since=pointer.since)
        del warm
        return self._load(model, pointer.version, pointer.since)

    def _fall_back(self, model: Model, pointer: Champion) -> None:
        """Nothing answers yet, as after a start: the latest earlier champion that can is better than none."""
        for version in reversed(pointer.previous):
            with suppress(Exception):
                model.served = self._load(model, version, pointer.since)
                return

    def _load(self, model: Model, version: str, since: str) -> Served:
        with self._turn():
            return Served(model.name, version, since, load(self._registry, model.name, version, threads=self._threads))

    def _failed(self, model: Model, pointer: Champion | None, error: str) -> None:
        version, since = (pointer.version, pointer.since) if pointer else (None, None)
        model.failure = Failure(version, since, error, time.monotonic() + RETRY_S)
        if version is not None:
            self._on_swap(model.name, "failed")
        kept = model.served
        consequence = f"version {kept.version} stays" if kept else "no version answers"
        failed = f"version {version} cannot be loaded" if version else "the champion cannot be read"
        self._log(f"model {model.name}", f"Model {model.name}: {failed} and {consequence}: {error}")

    def _log(self, about: str, sentence: str) -> None:
        if self._logged.get(about) != sentence:
            self._logged[about] = sentence
            logger.error("%s", sentence)

    def _publish(self) -> None:
        status = self.status()
        if status != self._published:
            try:
                self._on_change(status)
            except (OSError, RetuneError) as error:  # a full disk must not stop swaps; the next look tries again
                self._log("status", f"The status of the models in this worker cannot be published: {error}")
                return
            self._logged.pop("status", None)
            self._published = status


def load(registry: Registry, model: str, version: str, *, threads: int) -> Engine:
    """A verified version, warmed on its golden texts and found to answer them as recorded.

    Raises `CorruptPackage`, `ModelNotFound` or `VersionNotFound`.
    """
    engine = Engine(registry.verified_folder(model, version), threads=threads)
    verify_golden(engine)
    return engine
