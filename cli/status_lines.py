"""What `retune status` and `models` print of a model."""

from __future__ import annotations

from collections.abc import Iterator

from cli.context import Run
from cli.job_sentences import detail
from core.clock import moment
from core.overview.facts import ChampionFacts, DriftFacts, LabelFacts, ModelOverview, Processes
from core.overview.words import (
    accuracy_words,
    ago,
    alert_words,
    earlier_words,
    process_words,
    request_words,
    traffic_words,
    up_words,
    verdict_words,
)


def model_lines(run: Run, model: ModelOverview) -> list[str]:
    first = _line(model.model, champion_words(model.champion, model.versions))
    return [first, *(f"  {line}" for line in _facts(run, model))]


def _line(name: str, words: str) -> str:
    return f"{name:<11} {words}"


def _facts(run: Run, model: ModelOverview) -> Iterator[str]:
    if model.problem:
        yield _line("problem", model.problem)
    if model.traffic is not None:
        requests = f"; {request_words(model.traffic.requests)}" if model.traffic.requests else ""
        yield _line("traffic", f"{traffic_words(model.traffic)}{requests}")
    if model.champion is not None and model.traffic is not None:
        yield _line("drift", _drift(model.drift))
    if model.accuracy is not None:
        yield _line("accuracy", accuracy_words(model.accuracy))
    if model.labels is not None and (model.labels.requested or model.labels.doubtful):
        yield _line("labels", _labels(model.labels))
    if model.decision is not None:
        yield _line(
            "decision",
            f"{model.decision.sentence} ({ago(model.decision.at)}, mode {model.mode}): {model.decision.reason}",
        )
    if model.proposal is not None:
        yield _line("proposal", f"{model.proposal.id} ({ago(model.proposal.created_at)}): {model.proposal.reason}")
    if model.freeze is not None:
        yield _line("freeze", f"the champion is {model.freeze.words}")
    if model.job is not None:
        told = detail(model.job)
        yield _line("job", f"{model.job.id} {model.job.kind}: {model.job.status}{': ' if told else ''}{told}")
    if model.promotion is not None and not model.promotion.promoted:
        yield _line("refused", f"@{model.promotion.version} ({ago(model.promotion.at)}): {model.promotion.reason}")
    for one in model.incidents[:1]:
        yield _line("incident", f"{one.id} @{one.version} ({ago(one.created_at)}): {one.reason} {one.done}")
    if model.alerts:
        yield _line("alerts", ", ".join(map(alert_words, model.alerts)))
    command = f"   {run.hint(*model.next.words)}" if model.next.words else ""
    yield _line("next", f"{model.next.why}{command}")


def champion_words(champion: ChampionFacts | None, versions: list[str]) -> str:
    count = f"{len(versions)} version{'' if len(versions) == 1 else 's'}"
    if champion is None:
        return f"no version in service; {count}"
    return f"@{champion.version} in service since {moment(champion.since)} ({ago(champion.since)}); {count}"


def _drift(drift: DriftFacts | None) -> str:
    if drift is None:
        return "no check yet"
    since = f" since {moment(drift.since)}" if drift.since else ""
    later = f" Since then: {drift.later}" if drift.later else ""
    made = f"check {drift.check}, {ago(drift.at)}{earlier_words(drift)}"
    return f"{verdict_words(drift)}{since} ({made}): {drift.sentence}{later}"


def _labels(labels: LabelFacts) -> str:
    parts = {"cannot be told": labels.cannot_tell, "expired": labels.expired, "doubtful": labels.doubtful}
    more = "".join(f", {count} {words}" for words, count in parts.items() if count)
    return f"{labels.requested} asked for, {labels.given} given, {labels.open} open{more}"


def process_line(found: Processes) -> str:
    return _line("processes", process_words(found))


def up_lines(found: Processes) -> list[str]:
    return [_line("up", up_words(found.up))] if found.up is not None else []
