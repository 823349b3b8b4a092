"""`retune monitor`, `drift`, `retrain`, `worker`, `labels`, `decisions`: the loop by hand or on a schedule."""

from __future__ import annotations

import heapq
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from cli.context import REFUSED, Run, column_options, columns_for, emit, json_option, pass_run, progress_shown, say
from core.champion import read_champion
from core.config import MethodName
from core.datasets import Columns, read_examples
from core.duration import seconds_of
from core.feedback import registered_kind, store_labels
from core.records import CheckRecord, DecisionRecord, JobRecord, PromotionRecord
from core.stored import as_stored
from lifecycle.labels.files import read_given_labels, write_requests
from lifecycle.labels.queue import NO_TEXTS

if TYPE_CHECKING:
    from monitoring.round import Checked

Event = DecisionRecord | CheckRecord | JobRecord | PromotionRecord


@click.command()
@click.option("--once", is_flag=True, help="One round over all models, for cron and CronJobs.")
@click.option("--model", help="Only this model [default: every model with a champion].")
@json_option
@pass_run
def monitor(run: Run, once: bool, model: str | None, as_json: bool) -> None:
    """Check recent traffic for drift, decide what to do about it, and erase what is older than ledger.keep_days."""
    from lifecycle.respond import respond
    from monitoring.round import run_rounds

    is_well = run_rounds(
        run.home,
        respond,
        model=model,
        once=once,
        stop=_stopped_by_signal(),
        on_checked=partial(_emit_checked, as_json=as_json),
        on_problem=lambda name, error: say(f"{name}: {error}"),
        on_erased=lambda count: say(f"Predictions older than {run.config.ledger.keep_days} days erased: {count}."),
    )
    if once and not is_well:
        sys.exit(1)


def _emit_checked(checked: Checked, *, as_json: bool) -> None:
    check, decision = checked.check, checked.decision
    emit(
        {"model": checked.model, "check": as_stored(check), "decision": as_stored(decision)},
        f"{checked.model}@{check.version}: {check.verdict.sentence}",
        f"Decision: {decision.sentence}. {decision.reason}",
        as_json=as_json,
    )


@click.command()
@click.option("--model", required=True, help="Whose champion's reference to compare with.")
@click.option("--file", "file", required=True, type=click.Path(path_type=Path), help="Rows to compare.")
@click.option("--labels", is_flag=True, help="The file has labels: measure the accuracy, too.")
@column_options
@json_option
@pass_run
def drift(run: Run, model: str, file: Path, labels: bool, columns: Columns, as_json: bool) -> None:
    """Compare a file with the champion's reference; exits 3 if it drifted."""
    from monitoring.watch import check_file

    champion = read_champion(run.home.registry, model)
    columns = columns_for(columns, kind=champion.kind, is_paired=champion.facts.is_paired)
    rows = read_examples(file, columns, labelled=labels)
    check = check_file(run.home, champion, rows, source=str(file))
    verdict = check.verdict
    result = as_stored(verdict)
    lines = [
        verdict.sentence,
        *(f"  {item.feature}: {item.detail} (p = {item.p_value:.3g})" for item in verdict.evidence),
    ]
    if measured := check.measured_accuracy if labels else None:
        result["measured_accuracy"] = asdict(measured)
        lines.append(
            f"Measured accuracy {measured.value:.1%} (95 % interval {measured.low:.1%} to {measured.high:.1%})."
        )
    elif estimate := verdict.estimated_accuracy:
        lines.append(
            f"Estimated accuracy {estimate.value:.1%} (95 % interval {estimate.low:.1%} to {estimate.high:.1%})."
        )
    emit(result, *lines, as_json=as_json)
    if verdict.outcome == "drift":
        sys.exit(REFUSED)


@click.command()
@click.argument("model")
@click.option("--method", type=click.Choice(get_args(MethodName)), help="How to train [default: the config's].")
@click.option("--budget", help="Time to spend, e.g. 90s, 10m [default: the config's].")
@json_option
@pass_run
def retrain(run: Run, model: str, method: str | None, budget: str | None, as_json: bool) -> None:
    """Ask for a retrain; 'retune worker' carries it out."""
    run.home.registry.champion(model)
    if budget:
        seconds_of(budget)
    payload = {key: value for key, value in {"method": method, "budget": budget}.items() if value}
    job = run.home.jobs.enqueue(model, "retrain", payload)
    emit(
        {"model": model, "job": job.id, "status": job.status},
        f"Job {job.id} (retrain {model}) is {job.status}. 'retune worker --once' runs it.",
        as_json=as_json,
    )


@click.command()
@click.option("--once", is_flag=True, help="Run what waits, then end.")
@click.option("--poll", default=2.0, show_default=True, type=click.FloatRange(min=0.1), help="Seconds between looks.")
@json_option
@pass_run
def worker(run: Run, once: bool, poll: float, as_json: bool) -> None:
    """Carry out jobs: retrain, gate, promote. Safe to kill; a job is taken again."""
    from lifecycle.worker import work

    done = work(
        run.home,
        stop=_stopped_by_signal(),
        once=once,
        poll_s=poll,
        progress_shown=progress_shown,
        on_end=lambda job: say(_job_sentence(job)),
    )
    emit({"jobs": [asdict(job) for job in done]}, f"{len(done)} jobs ended.", as_json=as_json)
    if any(job.status == "failed" for job in done):
        sys.exit(1)
    if once and any(job.retrained and not job.retrained.promoted for job in done):
        sys.exit(REFUSED)


def _job_sentence(job: JobRecord) -> str:
    if job.status == "failed":
        return f"Job {job.id} ({job.kind} {job.model}) failed: {job.error}"
    if (result := job.retrained) is None:
        return f"Job {job.id} ({job.kind} {job.model}): {job.status}."
    outcome = "promoted" if result.promoted else "not promoted"
    return f"Job {job.id} ({job.kind} {job.model}): version {result.version} {outcome}. {result.reason}"


@click.group()
def labels() -> None:
    """The labels that a decision asks for: export the texts, import the answers."""


@labels.command("export")
@click.argument("model")
@click.option("--out", type=click.Path(path_type=Path), help="CSV file to write [default: stdout].")
@json_option
@pass_run
def export_labels(run: Run, model: str, out: Path | None, as_json: bool) -> None:
    """Write the open label requests: prediction_id, text, predicted, score and an empty label to fill in.

    Pairs have a column pair, too. Where a text may have several labels, write them as a|b, and | for none.
    """
    run.home.registry.require_model(model)
    requests = run.home.ledger.label_requests(model)
    if not requests and run.config.ledger.keep == "features":
        say(NO_TEXTS)
    if as_json:
        emit({"model": model, "requests": [asdict(item) for item in requests]}, as_json=True)
    if out:
        with out.open("w", newline="", encoding="utf-8") as file:
            write_requests(file, requests)
        say(f"{len(requests)} texts to label are in {out}. Fill in 'label', then: retune labels import {model} {out}")
    elif not as_json:
        write_requests(sys.stdout, requests)


@labels.command("import")
@click.argument("model")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--source", default="file", show_default=True, help="Who gave the labels.")
@json_option
@pass_run
def import_labels(run: Run, model: str, file: Path, source: str, as_json: bool) -> None:
    """Read labels (columns prediction_id and label; rows without a label are passed over).

    Where a text may have several labels, they are written as a|b, and | for none of them.
    """
    run.home.registry.require_model(model)
    given, empty = read_given_labels(file, source=source)
    stored = store_labels(run.home.ledger, given, kind_of=partial(registered_kind, run.home.registry), model=model)
    unknown = len(stored.unknown)
    emit(
        {"model": model, "accepted": stored.accepted, "unknown": unknown, "empty": empty},
        f"{stored.accepted} labels stored, {unknown} for unknown predictions, "
        f"{empty} rows without a label passed over.",
        as_json=as_json,
    )


@click.command()
@click.argument("model")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1))
@json_option
@pass_run
def decisions(run: Run, model: str, limit: int, as_json: bool) -> None:
    """List checks, decisions, jobs and promotions of a model, most recent first."""
    run.home.registry.champion(model)
    events: dict[str, Sequence[Event]] = {
        "decisions": run.home.ledger.decisions(model, limit=limit),
        "checks": run.home.ledger.checks(model, limit=limit),
        "jobs": run.home.jobs.latest(model, limit=limit),
        "promotions": run.home.ledger.promotions(model, limit=limit),
    }
    latest = heapq.nlargest(limit, chain(*events.values()), key=lambda event: event.created_at)
    emit(
        {
            "model": model,
            **{kind: [as_stored(event) for event in found if event in latest] for kind, found in events.items()},
        },
        *(_event_line(event) for event in latest),
        as_json=as_json,
    )


def _event_line(event: Event) -> str:
    kind, sentence = _told(event)
    return f"{event.created_at[:19]}  {kind:<9} {sentence}"


def _told(event: Event) -> tuple[str, str]:
    """Its kind, and what happened."""
    if isinstance(event, CheckRecord):
        return "check", _check_sentence(event)
    if isinstance(event, DecisionRecord):
        return "decision", _decision_sentence(event)
    if isinstance(event, JobRecord):
        return "job", f"{event.id} {event.kind}: {event.status}"
    return "promoted" if event.promoted else "refused", f"@{event.version} {event.reason}"


def _check_sentence(check: CheckRecord) -> str:
    return f"@{check.version} {check.source}, {check.verdict.outcome}: {check.verdict.sentence}"


def _decision_sentence(record: DecisionRecord) -> str:
    return f"{record.decision.sentence}: {record.decision.reason}"


def _stopped_by_signal() -> threading.Event:
    """An event that SIGTERM sets: the round under way ends, then the command."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
    return stop


commands = [monitor, drift, retrain, worker, labels, decisions]
