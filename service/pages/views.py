"""The content of the dashboard, read from the registry and the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from core.changes import Change
from core.errors import CorruptPackage, Unavailable, VersionNotFound
from core.example_texts import examples_shown, texts_of
from core.home_processes.server_workers import ServerWorkerStatus
from core.overview.last_check import LastCheck, last_check
from core.package import PackageFacts, read_facts
from core.records import CheckRecord, DecisionRecord, JobRecord, PromotionRecord, RequestedLabels
from core.registry import Champion
from service.pages.charts.charts import ModelCharts, model_charts
from service.pages.loop_picture import Standing, Step, steps_of
from service.pages.loop_state import LoopState, loop_state
from service.pages.report_files import map_of
from service.worker import Worker

FILES, JOBS, PROMOTIONS, EXAMPLES = 5, 5, 8, 3
COUNTED = 100_000
"""Predictions up to which they are counted: a count reads the index of each of them."""


@dataclass(frozen=True)
class History:
    """The ledger's records of one model, latest first. `check`: of the champion's traffic; `files`: checks of files."""

    check: LastCheck | None
    files: list[CheckRecord]
    decision: DecisionRecord | None
    labels_asked: int
    labels_answered: int
    labels_untold: int
    labels_expired: int
    predictions: int
    jobs: list[JobRecord]
    promotions: list[PromotionRecord]

    @property
    def predictions_shown(self) -> str:
        return f"{self.predictions:,}" if self.predictions <= COUNTED else f"more than {COUNTED:,}"

    @property
    def latest(self) -> CheckRecord | None:
        """The last conclusive check of the champion's traffic, else the last one."""
        return self.check.shown if self.check else None

    @property
    def retrain_under_way(self) -> JobRecord | None:
        return next((job for job in self.jobs if job.kind == "retrain" and job.is_unfinished), None)

    @property
    def last_retrain(self) -> JobRecord | None:
        return next((job for job in self.jobs if job.kind == "retrain"), None)

    @property
    def failed_retrain(self) -> JobRecord | None:
        """The latest retrain if it failed."""
        last = self.last_retrain
        return last if last and last.status == "failed" else None

    @property
    def labels_open(self) -> int:
        return max(0, self.labels_asked - self.labels_answered - self.labels_untold - self.labels_expired)


@dataclass(frozen=True)
class ModelView:
    """One model's page. If the ledger is unavailable, `history` is None and `ledger_problem` is the reason.

    `changes`: of the latest check, with the texts of their first examples, as far as these are stored; `drift_map`: of
    that check, as SVG. `charts`: None without the ledger. `damage`: why the champion's package cannot be read; then
    `facts` and `charts` are None.
    """

    name: str
    versions: list[str]
    champion: Champion | None
    facts: PackageFacts | None
    load_errors: list[str]
    history: History | None
    ledger_problem: str | None
    charts: ModelCharts | None
    changes: list[tuple[Change, list[str]]]
    drift_map: Markup | None
    loop: LoopState = LoopState()
    damage: str = ""

    def prompts(self, action: str) -> bool:
        """Whether the last decision says so of the champion, and nothing came after it."""
        decision, loop = self.history.decision if self.history else None, self.loop
        if decision is None or self.champion is None or decision.action != action:
            return False
        answers = (loop.proposal, loop.held, loop.told, loop.freeze)
        return not any(answers) and not self.is_decision_earlier

    @property
    def is_decision_earlier(self) -> bool:
        """Whether the last decision was made before the champion was put in service."""
        decision = self.history.decision if self.history else None
        return decision is not None and self.champion is not None and decision.created_at < self.champion.since

    @property
    def steps(self) -> list[Step]:
        """The loop with where the model is; none without the ledger."""
        if self.history is None or self.champion is None:
            return []
        found = self.history
        return steps_of(
            Standing(
                check=found.latest if found.check and not found.check.is_earlier else None,
                decision=None if self.is_decision_earlier else found.decision,
                job=found.last_retrain,
                promotion=next((one for one in found.promotions if one.gate is not None), None),
                guard=self.loop.guard,
                loop=self.loop,
                labels_asked=found.labels_asked,
                labels_open=found.labels_open,
                predictions=found.predictions_shown,
            )
        )


def model_view(worker: Worker, model: str) -> ModelView:
    """Raises `ModelNotFound`."""
    versions = worker.home.registry.require_model(model)
    champion = worker.home.registry.readable_pointer(model)
    facts, damage = _facts(worker, model, champion)
    changes: list[tuple[Change, list[str]]] = []
    try:
        history, problem = _history(worker, model, champion), None
        charts = None if damage else model_charts(worker.home, model)
        changes = _changes(worker, history.latest) if history.latest else []
    except Unavailable as error:
        history, charts, problem = None, None, str(error)
    return ModelView(
        name=model,
        versions=versions,
        champion=champion,
        facts=facts,
        load_errors=_load_errors(worker.server_workers.living(), model),
        history=history,
        ledger_problem=problem,
        charts=charts,
        changes=changes,
        drift_map=map_of(worker.config.home, history.latest) if history and history.latest else None,
        loop=loop_state(worker.home, model),
        damage=damage,
    )


def _facts(worker: Worker, model: str, champion: Champion | None) -> tuple[PackageFacts | None, str]:
    """Of the champion's package, or why it cannot be read."""
    if champion is None:
        return None, ""
    try:
        return read_facts(worker.home.registry.folder(model, champion.version)), ""
    except (CorruptPackage, VersionNotFound) as error:
        return None, str(error)


def _changes(worker: Worker, check: CheckRecord) -> list[tuple[Change, list[str]]]:
    changes = check.verdict.changes
    texts = texts_of(worker.home.ledger.database, changes)
    return [(change, examples_shown(change.all_examples, texts)[:EXAMPLES]) for change in changes]


def _history(worker: Worker, model: str, champion: Champion | None) -> History:
    ledger = worker.home.ledger
    labels = ledger.label_progress(model, champion.version) if champion else RequestedLabels()
    return History(
        check=last_check(ledger, model, champion.version, since=champion.since) if champion else None,
        files=ledger.file_checks(model, limit=FILES),
        decision=next(iter(ledger.decisions(model, limit=1)), None),
        labels_asked=labels.requested,
        labels_answered=labels.given,
        labels_untold=labels.cannot_tell,
        labels_expired=labels.expired,
        predictions=ledger.count_predictions(model, champion.version, most=COUNTED + 1) if champion else 0,
        jobs=worker.home.jobs.latest(model, limit=JOBS),
        promotions=ledger.promotions(model, limit=PROMOTIONS),
    )


def _load_errors(workers: Sequence[ServerWorkerStatus], model: str) -> list[str]:
    """The distinct errors of the workers that could not load the champion."""
    statuses = [entry.models[model] for entry in workers if model in entry.models]
    return list(dict.fromkeys(str(status.error) for status in statuses if status.failing))
