"""How the models of a home stand, as plain data: what a person asks first. Times are UTC, ISO 8601."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from core.freezes import Freeze
from core.home_processes.supervision import Supervision
from core.job_json import job_json
from core.ledger_tables.incidents import Incident
from core.ledger_tables.loop_steps import LoopStep
from core.ledger_tables.proposals import Proposal
from core.loop.standing import Held
from core.policy_config import Mode
from core.records import Action, JobRecord, Outcome
from core.share import Share
from core.stored import as_stored

COUNTED = 100_000
"""Predictions up to which they are counted: a count reads the index of each of them."""
Urgency = Literal["act", "asked", "start", "none"]
"""Clients or the loop suffer; a person is asked for something; a process is missing; nothing waits."""


@dataclass(frozen=True)
class ChampionFacts:
    """The version in service. `expected_accuracy`: on the rows of its export; `labels`: 0 if it cannot be read."""

    version: str
    since: str
    labels: int = 0
    expected_accuracy: float | None = None
    previous: str | None = None


@dataclass(frozen=True)
class RequestFacts:
    """Requests of the last hour. `failed_share`: those with a text that could not be answered, or without an answer in
    time; half of the answers came within `median_s` seconds, 95 % within `p95_s`, which are bounds, not exact times.
    """

    requests: int
    failed_share: float
    median_s: float | None = None
    p95_s: float | None = None


@dataclass(frozen=True)
class TrafficFacts:
    """Predictions of all versions of the model, counted up to `COUNTED`; `requests`: None if no server
    recorded one in the last hour.
    """

    last_hour: int = 0
    last_day: int = 0
    last_at: str | None = None
    requests: RequestFacts | None = None


@dataclass(frozen=True)
class DriftFacts:
    """The last conclusive check of the champion's traffic. `since`: when its drift began; `later`: sentence of an
    inconclusive check after it. Without a conclusive check `verdict` is that of the last one. `is_earlier`: whether it
    was made before the version was put in service, the last time.
    """

    check: int
    at: str
    verdict: Outcome
    sentence: str
    since: str | None = None
    report: str | None = None
    later: str | None = None
    is_earlier: bool = False


@dataclass(frozen=True)
class AccuracyFacts:
    """`measured`: on labelled held-out texts, with a 95 % interval; `estimated`: without labels, with a 90 % interval;
    `note`: why there is no estimate; `expected`: on the reference.
    """

    measured: Share | None = None
    estimated: Share | None = None
    expected: float | None = None
    is_lost: bool = False
    note: str | None = None


@dataclass(frozen=True)
class LabelFacts:
    """Labels asked for since the champion's promotion; `doubtful`: given labels that wait for a person."""

    requested: int = 0
    given: int = 0
    cannot_tell: int = 0
    expired: int = 0
    open: int = 0
    doubtful: int = 0


@dataclass(frozen=True)
class DecisionFacts:
    action: Action
    sentence: str
    reason: str
    at: str


@dataclass(frozen=True)
class PromotionFacts:
    """The last promotion or refusal."""

    version: str
    promoted: bool
    reason: str
    at: str


@dataclass(frozen=True)
class AlertFacts:
    """What someone was told of and still holds: `event` as in `core.events`."""

    event: str
    subject: str
    since: str


@dataclass(frozen=True)
class NextStep:
    """What to do next: `words` of a command, none if nothing is to be done, and why."""

    urgency: Urgency
    why: str
    words: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ModelOverview:
    """One model. Facts from the ledger are None if it is away or has none.

    `mode`: how far the loop goes by itself; `freeze`: that holds, if the champion is frozen; `proposal`: that is open,
    for the champion; `held`: why the loop holds back; `told`: what a person told it since its last round; `left`: a
    later version that went out of service; `incidents`: the last ones, most recent first.

    `problem`: why the champion cannot be read or served; `job`: an unfinished one, else the last.
    """

    model: str
    versions: list[str]
    champion: ChampionFacts | None
    problem: str | None = None
    mode: Mode = "ask"
    freeze: Freeze | None = None
    proposal: Proposal | None = None
    held: Held | None = None
    told: LoopStep | None = None
    left: str | None = None
    traffic: TrafficFacts | None = None
    drift: DriftFacts | None = None
    accuracy: AccuracyFacts | None = None
    labels: LabelFacts | None = None
    decision: DecisionFacts | None = None
    job: JobRecord | None = None
    promotion: PromotionFacts | None = None
    incidents: list[Incident] = field(default_factory=list)
    alerts: list[AlertFacts] = field(default_factory=list)
    next: NextStep = NextStep("none", "")


@dataclass(frozen=True)
class Server:
    """One `retune serve`: the name of its folder under the home, and its workers that are not about to end."""

    name: str
    workers: int


@dataclass(frozen=True)
class Process:
    """A monitor or a worker: its owner as in `core.processes.owner`, and when it was last seen."""

    owner: str
    started_at: str
    seen_at: str


@dataclass(frozen=True)
class Processes:
    """What runs: the servers of this home, and the monitors and workers of its ledger. `missing`: roles without one.

    `up`: what `retune up` runs, with the restarts; None if it does not run.
    """

    gateway: list[Server] = field(default_factory=list)
    monitor: list[Process] = field(default_factory=list)
    worker: list[Process] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    up: Supervision | None = None


@dataclass(frozen=True)
class Overview:
    """All models, or the one asked for. `ledger_problem`: why the ledger cannot be read."""

    home: str
    registry: str
    ledger: str
    processes: Processes
    models: list[ModelOverview]
    ledger_problem: str | None = None


def overview_json(found: Overview) -> dict[str, Any]:
    """For commands and over HTTP; a job is as everywhere else."""
    models = [{**as_stored(model), "job": job_json(model.job) if model.job else None} for model in found.models]
    return {**as_stored(found), "models": models}
