"""Everything that one worker process holds, put together from the config, started and ended in order."""

from __future__ import annotations

import logging
from contextlib import suppress

from core.config import Config
from core.cpu import available_cpus
from core.errors import ModelNotFound, NoChampion, RetuneError
from core.jobs import JobQueue
from core.labels import Kind
from core.package import read_facts
from core.registry import open_registry
from service.access import Access
from service.batching import Batcher
from service.champions import Champions, Standing
from service.connection import LedgerConnection
from service.feedback import FeedbackDesk
from service.keyring import Keyring
from service.metrics import Metrics
from service.predicting import Predictor
from service.process import server_folder
from service.rate_limits import RateLimits
from service.recorder import Recorder
from service.refusals import NotReady
from service.roster import Roster
from service.sessions import Sessions

logger = logging.getLogger(__name__)


class Worker:
    """The parts that live as long as the process; routes use them, nothing else holds them."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.metrics = Metrics()
        self.registry = open_registry(config)
        self.connection = LedgerConnection(config)
        self.roster = Roster(config.home)
        self.limits = RateLimits(server_folder(config) / "limits")
        self.access = Access(
            config.service,
            Keyring(config.keys_file),
            self.limits,
            Sessions(server_folder(config) / "session-secret"),
            on_refusal=self.metrics.count_refusal,
        )
        self.champions = Champions(
            self.registry,
            threads=engine_threads(config),
            poll_s=config.service.champion_poll_s,
            default_model=config.service.default_model,
            on_change=self._show_standing,
        )
        self.batcher = Batcher(
            max_batch_tokens=config.service.max_batch_tokens,
            max_queue_items=config.service.max_queue_items,
            on_batch=self.metrics.count_batch,
        )
        self.recorder = Recorder(
            self.connection,
            queue_size=config.ledger.queue_size,
            flush_s=config.ledger.flush_s,
            on_count=self.metrics.show_ledger,
        )
        self.predictor = Predictor(
            self.champions,
            self.batcher,
            self.recorder,
            self.metrics,
            max_text_chars=config.service.max_text_chars,
        )
        self.feedback = FeedbackDesk(
            self.connection, self.recorder, kind_of=self.kind_of, flush_s=config.ledger.flush_s
        )

    def start(self) -> None:
        """Load the champions, then take work."""
        self.champions.start()
        self.batcher.start()
        self.recorder.start()

    def close(self) -> None:
        """Answer what waits, write what was answered, go."""
        self.champions.close()
        self.batcher.close()
        self.recorder.close()
        self.connection.close()
        self.limits.close()
        self.roster.leave()

    @property
    def is_alive(self) -> bool:
        """Whether the threads without which no answer or no record comes are running."""
        return self.batcher.is_alive and self.recorder.is_alive

    def require_ready(self) -> None:
        """Raise `NotReady` with the reason as long as no model can be asked."""
        if not self.is_alive:
            raise NotReady("a thread of this worker has ended")
        standing = self.champions.standing()
        if not any(entry.version for entry in standing.values()):
            known = ", ".join(standing) or "none; add one with 'retune register'"
            raise NotReady(f"no model has a champion; put one in service with 'retune promote'. Models: {known}")

    def kind_of(self, model: str) -> Kind:
        """Whether a text may have several labels, as the champion says, else the newest version that there is."""
        with suppress(NoChampion, ModelNotFound):
            return self.champions.served(model).engine.facts.kind
        versions = self.registry.versions(model)
        return read_facts(self.registry.folder(model, versions[-1])).kind if versions else "single-label"

    def jobs(self) -> JobQueue:
        return JobQueue(self.connection.get())

    def _show_standing(self, standing: dict[str, Standing]) -> None:
        self.metrics.show_standing(standing)
        try:
            self.roster.enter(standing)
        except (OSError, RetuneError) as error:  # a full disk must not stop the swap
            logger.error("This worker cannot say how its models stand: %s", error)


def worker_count(config: Config) -> int:
    """Worker processes: as configured, else one a core."""
    return config.service.workers or available_cpus()


def engine_threads(config: Config) -> int:
    """Threads of each worker's engine, so that all workers together use the cores once."""
    return max(1, available_cpus() // worker_count(config))
