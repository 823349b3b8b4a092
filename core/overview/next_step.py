"""What a person should do next with a model: the first of these that applies."""

from __future__ import annotations

from collections.abc import Callable

from core.loop.standing import told_words
from core.overview.facts import ModelOverview, NextStep, Processes, Urgency

Rule = Callable[[ModelOverview, Processes], NextStep | None]
COMMANDS = {"gateway": "serve", "monitor": "monitor", "worker": "worker"}
URGENCIES = ("act", "asked", "start", "none")


def next_step(model: ModelOverview, processes: Processes) -> NextStep:
    found = (rule(model, processes) for rule in RULES)
    return next((step for step in found if step is not None), NextStep("none", "Nothing waits for you."))


def in_order(models: list[ModelOverview]) -> list[ModelOverview]:
    """What needs a person first comes first."""
    return sorted(models, key=lambda model: (URGENCIES.index(model.next.urgency), model.model))


def _unserved(model: ModelOverview, _: Processes) -> NextStep | None:
    if model.champion is not None:
        return None
    # A server goes on with the version that it has while the pointer cannot be read.
    why = model.problem or f"No version is in service: requests for {model.model!r} get 503."
    return NextStep("act", why, ["promote", f"{model.model}@{model.versions[-1]}"])


def _broken(model: ModelOverview, _: Processes) -> NextStep | None:
    if model.problem is None or model.champion is None:
        return None
    back = (
        ["rollback", model.model] if model.champion.previous else ["verify", f"{model.model}@{model.champion.version}"]
    )
    return NextStep("act", model.problem, back)


def _worse(model: ModelOverview, _: Processes) -> NextStep | None:
    if not _is_wanted(model, "roll back"):
        return None
    return NextStep("act", "The last decision is to roll back.", ["rollback", model.model])


def _stopped(model: ModelOverview, _: Processes) -> NextStep | None:
    if model.held is None or model.held.rule != "stopped":
        return None
    return NextStep("act", model.held.reason, ["resume", model.model])


def _failed(model: ModelOverview, _: Processes) -> NextStep | None:
    if model.job is None or model.job.status != "failed":
        return None
    return NextStep("act", f"Job {model.job.id} failed.", ["jobs", "log", str(model.job.id)])


def _queued(model: ModelOverview, processes: Processes) -> NextStep | None:
    job = model.job
    if job is None or not job.is_unfinished:
        return None
    if "worker" in processes.missing:
        return NextStep("act", f"Job {job.id} waits, and no worker runs.", ["worker"])
    return NextStep("none", f"Job {job.id} is {job.status}.", ["jobs", model.model])


def _proposed(model: ModelOverview, _: Processes) -> NextStep | None:
    if model.proposal is None:
        return None
    urgency: Urgency = "act" if model.proposal.action == "roll back" else "asked"
    if model.freeze is not None:
        why = f"A proposal waits: {model.proposal.action}. The champion is {model.freeze.words}: end the freeze first."
        return NextStep(urgency, why, ["unfreeze", model.model])
    return NextStep(urgency, f"A proposal waits for you: {model.proposal.action}.", ["accept", model.model])


def _retrain(model: ModelOverview, _: Processes) -> NextStep | None:
    if not _is_wanted(model, "retrain") or model.mode == "auto":
        return None
    return NextStep("asked", "The last decision is to retrain.", ["retrain", model.model, "--wait"])


def _doubtful(model: ModelOverview, _: Processes) -> NextStep | None:
    if model.labels is None or not model.labels.doubtful:
        return None
    why = f"{model.labels.doubtful} given labels are doubtful and wait for you."
    return NextStep("asked", why, ["labels", "list", model.model])


def _unasked(model: ModelOverview, _: Processes) -> NextStep | None:
    """Labels are needed, and every text that tells something has one."""
    is_short = model.decision is not None and model.decision.action == "label"
    if not is_short or model.labels is None or model.labels.open:
        return None
    return NextStep("none", "More labels are needed, and no text is left to ask for: more traffic has to come.")


def _asked(model: ModelOverview, _: Processes) -> NextStep | None:
    if model.labels is None or not model.labels.open:
        return None
    words = ["labels", "export", model.model, "--out", f"{model.model}-labels.csv"]
    more = f" {model.held.reason}" if model.held is not None else ""
    return NextStep("asked", f"{model.labels.open} labels are asked for.{more}", words)


def _held_back(model: ModelOverview, _: Processes) -> NextStep | None:
    """Where accuracy is lost, a person is asked: time alone mends nothing."""
    if model.held is None:
        return None
    is_lost = model.accuracy is not None and model.accuracy.is_lost
    if is_lost and model.left is not None:
        back = f"{model.model}@{model.left}"
        return NextStep("asked", f"{model.held.reason} Or put {back} in service again.", ["promote", back])
    return (
        NextStep("asked", model.held.reason, ["resume", model.model])
        if is_lost
        else NextStep("none", model.held.reason)
    )


def _frozen(model: ModelOverview, _: Processes) -> NextStep | None:
    if model.freeze is None:
        return None
    return NextStep("none", f"The champion is {model.freeze.words}: nothing replaces it until then.")


def _told(model: ModelOverview, _: Processes) -> NextStep | None:
    if model.told is None:
        return None
    return NextStep("none", told_words(model.told))


def _is_wanted(model: ModelOverview, action: str) -> bool:
    """Whether the last decision says so of the version in service, and nothing came after it."""
    decision, champion = model.decision, model.champion
    if decision is None or champion is None or decision.action != action:
        return False
    return not any((model.held, model.told, model.freeze)) and decision.at >= champion.since


def _unchecked(model: ModelOverview, _: Processes) -> NextStep | None:
    """The check that says so was made when the version was in service before."""
    if model.champion is None or model.drift is None or not model.drift.is_earlier:
        return None
    why = f"No check of version {model.champion.version} was made since it is in service again."
    return NextStep("none", f"{why} The next round of the monitor makes it, once there are enough texts.")


def _missing(model: ModelOverview, processes: Processes) -> NextStep | None:
    """A server elsewhere, with a home of its own, shows by its predictions. `retune up` starts what ended by itself."""
    if processes.up is not None:
        return None
    answers = model.traffic is not None and model.traffic.last_hour > 0
    missing = [role for role in processes.missing if role != "gateway" or not answers]
    if len(missing) == len(COMMANDS):
        return NextStep("start", "Neither gateway nor monitor nor worker runs.", ["up"])
    return NextStep("start", f"No {missing[0]} runs.", [COMMANDS[missing[0]]]) if missing else None


RULES: tuple[Rule, ...] = (
    _unserved,
    _broken,
    _proposed,
    _worse,
    _stopped,
    _failed,
    _queued,
    _retrain,
    _doubtful,
    _asked,
    _unasked,
    _missing,
    _held_back,
    _frozen,
    _told,
    _unchecked,
)
