"""The steps of the demo. Each step does its real work and returns its result."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cli.context import info
from cli.demo.client import Calls, Client, SteadyClient, in_batches
from cli.demo.files import Parts
from core.champion import read_champion
from core.checkpoint import read_training
from core.config import Config
from core.datasets import Example, keep_dataset, kept_dataset, normalised
from core.engine import Engine
from core.errors import DemoFailed
from core.features import truth_of
from core.home import Home
from core.home_processes.child_environment import child_environment
from core.metrics import Metrics, measure
from core.package import read_digest
from core.records import CheckRecord, Decision, JobRecord
from core.registry import Registry
from core.share import percent
from core.stored import as_stored
from export.run import ExportResult, export
from export.settings import ExportSettings
from finetune.run import FinetuneResult, finetune
from lifecycle.left_out import learner_from
from lifecycle.respond import respond
from monitoring.illustration import illustrate
from monitoring.watch import check_window
from service.host.process import running_server

MODEL = "demo"
CALLS_PER_SECOND = 5.0
TIMEOUT_S = 30.0


@dataclass
class Story:
    """State that the steps share, and the seconds of each step. `label_budget`: labels that may be given in all."""

    home: Home
    parts: Parts
    label_budget: int
    seconds: dict[str, float] = field(default_factory=dict)
    histories: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str, title: str) -> Iterator[None]:
        info(f"\n{title}")
        started = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - started, 1)


@contextmanager
def run_story(story: Story) -> Iterator[tuple[dict[str, Any], str]]:
    """Run all steps; yield the result and the server's URL while the server still runs."""
    started = time.monotonic()
    write_config(story.home.config)
    with story.step("train", f"1. Fine-tune on {len(story.parts.train)} rows"):
        trained = train(story)
    with story.step("export", "2. Export to a verified ONNX package"):
        exported = package(story, trained.checkpoint)
    with story.step("register", "3. Register and promote"):
        first = put_in_service(story, exported.package, trained.checkpoint)
    info("\n4. Start the server")
    with running_server(story.home.config, log=story.home.folder / "server.log") as url:
        info(f"  {url}/dashboard/{MODEL}")
        result = {
            "train": {
                "method": trained.method,
                "reason": trained.reason,
                "rows": len(story.parts.train),
                **trained.metrics.values,
                "seconds": round(trained.seconds, 1),
            },
            "export": {
                "rung": exported.rung,
                "fp32_accuracy": exported.fp32_accuracy,
                "served_accuracy": exported.served_accuracy,
                "label_agreement": exported.label_agreement,
                "size_mb": round(exported.size_mb, 2),
            },
            **_run_loop(story, url, first),
        }
        result["seconds"] = {**story.seconds, "total": round(time.monotonic() - started, 1)}
        yield result, url


def _run_loop(story: Story, url: str, first: str) -> dict[str, Any]:
    """The steps from the first traffic to the scores after the promotion."""
    with story.step("reference_check", "5. Traffic of the old kind: no drift expected"):
        send(story, url, story.parts.replay)
        reference_check = check(story)
        decide(story)
    with story.step("fresh_check", "6. Traffic after the change"):
        send(story, url, story.parts.fresh)
        fresh_check = check(story)
        decision = decide(story)
    labels_used = 0
    if decision.action == "label":
        with story.step("labels", f"7. Give the {decision.count} requested labels"):
            labels_used = give_labels(story, url, most=story.label_budget)
            decision = decide(story)
    job, calls = None, Calls()
    if decision.action == "retrain":
        with story.step("retrain", "8. Retrain in the worker while a client keeps calling"):
            job, calls, more = retrain_until_settled(story, url, labels=story.label_budget - labels_used)
            labels_used += more
    with story.step("score", "9. Score rows that were not trained on, before and after"):
        last = story.home.registry.champion(MODEL).version
        accuracy = {
            name: {"before": score(story, first, rows).accuracy, "after": score(story, last, rows).accuracy}
            for name, rows in (("fresh_accuracy", story.parts.later), ("old_accuracy", story.parts.old))
        }
    return {
        "reference_check": _check_facts(reference_check),
        "fresh_check": _check_facts(fresh_check),
        "labels_used": labels_used,
        "decision": decision.sentence,
        "decision_reason": decision.reason,
        "gate": _gate(job, decision),
        "promoted": last != first,
        "digests": digests(story.home.registry),
        "requests_during_swap": {"sent": calls.sent, "failed": calls.failed, "failures": calls.failures[:5]},
        **accuracy,
    }


def digests(registry: Registry) -> dict[str, str]:
    """Version → digest of its package: the same for the same files and seed, on a busy machine, too."""
    return {version: read_digest(registry.folder(MODEL, version)) for version in registry.versions(MODEL)}


def _check_facts(record: CheckRecord) -> dict[str, Any]:
    verdict = record.verdict
    return {
        "drifted": verdict.outcome == "drift",
        "verdict": verdict.outcome,
        "p_value": verdict.p_value,
        "rows": verdict.rows,
        "evidence": [asdict(item) for item in verdict.evidence],
    }


def _gate(job: JobRecord | None, decision: Decision) -> dict[str, Any]:
    if job is None or job.retrained is None:
        return {"verdict": None, "reason": f"No challenger was trained; the decision is {decision.sentence}."}
    return dict(as_stored(job.retrained.verdict))


def train(story: Story) -> FinetuneResult:
    result = finetune(
        story.parts.train,
        out=story.home.folder / "checkpoint",
        settings=story.home.config.finetune,
        cache=story.home.config.cache,
        datasets=story.home.config.datasets,
    )
    story.histories["First training"] = read_training(result.checkpoint).history
    info(f"  {len(story.parts.train)} rows, method {result.method}: {result.reason}")
    info(f"  on {result.metrics.rows} validation rows: accuracy {percent(result.metrics.values['accuracy'])}")
    return result


def package(story: Story, checkpoint: Path) -> ExportResult:
    data, datasets = read_training(checkpoint).data, story.home.config.datasets
    keep_dataset(story.parts.reference, story.home.config.datasets)
    result = export(
        checkpoint,
        out=story.home.folder / "package",
        validation=kept_dataset(data.validation, datasets),
        reference=story.parts.reference,
        settings=ExportSettings(**story.home.config.export.model_dump()),
        learn=learner_from(data.train, datasets),
    )
    for rung in result.rungs:
        mark = "*" if rung.name == result.rung else " "
        info(f"  {mark} {rung.name}: accuracy {percent(rung.accuracy)}, {rung.texts_per_s:.0f} texts/s. {rung.why}")
    return result


def put_in_service(story: Story, folder: Path, checkpoint: Path) -> str:
    version = story.home.registry.add(folder, MODEL)
    story.home.checkpoints.keep(checkpoint)
    story.home.registry.promote(MODEL, version)
    story.home.ledger.record_promotion(
        MODEL, version, previous=None, promoted=True, reason="The first version.", gate=None
    )
    info(f"  {MODEL}@{version} is the champion")
    return version


def send(story: Story, url: str, rows: Sequence[Example]) -> None:
    """Send rows to `/predict` and wait until the ledger has the predictions."""
    champion = story.home.registry.champion(MODEL).version
    before = story.home.ledger.count_predictions(MODEL, champion)
    client = Client(url)
    answered = 0
    for batch in in_batches(rows, 16):
        answer = client.predict([row.text for row in batch], MODEL)
        answered += sum("id" in prediction for prediction in answer["predictions"])
    client.close()
    # The server writes predictions to the ledger after it has sent the response.
    _wait_until(
        story,
        lambda: story.home.ledger.count_predictions(MODEL, champion) >= before + answered,
        "predictions did not reach the ledger in time",
    )
    info(f"  {answered} of {len(rows)} texts answered over HTTP")


def _wait_until(story: Story, is_done: Callable[[], bool], problem: str) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not is_done():
        if time.monotonic() > deadline:
            raise DemoFailed(problem, story.home.folder)
        time.sleep(0.1)


def check(story: Story) -> CheckRecord:
    champion = read_champion(story.home.registry, MODEL)
    checked = check_window(story.home, champion)
    record = illustrate(story.home, champion, checked.record, checked.window, groups=checked.groups).record
    info(f"  verdict: {record.verdict.outcome}. {record.verdict.sentence}")
    for item in record.verdict.evidence:
        info(f"    {item.feature}: {item.detail} (p = {item.p_value:.3g})")
    return record


def decide(story: Story) -> Decision:
    record = respond(story.home, read_champion(story.home.registry, MODEL))
    info(f"  decision: {record.decision.sentence}. {record.decision.reason}")
    return record.decision


def give_labels(story: Story, url: str, *, most: int) -> int:
    """Answer the first `most` label requests through `/feedback`, with the labels of the file, without near texts."""
    truth = {normalised(row.text): row.label for row in story.parts.fresh}
    requests = [item for item in story.home.ledger.label_requests(MODEL) if not item.is_near][:most]
    client = Client(url)
    given = 0
    for batch in in_batches(requests, 50):
        labels = [
            {"prediction_id": item.prediction_id, "label": truth[normalised(item.text)], "source": "demo"}
            for item in batch
        ]
        given += client.post("/feedback", {"feedback": labels})["accepted"]
    client.close()
    info(f"  {given} labels given through /feedback, selected by the label queue")
    return given


def retrain_while_serving(story: Story, url: str) -> tuple[JobRecord, Calls]:
    """Start a retrain over HTTP, run the worker, and send requests until the new version serves them."""
    texts = [row.text for row in story.parts.fresh]
    with SteadyClient(url, MODEL, texts, rate=CALLS_PER_SECOND) as steady:
        client = Client(url)
        job_id = client.post(f"/admin/models/{MODEL}/retrain", {})["job"]
        client.close()
        _run_worker(story)
        job = story.home.jobs.get(job_id)
        if job.retrained and job.retrained.promoted:
            version = job.retrained.version
            _wait_until(
                story,
                lambda: steady.calls.versions[version] >= 2 * CALLS_PER_SECOND,
                f"{MODEL}@{version} was promoted but did not answer in time",
            )
    _report_outcome(story, job, steady.calls)
    return job, steady.calls


def retrain_until_settled(story: Story, url: str, *, labels: int) -> tuple[JobRecord, Calls, int]:
    """Do what the loop decides, from its first retrain on, until a version is promoted, `labels` labels are given, or
    it decides for a retrain for which there is neither a new label nor a version that waits. The last job, all calls,
    and the labels given.
    """
    job, calls = retrain_while_serving(story, url)
    decision, given, is_new = decide(story), 0, False
    tried: str | None = None
    while job.retrained and not job.retrained.promoted:
        if decision.action == "retrain" and (is_new or decision.waiting not in (None, tried)):
            job, more = retrain_while_serving(story, url)
            calls.add(more)
            is_new, tried = False, decision.waiting or tried
        elif decision.action == "label" and (new := give_labels(story, url, most=labels - given)):
            given += new
            is_new = True
        else:
            break
        decision = decide(story)
    return job, calls, given


def _run_worker(story: Story) -> None:
    log = story.home.folder / "worker.log"
    with log.open("wb") as output:
        subprocess.run(
            [sys.executable, "-m", "cli", "worker", "--once"],
            env=child_environment(story.home.config),
            stdout=output,
            stderr=output,
            cwd=Path(__file__).parents[2],
            check=False,
        )


def _report_outcome(story: Story, job: JobRecord, calls: Calls) -> None:
    result = job.retrained
    if job.status != "done" or result is None or result.verdict is None:
        raise DemoFailed(f"the retrain job is {job.status}: {job.error or 'the worker ended early'}", story.home.folder)
    training = result.training
    story.histories["Retraining"] = training.history
    info(f"  trained on {training.rows} rows, new labels: {', '.join(training.new_labels) or 'none'}")
    info(f"  gate: {result.verdict.answer}. {result.reason}")
    info(f"  {calls.sent} requests during the retraining, {calls.failed} failed; by version: {dict(calls.versions)}")


def score(story: Story, version: str, rows: Sequence[Example]) -> Metrics:
    """Metrics of the version's package on labelled rows."""
    engine = Engine(story.home.registry.verified_folder(MODEL, version))
    return measure(truth_of(rows, engine.labels), engine.answer([row.text for row in rows]).probabilities)


def write_config(config: Config) -> None:
    """Write the demo's config for commands about its state: `retune --config DIR/retune.toml …`."""
    settings = config.model_dump(mode="json", exclude_none=True)
    lines = [f"home = {_toml(settings.pop('home'))}"]
    for name, section in settings.items():
        lines += [f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in section.items())]
    (config.home / "retune.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _toml(value: Any) -> str:
    """A value in TOML, which writes tables otherwise than JSON.

    >>> _toml({"a": {"max_items": 3}}), _toml("ä"), _toml(True)
    ('{"a" = {"max_items" = 3}}', '"ä"', 'true')
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)
