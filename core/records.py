"""Rows of the ledger as plain data. Times are UTC, ISO 8601."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from core.accumulated import Accumulated, Pace
from core.arrays import Floats
from core.change_words import NOT_LOADED, is_roll_back
from core.changes import Change
from core.datasets import Example, Text, input_of, key_or
from core.paired import Paired
from core.share import Share
from core.stored import restored

Outcome = Literal["ok", "drift", "insufficient_data"]
Action = Literal["none", "watch", "label", "retrain", "roll back"]
GateAnswer = Literal["promote", "hold", "reject"]
JobStatus = Literal["queued", "running", "done", "failed", "cancelled"]
LogLevel = Literal["note", "stage", "warning", "error"]
Purpose = Literal["measure", "learn", "compare", "audit"]


@dataclass(frozen=True)
class PredictionRecord:
    """One prediction; `embedding` (d,) was computed by `version`.

    For a multi-label model, `label` is a cell (`core.labels`) and `score` the score of the whole set. `pair`: the
    second text of a pair; `key`: the name of the request's API key. Text and pair are empty if the text is not stored
    (`ledger.keep`).
    """

    id: str
    model: str
    version: str
    created_at: str
    text: str
    label: str
    score: float
    tokens: int
    truncated: bool
    embedding: Floats
    pair: str | None = None
    key: str | None = None

    @property
    def input(self) -> Text:
        return input_of(self.text, self.pair)

    @property
    def has_text(self) -> bool:
        return bool(self.text)


@dataclass(frozen=True)
class StoredPrediction(PredictionRecord):
    """A prediction in the ledger. `number`: its place in the order of arrival; later predictions have greater ones.

    `copies`: number of predictions of the same text, this one included; it is the most recent of them.
    """

    number: int = 0
    copies: int = 1


@dataclass(frozen=True)
class FeedbackRecord:
    """A label from a person, or from a source that the user trusts, for one prediction."""

    prediction_id: str
    label: str
    source: str = "user"


@dataclass(frozen=True)
class CannotTell:
    """A person's answer that the label of one prediction cannot be told: neither a label nor an open request."""

    prediction_id: str
    source: str = "user"


@dataclass(frozen=True)
class LabelledPrediction:
    """A prediction with its latest label from a person; `predicted` is the label of its `PredictionRecord`.

    `number`, `key`: as in `StoredPrediction`; `label_number`: the label's place in the order of labels.
    """

    prediction_id: str
    version: str
    text: str
    predicted: str
    score: float
    label: str
    source: str
    labelled_at: str
    pair: str | None = None
    key: str | None = None
    number: int = 0
    label_number: int = 0

    @property
    def input(self) -> Text:
        return input_of(self.text, self.pair)

    @property
    def example(self) -> Example:
        return Example(self.text, self.label, self.pair)

    @property
    def has_text(self) -> bool:
        return bool(self.text)


@dataclass(frozen=True)
class Evidence:
    """Result of one test of a drift check; `p_value` is corrected for the number of tests of the check."""

    feature: str
    statistic: str = ""
    value: float = 0.0
    p_value: float = 1.0
    drifted: bool = False
    detail: str = ""


@dataclass(frozen=True)
class Repetition:
    """How often the texts of a window came: `rows` in all, of `texts` different ones; `most`: of the most frequent."""

    rows: int
    texts: int
    most: int

    @staticmethod
    def of(copies: Sequence[int]) -> Repetition:
        """
        >>> Repetition.of([1, 4, 1])
        Repetition(rows=6, texts=3, most=4)
        """
        return Repetition(sum(copies), len(copies), max(copies, default=0))


@dataclass(frozen=True)
class Verdict:
    """Result of a drift check. `rows`: number of different texts in the window; `sentence`: the result in words;
    `estimated_accuracy`: accuracy of the window, estimated without labels, with its 90 % interval, and `by_label` that
    of the rows that got a label; `accuracy_note`: why it cannot be estimated, or what the estimate cannot see.
    `repetition`: None in stored checks of earlier releases.

    `level`: greatest p-value of this window alone that alarms; `accumulated`: evidence of all windows of the version.
    Of a drift of traffic: `since`, the time of its estimated first row, `earliest` and `latest`, its 95 % interval, and
    `pace`. None where not known, and in stored checks of earlier releases.

    `changes`: the kinds of change, the weightiest first; `not_compared`: what of them could not be looked for, in a
    sentence.
    """

    outcome: Outcome = field(metadata={"key": "verdict"})
    p_value: float | None = None
    rows: int = 0
    reference_rows: int = 0
    evidence: list[Evidence] = field(default_factory=list)
    estimated_accuracy: Share | None = None
    sentence: str = ""
    repetition: Repetition | None = None
    level: float | None = None
    accumulated: Accumulated | None = None
    since: str | None = None
    earliest: str | None = None
    latest: str | None = None
    pace: Pace | None = None
    changes: list[Change] = field(default_factory=list)
    not_compared: str = ""
    accuracy_note: str | None = None
    by_label: dict[str, float] = field(default_factory=dict)

    @property
    def is_conclusive(self) -> bool:
        """Whether there were enough rows for the tests."""
        return self.outcome != "insufficient_data"


TRAFFIC = "traffic"
"""The source of a check of the champion's predictions; checks of a file have the file's name as source."""


@dataclass(frozen=True)
class CheckRecord:
    """A recorded drift check. `source`: `TRAFFIC` or a file's name; `report`: a path relative to the home;
    `window_end`, `last_number`: id and number of the last prediction in the window.
    """

    id: int
    model: str
    version: str
    created_at: str
    source: str
    verdict: Verdict
    report: str | None
    window_end: str | None
    last_number: int | None = None


@dataclass(frozen=True)
class Decision:
    """The action after a verdict; `count` is the number of labels for the action `label`, `purpose` that of all of them
    if they have one. `waiting`: the challenger that a retrain puts in service without another training.
    """

    action: Action
    reason: str = ""
    count: int | None = None
    purpose: Purpose | None = None
    waiting: str | None = None

    @property
    def sentence(self) -> str:
        return f"{self.action} {self.count}" if self.action == "label" else self.action


@dataclass(frozen=True)
class DecisionRecord:
    id: int
    model: str
    check_id: int | None
    created_at: str
    decision: Decision

    @property
    def action(self) -> Action:
        return self.decision.action

    @property
    def reason(self) -> str:
        return self.decision.reason

    @property
    def sentence(self) -> str:
        return self.decision.sentence


@dataclass(frozen=True)
class Wanted:
    """A prediction to request a label of. `chance`: the probability with which it was drawn, by which an estimate from
    the labels is weighted; None if it was selected by what it is. `group`: id of the typical prediction of the texts
    that are asked for together; None if it is asked for alone.
    """

    prediction_id: str
    purpose: Purpose
    chance: float | None = None
    group: str | None = None

    @property
    def is_near(self) -> bool:
        """Whether it is asked for beside a typical text: its label is welcome, and nothing waits for it."""
        return self.group not in (None, self.prediction_id)


@dataclass(frozen=True)
class LabelRequest:
    """A prediction that a person should label. Purpose "measure": drawn at random from held-out texts; "audit": the
    same, some each week, whatever the checks say;
    "compare": drawn at random from the held-out texts on which two versions differ. `chance`, `group`, `is_near`: see
    `Wanted`; requests of earlier releases have neither.
    """

    prediction_id: str
    text: str
    predicted: str
    score: float
    purpose: Purpose
    check_id: int | None
    pair: str | None = None
    chance: float | None = None
    group: str | None = None

    @property
    def is_near(self) -> bool:
        return self.group not in (None, self.prediction_id)


@dataclass(frozen=True)
class Draw:
    """A held-out text that was drawn at random from the traffic of a version, with its `chance` at that time.

    `number`, `key`: of its prediction; `until_number`, `until`: number and time up to which texts were drawn.
    """

    prediction_id: str
    purpose: Purpose
    chance: float
    until_number: int
    until: str
    number: int
    text: str
    pair: str | None = None
    key: str | None = None

    @property
    def text_key(self) -> str:
        return key_or(input_of(self.text, self.pair), self.prediction_id)


@dataclass(frozen=True)
class RequestedLabels:
    """The label requests of a model, without near texts of a group: `requested` in all, with a label, those of which
    nobody can tell the label, and those that expired without either; `check_id`: the last check that requested labels.
    """

    requested: int = 0
    given: int = 0
    cannot_tell: int = 0
    expired: int = 0
    check_id: int | None = None

    @property
    def still_open(self) -> int:
        return self.requested - self.given - self.cannot_tell - self.expired


@dataclass(frozen=True)
class Comparison:
    """Challenger against champion on the same rows.

    `wins`: rows where only the challenger is correct; `losses`: rows where only the champion is correct;
    `p_value`: one-sided sign test that the challenger is better, valid whenever it is looked at, or for the last look;
    `lost_labels`: labels whose recall broke down, with [rows, right before, right after]; `by_label`: of each label
    [right before, won, lost].
    """

    rows: int = 0
    champion_accuracy: float = 0.0
    challenger_accuracy: float = 0.0
    wins: int = 0
    losses: int = 0
    p_value: float = 1.0
    lost_labels: dict[str, list[int]] = field(default_factory=dict)
    by_label: dict[str, list[int]] = field(default_factory=dict)

    @property
    def paired(self) -> Paired:
        return Paired(self.wins, self.losses, self.rows)


@dataclass(frozen=True)
class Differing:
    """A prediction that the two versions answer differently, with both answers by their names of that day."""

    prediction_id: str
    champion: str
    challenger: str


@dataclass(frozen=True)
class Disagreements:
    """Champion against challenger on the held-out texts of the window: `texts` different ones, of which `differing`
    in the random order in which labels are requested. `wins`, `losses`: from fresh labelled rows elsewhere. `agreed`:
    label → texts that both answer with it.
    """

    texts: int = 0
    differing: list[Differing] = field(default_factory=list)
    wins: int = 0
    losses: int = 0
    agreed: dict[str, int] = field(default_factory=dict)

    @property
    def share(self) -> float:
        return len(self.differing) / self.texts if self.texts else 0.0


@dataclass(frozen=True)
class GateVerdict:
    """`labels_needed`: how many labels of the `disagreements`, or of old rows, would settle it. `held_by`: what holds a
    challenger that the labels would promote: a freeze, or another version that was promoted meanwhile; else "".
    """

    answer: GateAnswer = field(metadata={"key": "verdict"})
    reason: str = ""
    fresh: Comparison = Comparison()
    old: Comparison = Comparison()
    labels_needed: int | None = None
    disagreements: Disagreements = Disagreements()
    held_by: Literal["", "freeze", "promotion"] = ""


@dataclass(frozen=True)
class TrainingSummary:
    """The training of a challenger; `set_aside`: number of rows of each label with too few rows to train on; `changed`:
    settings that differ from the champion's training, as [before, now].
    """

    rows: int = 0
    new_labels: list[str] = field(default_factory=list)
    set_aside: dict[str, int] = field(default_factory=dict)
    method: str = ""
    reason: str = ""
    history: list[dict[str, Any]] = field(default_factory=list)
    changed: dict[str, list[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class GateRecord:
    """The gate's verdict on the challenger of a job; `seconds`: time of its training."""

    job: int
    verdict: GateVerdict = field(metadata={"key": "gate"})
    training: TrainingSummary = TrainingSummary()
    seconds: float = 0.0


@dataclass(frozen=True)
class PromotionRecord:
    """A promotion or a refusal by the gate; `gate` is None if a person promoted.

    `after_number`, `after_label`: numbers of the last prediction and of the last label before it. `forced`: a person
    promoted the version although the gate had refused it, or the guard had rolled it back.
    """

    id: int
    model: str
    version: str
    previous: str | None
    created_at: str
    promoted: bool
    reason: str
    gate: GateRecord | None = None
    after_number: int | None = None
    after_label: int | None = None
    forced: bool = False

    @property
    def is_taken_back(self) -> bool:
        """Whether a version before was put in service again that was not merely the one that could be loaded."""
        return self.promoted and self.gate is None and self.goes_back and not self.reason.startswith(NOT_LOADED)

    @property
    def is_roll_back(self) -> bool:
        """Whether the version came back by a roll back from `previous`."""
        return is_roll_back(promoted=self.promoted, previous=self.previous, reason=self.reason)

    @property
    def goes_back(self) -> bool:
        """Whether the version was registered before the one that it replaced."""
        numbers = (self.version, self.previous or "")
        return all(number.isdecimal() for number in numbers) and int(self.version) < int(self.previous or 0)


@dataclass(frozen=True)
class RetrainResult:
    """Result of a retrain job; fields as in `PromotionRecord` and `GateRecord`."""

    version: str
    promoted: bool = False
    reason: str = ""
    verdict: GateVerdict | None = field(default=None, metadata={"key": "gate"})
    training: TrainingSummary = TrainingSummary()
    seconds: float = 0.0

    @classmethod
    def of(cls, version: str, promoted: bool, reason: str, gate: GateRecord) -> RetrainResult:
        return cls(version, promoted, reason, gate.verdict, gate.training, gate.seconds)


@dataclass(frozen=True)
class JobStep:
    """Where a running job is: the stage, the share of it that is done, and an estimate of the seconds it still takes.

    Share and estimate are for display only. `left_s`: None if it cannot be told yet.
    """

    stage: str
    share: float
    left_s: float | None = None


@dataclass(frozen=True)
class LogLine:
    """One line of a job's log."""

    created_at: str
    level: LogLevel
    text: str


@dataclass(frozen=True)
class JobRecord:
    """`result`: a JSON object; for the kind `retrain`, the fields of `RetrainResult`.

    `progress`, `share`, `left_s`: the last `JobStep`. `cancel_requested_at`: since when it shall end at its next step.
    `cpu_s`: CPU time of its runs; `after_label`: number of the last label when it was taken; `reason`: why the loop
    started it, None if a person did. Jobs of earlier releases have none of the three.
    """

    id: int
    model: str
    kind: str
    status: JobStatus
    payload: dict[str, Any]
    attempts: int
    owner: str | None
    created_at: str
    started_at: str | None
    finished_at: str | None
    result: dict[str, Any] | None
    error: str | None
    progress: str | None = None
    share: float | None = None
    left_s: float | None = None
    lease_until: float | None = None
    cancel_requested_at: str | None = None
    cpu_s: float | None = None
    after_label: int | None = None
    reason: str | None = None

    @property
    def retrained(self) -> RetrainResult | None:
        return restored(RetrainResult, self.result) if self.kind == "retrain" and self.result else None

    @property
    def is_unfinished(self) -> bool:
        return self.status in ("queued", "running")
