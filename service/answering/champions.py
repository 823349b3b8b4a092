"""The champions of all models in memory: polls the registry's champion pointers and swaps versions without downtime.

The previous champion also stays in memory ("warm"), so that a rollback needs no loading.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace

from core.cpu import engine_threads
from core.durable import file_lock
from core.engine import Engine
from core.errors import ModelNotFound, RetuneError
from core.home import Home
from core.home_processes.server_workers import ModelStatus
from core.registry import Champion, first_served
from core.verification import verify_golden
from service.answering.model import Failure, ModelState, ServedVersion
from service.host.memory import give_back
from service.refusals import ModelNotNamed, VersionNotLoaded

RETRY_S, CLOSE_S = 15.0, 2.0
logger = logging.getLogger(__name__)


class Champions:
    """A new version is loaded and tested while the old one answers; a version that fails changes nothing."""

    def __init__(
        self,
        home: Home,
        *,
        on_change: Callable[[dict[str, ModelStatus]], None] = lambda _: None,
        on_swap: Callable[[str, str], None] = lambda _model, _outcome: None,
    ) -> None:
        """`on_change` gets the status of all models, `on_swap` the model and "done" or "failed"."""
        self._registry = home.registry
        self._threads = engine_threads(home.config)
        self._poll_s = home.config.service.champion_poll_s
        self._default_model = home.config.service.default_model
        self._first_served: ModelState | None = None
        self._on_change = on_change
        self._on_swap = on_swap
        self._load_lock = home.folder / "loading.lock"
        self._models: dict[str, ModelState] = {}
        # The last error by subject, so that an error is not logged again at every poll.
        self._logged: dict[str, str] = {}
        self._published: dict[str, ModelStatus] | None = None
        self._must_free_memory = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="champions", daemon=True)

    def start(self) -> None:
        """Load the champions, then start polling."""
        self.poll()
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(CLOSE_S)  # a version that is being loaded may take longer

    def served(self, model: str | None) -> ServedVersion:
        """The champion of a model, or of the default model.

        Raises `ModelNotNamed`, `ModelNotFound`, `NoChampion` or `ChampionNotLoaded`.
        """
        known = self._model(model)
        served = known.served
        if served is None:
            raise known.no_version_error
        return served

    def version(self, model: str | None, version: str | None) -> ServedVersion:
        """The champion (also if `version` is None) or the warm version. Raises as `served`, or `VersionNotLoaded`."""
        champion = self.served(model)
        if version in (None, champion.version):
            return champion
        warm = self._model(model).warm
        if warm is None or warm.version != version:
            loaded = [served.version for served in (champion, warm) if served]
            raise VersionNotLoaded(champion.model, str(version), loaded)
        return warm

    def all(self) -> list[ServedVersion]:
        return [served for model in self._models.values() if (served := model.served)]

    @property
    def models(self) -> list[str]:
        return sorted(self._models)

    def status(self) -> dict[str, ModelStatus]:
        models = self._models
        return {name: models[name].status for name in sorted(models)}

    def poll(self) -> None:
        """Read every champion pointer once and load new versions; an error is logged once and changes nothing."""
        if self._must_free_memory:  # set by the last poll: requests to the dropped version are answered by now
            self._must_free_memory = False
            give_back()
        try:
            versions = self._registry.catalog()
            if not versions and self.all():
                self._registry.require_folder()
        except Exception as error:  # a store that is unreachable for a moment must not end the thread
            self._log_once("registry", f"The registry cannot be read: {error}")
            return
        self._logged.pop("registry", None)
        self._update_models(versions)
        for model in self._models.values():
            self._poll_model(model)
        self._first_served = _first_served(self._models)
        self._publish()

    def _run(self) -> None:
        while not self._stop.wait(self._poll_s):
            self.poll()

    def _model(self, name: str | None) -> ModelState:
        """Raises `ModelNotNamed` or `ModelNotFound`."""
        models = self._models
        name = name or self._default_model
        if name is None:
            if self._first_served is None:
                raise ModelNotNamed(self.models)
            return self._first_served
        if name not in models:
            raise ModelNotFound(name, self.models)
        return models[name]

    def _update_models(self, versions: Mapping[str, list[str]]) -> None:
        """Add new models and drop removed ones; the others keep their versions in memory."""
        before = self._models
        for removed in before.keys() - versions.keys():
            self._must_free_memory |= before[removed].served is not None
            logger.info("Model %s was removed from the registry", removed)
        now = {name: before.get(name) or ModelState(name, []) for name in versions}
        for name, model in now.items():
            model.versions = versions[name]
        self._models = now

    def _poll_model(self, model: ModelState) -> None:
        pointer: Champion | None = None
        try:
            pointer = self._registry.pointer(model.name)
            if pointer or model.served is None:
                model.served_since = pointer.served_since if pointer else None
            if pointer and not model.has_handled(pointer):
                self._switch_to(model, pointer)
            model.clear_failure(pointer)
        except Exception as error:  # after any failure of the new version the old one stays
            self._record_failure(model, pointer, str(error))

    def _switch_to(self, model: ModelState, pointer: Champion) -> None:
        served = model.served
        if served and served.version == pointer.version:
            model.served = replace(served, since=pointer.since)
            model.failure = None
            return
        try:
            loaded = self._warm_or_loaded(model, pointer)
        except Exception:
            if served is None:
                self._load_earlier(model, pointer)
            raise
        # Until here the old version answers; requests that use it keep their own reference.
        model.served = loaded
        if served and served.version in pointer.previous:
            model.warm = served
        self._must_free_memory |= served is not None
        self._logged.pop(f"model {model.name}", None)
        model.failure = None
        self._on_swap(model.name, "done")
        logger.info("Model %s: version %s is in service", model.name, pointer.version)

    def _warm_or_loaded(self, model: ModelState, pointer: Champion) -> ServedVersion:
        """The warm version if the pointer names it. Otherwise free the warm version and load the pointer's version."""
        warm, model.warm = model.warm, None
        if warm and warm.version == pointer.version:
            return replace(warm, since=pointer.since)
        del warm
        return self._load(model, pointer.version, pointer.since)

    def _load_earlier(self, model: ModelState, pointer: Champion) -> None:
        """Serve the latest earlier champion that can be loaded: after a start this is better than no version."""
        for version in reversed(pointer.previous):
            with suppress(Exception):
                model.served = self._load(model, version, pointer.since)
                return

    def _load(self, model: ModelState, version: str, since: str) -> ServedVersion:
        """Load a version and check its files and its answers to the golden texts.

        Raises `CorruptPackage`, `ModelNotFound` or `VersionNotFound`.
        """
        with ExitStack() as stack:
            with suppress(OSError):  # a disk that is full or read-only
                stack.enter_context(file_lock(self._load_lock))  # the workers of a server must not all load at once
            engine = Engine(self._registry.verified_folder(model.name, version), threads=self._threads)
            verify_golden(engine)
        return ServedVersion(model.name, version, since, engine)

    def _record_failure(self, model: ModelState, pointer: Champion | None, error: str) -> None:
        version, since = (pointer.version, pointer.since) if pointer else (None, None)
        if model.served_since is None:
            model.served_since = ""
        model.failure = Failure(version, since, error, time.monotonic() + RETRY_S)
        if version is not None:
            self._on_swap(model.name, "failed")
        kept = model.served
        consequence = f"version {kept.version} stays" if kept else "no version answers"
        failed = f"version {version} cannot be loaded" if version else "the champion cannot be read"
        self._log_once(f"model {model.name}", f"Model {model.name}: {failed} and {consequence}: {error}")

    def _log_once(self, about: str, sentence: str) -> None:
        if self._logged.get(about) != sentence:
            self._logged[about] = sentence
            logger.error("%s", sentence)

    def _publish(self) -> None:
        status = self.status()
        if status != self._published:
            try:
                self._on_change(status)
            except (OSError, RetuneError) as error:  # a full disk must not stop swaps; the next poll tries again
                self._log_once("status", f"The status of the models in this worker cannot be published: {error}")
                return
            self._logged.pop("status", None)
            self._published = status


def _first_served(models: Mapping[str, ModelState]) -> ModelState | None:
    """The model for requests that name none: the first one put in service, or the only one.

    A model whose pointer could never be read comes first: it may be the first one, and another one would answer with
    labels of its own.
    """
    since = {name: model.served_since for name, model in models.items() if model.served_since is not None}
    only = next(iter(models)) if len(models) == 1 else None
    name = first_served(since) or only
    return models[name] if name is not None else None
