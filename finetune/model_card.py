"""The model card of a checkpoint: `README.md` in the format of Hugging Face, made from `training.json`.

https://huggingface.co/docs/hub/model-cards. The card must not contain paths or names of the machine.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from core.checkpoint import Training
from core.share import percent
from finetune.measuring.metrics import METRIC_NAMES

KNOWN_LICENSES = {"sentence-transformers/all-MiniLM-L6-v2": "apache-2.0"}
"""The card states a licence only for these base models."""

_NAMES = {key: f"{name[0].upper()}{name[1:]}" for key, name in METRIC_NAMES.items()}
_HUB_TYPES = {"macro_f1": "f1", "micro_f1": "f1", "weighted_f1": "f1", "brier": "brier_score"}
_PROVENANCE = ("hardware", "cores", "threads", "processes", "precision", "system", "python", "git_commit")
MAX_LISTED_LABELS = 50


def model_card(training: Training) -> str:
    """Front matter and text; equal facts give equal cards."""
    sections = [
        ["---", *_front_matter(training), "---"],
        ["# Text classifier", "", _summary(training)],
        ["## Intended use", "", *_intended_use(training)],
        ["## How to use it", "", *_usage(training)],
        ["## Training data", "", *_data(training)],
        ["## Training procedure", "", *_procedure(training)],
        ["## Evaluation", "", *_evaluation(training)],
        ["## Confidence", "", *_confidence(training)],
        ["## Limitations", "", *_limitations(training)],
    ]
    return "\n\n".join("\n".join(lines) for lines in sections) + "\n"


def _hub_id(training: Training) -> str | None:
    """The hub id of the base model; None for a folder, whose path is private."""
    return training.base_model["name"] if training.base_model.get("revision") else None


def _front_matter(training: Training) -> Iterator[str]:
    """YAML; strings are quoted as in JSON, which is valid YAML."""
    base = _hub_id(training)
    if base in KNOWN_LICENSES:
        yield f"license: {KNOWN_LICENSES[base]}"
    if base:
        yield f"base_model: {_quoted(base)}"
    yield "library_name: retune"
    yield "pipeline_tag: text-classification"
    yield "tags:"
    yield from (f"- {_quoted(tag)}" for tag in ("retune", "text-classification", training.kind, training.method))
    metrics = training.metrics.get("validation", {})
    if any(key in metrics for key in _NAMES):
        yield from _model_index(training, metrics)


def _model_index(training: Training, metrics: Mapping[str, Any]) -> Iterator[str]:
    yield "model-index:"
    yield f"- name: {_quoted(f'retune-{training.method}')}"
    yield "  results:"
    yield "  - task:"
    yield "      type: text-classification"
    yield "    dataset:"
    yield f"      name: {_quoted('validation rows ' + training.data.validation[:12])}"
    yield "      type: private"
    yield "      split: validation"
    yield "    metrics:"
    for key, name in _NAMES.items():
        if key in metrics:
            yield f"    - type: {_HUB_TYPES.get(key, key)}"
            yield f"      name: {_quoted(name)}"
            yield f"      value: {json.dumps(round(float(metrics[key]), 6))}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _summary(training: Training) -> str:
    labels = "any number" if training.kind == "multi-label" else "one"
    inputs = "pair of texts" if training.is_paired else "text"
    return f"Assigns {labels} of {len(training.labels)} labels to a {inputs}. {training.reason}"


def _intended_use(training: Training) -> Iterator[str]:
    yield (
        "Texts like the training texts: same language, same source, same labels. Other texts are out of scope. The "
        "drift checks of Retune show whether the texts in service still are like them."
    )
    yield ""
    listed = training.labels[:MAX_LISTED_LABELS]
    more = f", and {len(training.labels) - len(listed)} more (`training.json`)" if listed != training.labels else ""
    yield f"Labels: {', '.join(_code(label) for label in listed)}{more}."


def _usage(training: Training) -> Iterator[str]:
    pair = ' --pair "the other text"' if training.is_paired else ""
    yield from ("```sh", "retune export CHECKPOINT --out PACKAGE", "retune register PACKAGE --model NAME")
    yield from ("retune promote NAME@VERSION", f'retune predict "a text"{pair} --model NAME', "```")
    yield ""
    yield (
        f"`model.safetensors` is the encoder. Its {training.pooling}-pooled, normalised output and the linear layer in "
        "`head.safetensors` give the logits. No file is a pickle or contains code."
    )


def _data(training: Training) -> Iterator[str]:
    yield from _table(("part", "rows", "fingerprint"), ("---", "---:", "---"))
    data = training.data
    yield from _table(("train", data.train_rows, f"`{data.train}`"))
    yield from _table(("validation", data.validation_rows, f"`{data.validation}`"))
    yield ""
    yield "A fingerprint is the sha256 of the normalised rows. The checkpoint does not contain the rows, except for up"
    yield "to 256 training texts in `sample.jsonl`."


def _procedure(training: Training) -> Iterator[str]:
    base = _hub_id(training)
    name = f"`{base}` at revision `{training.base_model['revision']}`" if base else "a model from a folder"
    yield f"Base model: {name}, fingerprint `{training.base_model.get('fingerprint', '')}`."
    if reason := training.learning_rate.get("reason"):
        yield f"\nLearning rate: {reason}"
    if verdict := training.fit.get("verdict"):
        yield f"\nFit: **{verdict}**. {training.fit['reason']}"
    yield ""
    yield from _table(("setting", "value"), ("---", "---"))
    # The base model is stated above; this setting may be a path.
    settings = {key: value for key, value in training.settings.items() if key != "base_model"}
    facts = {**settings, "seed": training.seed, "seconds": training.seconds, "max_length": training.max_length}
    kept = {key: training.provenance[key] for key in _PROVENANCE if training.provenance.get(key) is not None}
    for key, value in {**facts, **kept, **training.versions}.items():
        if value is not None:
            yield from _table((key, _code(value)))


def _evaluation(training: Training) -> Iterator[str]:
    after, before = (training.metrics.get(side, {}) for side in ("validation", "before_temperature"))
    yield f"On {after.get('rows', training.data.validation_rows)} validation rows:"
    yield ""
    yield from _table(("metric", "value", "95 % interval", "uncalibrated"), ("---", "---:", "---", "---:"))
    for key, name in _NAMES.items():
        if key in after:
            uncalibrated = f"{before[key]:.4f}" if key in before else ""
            interval = after.get("intervals", {}).get(key)
            bounds = f"{interval[0]:.4f} to {interval[1]:.4f}" if interval else ""
            yield from _table((name, f"{after[key]:.4f}", bounds, uncalibrated))
    yield ""
    primary = _NAMES.get(training.primary_metric, training.primary_metric)
    yield f"Intervals are bootstrapped. The primary metric is {primary}."
    if folds := training.metrics.get("cross_validation"):
        name = _NAMES.get(folds["metric"], folds["metric"])
        yield f"\nCross-validation, {folds['folds']} folds: {name} {folds['mean']:.4f} ± {folds['deviation']:.4f}."
    yield from _per_label(after.get("per_label", []))


def _per_label(scores: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not 0 < len(scores) <= MAX_LISTED_LABELS:
        return
    yield ""
    yield from _table(("label", "precision", "recall", "F1", "rows"), ("---", "---:", "---:", "---:", "---:"))
    for entry in scores:
        numbers = (f"{entry[key]:.3f}" for key in ("precision", "recall", "f1"))
        yield from _table((_code(entry["label"]), *numbers, entry["support"]))


def _confidence(training: Training) -> Iterator[str]:
    function = "sigmoid" if training.kind == "multi-label" else "softmax"
    yield f"Scores are `{function}(logits / {training.temperature:.4f})`."
    yield "The temperature was fitted on the validation rows."
    if training.thresholds:
        yield "Each label has its own threshold, tuned for F1 on the validation rows (`training.json`)."
    if abstention := training.metrics.get("abstention"):
        yield f"\nAbstention at a risk of {percent(abstention['max_risk'])}: {abstention['reason']}"
    elif training.abstain_below is not None:
        yield f"\nThe model abstains below a score of {training.abstain_below:.4f}."


def _limitations(training: Training) -> Iterator[str]:
    yield "- The validation rows also selected the weights, the temperature and the thresholds: expect slightly lower"
    yield "  metrics on new rows."
    yield f"- Texts are truncated at {training.max_length} tokens."
    yield "- Texts that are out of scope get one of the labels, or none, sometimes with a high score."
    if training.fit.get("verdict") in ("underfit", "overfit"):
        yield f"- The model is {training.fit['verdict']}: {training.fit['reason']}"


def _table(*rows: Sequence[Any]) -> Iterator[str]:
    yield from ("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows)


def _code(value: Any) -> str:
    """The value as inline code on one line, safe within a table cell."""
    text = " ".join(str(value).replace("`", "'").split()).replace("|", "\\|")
    return f"`{text}`" if text else ""
