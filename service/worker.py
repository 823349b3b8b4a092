"""One worker process: all its parts, built from the config, started and closed in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

from core.config import Config
from core.config_sources import NONE_KNOWN, Sources
from core.cpu import worker_count
from core.errors import ModelNotFound, NoChampion, RetuneError
from core.feedback import ModelLabels, registered_labels
from core.home import Home
from core.home_processes.server_workers import ModelStatus, ServerWorkers
from core.loop.policy_seen import note_policies
from service.access.access import Access
from service.answering.batcher import Batcher
from service.answering.champions import Champions
from service.answering.explaining import Explainer
from service.answering.predictor import Predictor
from service.answering.probe import GoldenProbe
from service.following.hub import Hub
from service.following.reading import Reader
from service.host.watchdog import Watchdog
from service.recording.feedback import FeedbackStore
from service.recording.recorder import Recorder
from service.recording.traffic import TrafficCounter
from service.refusals import ChampionNotLoaded, NotReady, Stopping
from service.telemetry.access_log import AccessLog
from service.telemetry.loop_metrics import LoopCollector
from service.telemetry.loop_page import LoopPage
from service.telemetry.metrics import Metrics

OPERATOR_THREADS = 8
LEDGER_BUSY_S = 5.0
T = TypeVar("T")


class Worker:
    """The parts that live as long as the process. Routes get them from here."""

    def __init__(self, config: Config, *, replaces_lost: bool = True, sources: Sources = NONE_KNOWN) -> None:
        """`replaces_lost`: whether BentoML starts a killed worker again; `sources`: of the config's values."""
        self.config = config
        self.sources = sources
        self.is_draining = False
        self.metrics = Metrics()
        # Well below the request timeout, so that a locked ledger is reported as such and not as a timeout.
        self.home = Home(config, busy_s=min(LEDGER_BUSY_S, config.service.timeout_s / 4))
        self.server_workers = ServerWorkers(config.home)
        self.access = Access(config, on_refusal=self.metrics.count_refusal)
        self.champions = Champions(self.home, on_change=self._publish_status, on_swap=self.metrics.count_swap)
        self.loop = LoopPage(LoopCollector(self.home, self.champions.status))
        # Not shared with probes, long texts and feedback, so that operators' requests never wait for other requests.
        self.operator_executor = ThreadPoolExecutor(OPERATOR_THREADS, thread_name_prefix="operator")
        self.promotion_executor = ThreadPoolExecutor(1, thread_name_prefix="promotion")
        self.probe = GoldenProbe(self.champions.all)
        self.watchdog = None if replaces_lost else Watchdog(worker_count(config))
        self.batcher = Batcher(config.service, on_batch=self.metrics.count_batch, on_waits=self.metrics.observe_waits)
        self.recorder = Recorder(self.home, on_count=self.metrics.count_records)
        self.traffic = TrafficCounter(self.home)
        self.access_log = AccessLog(on_drop=self.metrics.count_log_drop) if config.service.access_log else None
        self.predictor = Predictor(
            self.champions,
            self.batcher,
            self.recorder,
            config.service,
            on_answer=self.metrics.count_prediction,
            on_unread=self.metrics.count_unread,
            on_error=self.metrics.count_item_error,
            on_request=self.traffic.count,
        )
        self.explainer = Explainer(self.home, self.champions, self.batcher, config.service, run=self.run_for_operator)
        self.hub = Hub(Reader(self.home, self.champions.status), most=config.service.max_streams)
        self.feedback = FeedbackStore(self.home, self.recorder, labels_of=self.labels_of)

    def start(self) -> None:
        """Load the champions, then start all threads."""
        self.metrics.start()
        self.metrics.set_ledger_capacity(self.config.ledger.queue_size)
        self.champions.start()
        self.batcher.start()
        self.recorder.start()
        self.traffic.start()
        if self.access_log:
            self.access_log.start()
        if self.watchdog:
            self.watchdog.start()
        self.operator_executor.submit(self._note_policies)

    def close(self) -> None:
        """Answer the waiting texts, write the predictions, then stop everything."""
        self.champions.close()
        self.batcher.close()
        self.recorder.close()
        self.traffic.close()
        # Changes of champion are still recorded; operators' requests that wait for a locked ledger are cancelled.
        self.promotion_executor.shutdown()
        self.operator_executor.shutdown(wait=False, cancel_futures=True)
        self.feedback.close()
        self.hub.close()
        self.home.close()
        self.access.close()
        if self.access_log:
            self.access_log.close()
        self.metrics.close()
        self.server_workers.remove()

    async def run_for_operator(self, call: Callable[..., T], *given: Any) -> T:
        """Run a call that may wait for the ledger or for other workers in one of the operators' threads."""
        return await asyncio.get_running_loop().run_in_executor(self.operator_executor, call, *given)

    def metrics_page(self) -> bytes:
        """The text that Prometheus scrapes; takes up to a second if the ledger does not answer."""
        return self.metrics.page() + self.loop.page()

    def require_alive(self) -> None:
        """Raise `NotReady` unless the threads that answer and record are running."""
        if not (self.batcher.is_alive and self.recorder.is_alive):
            raise NotReady("a thread of this worker has ended")

    def drain(self) -> None:
        """Report to probes, to the other workers and to those who follow that this worker is about to end."""
        self.is_draining = True
        self.hub.end_all()
        if self.watchdog:
            self.watchdog.close()
        with suppress(OSError, RetuneError):
            self.server_workers.publish(self.champions.status(), draining=True)

    def is_last(self) -> bool:
        """Whether no other worker will be running when this one ends."""
        return all(worker.draining for worker in self.server_workers.living())

    def require_ready(self) -> None:
        """Raise `NotReady` with the reason unless all workers are running and a model answers."""
        if self.is_draining:
            raise Stopping
        self.require_alive()
        present, expected = len(self.server_workers.living()), worker_count(self.config)
        if present < expected and self.server_workers.is_published:  # else no worker can publish, see `Champions`
            raise NotReady(f"{present} of {expected} workers are running")
        self.probe.require()
        status = self.champions.status()
        if not any(entry.version for entry in status.values()):
            known = ", ".join(status) or "none; add one with 'retune register'"
            raise NotReady(f"no model has a champion; put one in service with 'retune promote'. Models: {known}")

    @property
    def warning(self) -> str | None:
        """What is wrong although texts are answered."""
        problem = self.recorder.problem
        return f"Predictions are answered, but not recorded: {problem}. See the server's log." if problem else None

    def labels_of(self, model: str) -> ModelLabels:
        """Those of the champion in memory; without a champion in memory, those of the registered version."""
        with suppress(NoChampion, ChampionNotLoaded, ModelNotFound):
            facts = self.champions.served(model).engine.facts
            return ModelLabels(facts.kind, frozenset(facts.labels))
        return registered_labels(self.home.registry, model)

    def _note_policies(self) -> None:
        with suppress(RetuneError):  # a registry that is away
            note_policies(self.home, self.home.registry.models(), "server")

    def _publish_status(self, status: dict[str, ModelStatus]) -> None:
        self.metrics.set_status(status)
        self.server_workers.publish(status, draining=self.is_draining)
