"""Everything that one worker process holds, put together from the config, started and ended in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from core.config import Config
from core.cpu import engine_threads, worker_count
from core.durable import file_lock
from core.errors import ModelNotFound, NoChampion, RetuneError
from core.feedback import registered_kind
from core.home import Home
from core.labels import Kind
from core.server_workers import ModelStatus, ServerWorkers
from service.access.access import Access
from service.access.keyring import Keyring
from service.access.rate_limits import RateLimits
from service.access.sessions import Sessions
from service.answering.batcher import Batcher
from service.answering.champions import Champions
from service.answering.predictor import Predictor
from service.answering.probe import GoldenProbe
from service.host.process import server_folder
from service.host.watchdog import Watchdog
from service.recording.feedback import FeedbackDesk
from service.recording.recorder import Recorder
from service.refusals import ChampionNotLoaded, NotReady, Stopping
from service.telemetry.access_log import AccessLog
from service.telemetry.metrics import Metrics

DESK_THREADS = 8
LEDGER_BUSY_S = 5.0
Found = TypeVar("Found")


class Worker:
    """The parts that live as long as the process; routes use them, nothing else holds them."""

    def __init__(self, config: Config, *, replaces_lost: bool = True) -> None:
        """`replaces_lost`: whether a worker that is killed is started again."""
        self.config = config
        self.is_draining = False
        self.metrics = Metrics()
        # Well before a request's own end, so that its answer can say that it is the ledger.
        self.home = Home(config, busy_s=min(LEDGER_BUSY_S, config.service.timeout_s / 4))
        self.server_workers = ServerWorkers(config.home)
        self.limits = RateLimits(server_folder(config) / "limits")
        self.access = Access(
            config.service,
            Keyring(config.keys_file),
            self.limits,
            Sessions(server_folder(config) / "session-secret"),
            on_refusal=self.metrics.count_refusal,
        )
        self.champions = Champions(
            self.home.registry,
            threads=engine_threads(config),
            poll_s=config.service.champion_poll_s,
            default_model=config.service.default_model,
            on_change=self._show_status,
            on_swap=self.metrics.count_swap,
            turn=partial(file_lock, self.home.folder / "loading.lock"),
        )
        # Apart from the pools of probes and long texts, and of feedback: operators wait for nobody else.
        self.desk = ThreadPoolExecutor(DESK_THREADS, thread_name_prefix="desk")
        self.notes = ThreadPoolExecutor(1, thread_name_prefix="notes")
        self.probe = GoldenProbe(self.champions.all)
        self.watchdog = None if replaces_lost else Watchdog(worker_count(config))
        self.batcher = Batcher(
            max_batch_tokens=config.service.max_batch_tokens,
            max_queue_items=config.service.max_queue_items,
            max_queue_s=config.service.max_queue_s,
            on_batch=self.metrics.count_batch,
            on_start=self.metrics.observe_waits,
        )
        self.recorder = Recorder(
            self.home,
            queue_size=config.ledger.queue_size,
            flush_s=config.ledger.flush_s,
            keep=config.ledger.keep,
            sample=config.ledger.sample,
            on_count=self.metrics.show_ledger,
        )
        self.access_log = AccessLog(on_drop=self.metrics.count_log_drop) if config.service.access_log else None
        self.predictor = Predictor(
            self.champions,
            self.batcher,
            self.recorder,
            config.service,
            on_answer=self.metrics.count_prediction,
            on_error=self.metrics.count_item_error,
        )
        self.feedback = FeedbackDesk(
            self.home,
            self.recorder,
            kind_of=self.kind_of,
            flush_s=config.ledger.flush_s,
            sample=config.ledger.sample,
        )

    def start(self) -> None:
        """Load the champions, then take work."""
        self.metrics.start()
        self.metrics.show_ledger_capacity(self.config.ledger.queue_size)
        self.champions.start()
        self.batcher.start()
        self.recorder.start()
        if self.access_log:
            self.access_log.start()
        if self.watchdog:
            self.watchdog.start()

    def close(self) -> None:
        """Answer what waits, write what was answered, go."""
        self.champions.close()
        self.batcher.close()
        self.recorder.close()
        # What operators did is noted; who waits for a ledger that does not come has no answer any more.
        self.notes.shutdown()
        self.desk.shutdown(wait=False, cancel_futures=True)
        self.feedback.close()
        self.home.close()
        self.limits.close()
        if self.access_log:
            self.access_log.close()
        self.metrics.close()
        self.server_workers.remove()

    async def at_desk(self, call: Callable[..., Found], *given: Any) -> Found:
        """What an operator's call gives that may wait for the ledger or for other workers."""
        return await asyncio.get_running_loop().run_in_executor(self.desk, call, *given)

    @property
    def is_alive(self) -> bool:
        """Whether the threads without which no answer or no record comes are running."""
        return self.batcher.is_alive and self.recorder.is_alive

    def drain(self) -> None:
        """Say to probes and neighbours that this worker is about to end."""
        self.is_draining = True
        if self.watchdog:
            self.watchdog.close()
        with suppress(OSError, RetuneError):
            self.server_workers.publish(self.champions.status(), draining=True)

    def is_last(self) -> bool:
        """Whether no neighbour goes on when this worker ends."""
        return all(neighbour.draining for neighbour in self.server_workers.living())

    def require_ready(self) -> None:
        """Raise `NotReady` with the reason as long as no model can be asked, or not all workers are there."""
        if self.is_draining:
            raise Stopping
        if not self.is_alive:
            raise NotReady("a thread of this worker has ended")
        present, expected = len(self.server_workers.living()), worker_count(self.config)
        if present < expected:
            raise NotReady(f"{present} of {expected} workers are running")
        self.probe.require()
        status = self.champions.status()
        if not any(entry.version for entry in status.values()):
            known = ", ".join(status) or "none; add one with 'retune register'"
            raise NotReady(f"no model has a champion; put one in service with 'retune promote'. Models: {known}")

    def kind_of(self, model: str) -> Kind:
        """Whether a text may have several labels, as the champion in memory says, else the registry."""
        with suppress(NoChampion, ChampionNotLoaded, ModelNotFound):
            return self.champions.served(model).engine.facts.kind
        return registered_kind(self.home.registry, model)

    def _show_status(self, status: dict[str, ModelStatus]) -> None:
        self.metrics.show_status(status)
        self.server_workers.publish(status, draining=self.is_draining)
