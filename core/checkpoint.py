"""A checkpoint, which fine-tuning writes and export reads: a folder with weights, tokenizer and `training.json`.

    config.json, model.safetensors   the encoder, as transformers saves it
    tokenizer.json, …                its fast tokenizer
    head.safetensors                 weight (k, d) and bias (k,) of the linear head, float32
    validation.npz                   logits (n, k) float32 and truth, (n,) label indices or (n, k) bool, of the
                                     validation rows in the order of the stored data set
    sample.jsonl                     some training texts, one {"text", "pair"?} per line, to calibrate quantization
    training.json                    the fields of `Training`

The model: encoder → pooling over the attention mask → L2 normalisation → head → logits.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from core.durable import sha256_of
from core.errors import CorruptCheckpoint, FileMissing, NotACheckpoint
from core.labels import Kind
from core.lineage import TrainingData
from core.package import MANIFEST
from core.stored import as_stored, restored

FORMAT = 1
ENCODER, HEAD, SAMPLE, TRAINING = "model.safetensors", "head.safetensors", "sample.jsonl", "training.json"
VALIDATION, CARD = "validation.npz", "README.md"


@dataclass(frozen=True)
class Training:
    """Settings and results of a training; `files` has the sha256 of every other file of the folder.

    The scores of a single-label model are `softmax(logits / temperature)`, of a multi-label model
    `sigmoid(logits / temperature)`. A multi-label text gets the labels whose score reaches their entry in
    `thresholds`. The model abstains below the score `abstain_below`; None: never.

    `metrics`: "validation" (with the temperature) and "before_temperature", named as in `finetune.measuring.metrics`.
    `settings`: what was used; `given`: the settings before the plan, by their keys in the config.
    `history`: one entry per evaluated step, {"step": "head", "fine-tuning" or "interpolation", "epoch"?,
    "train_loss"?, "validation_loss", "learning_rate"?, the primary metric by its name, "kept"?}.
    `learning_rate`: {"chosen", "reason", "curve": [{"rate", "loss"}]}, empty if there was no search.
    `fit`: {"verdict": "healthy", "underfit" or "overfit", "reason", and the numbers that the verdict is based on}.
    `provenance`: {"hardware", "git_commit", "threads", "precision", …}.
    """

    labels: list[str]
    method: str
    reason: str
    pooling: Literal["mean", "cls"]
    max_length: int
    temperature: float
    seed: int
    base_model: dict[str, Any]
    data: TrainingData
    settings: dict[str, Any]
    metrics: dict[str, Any]
    history: list[dict[str, Any]]
    versions: dict[str, str]
    seconds: float
    kind: Kind = "single-label"
    is_paired: bool = False
    primary_metric: str = "accuracy"
    thresholds: dict[str, float] = field(default_factory=dict)
    abstain_below: float | None = None
    learning_rate: dict[str, Any] = field(default_factory=dict)
    fit: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    given: dict[str, Any] = field(default_factory=dict)
    format: int = FORMAT
    files: dict[str, str] = field(default_factory=dict)


def write_training(folder: Path, training: Training) -> None:
    """Complete a checkpoint: write `training.json` with the sha256 of every other file in the folder."""
    files = {path.name: sha256_of(path) for path in sorted(folder.iterdir()) if path.name != TRAINING}
    content = {**as_stored(training), "files": files}
    (folder / TRAINING).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def digest_of(training: Training) -> str:
    """The sha256 of the content of `training.json` without the seconds and the model card, which shows them: the same
    training gives the same digest.
    """
    files = {name: sha256 for name, sha256 in training.files.items() if name != CARD}
    content = as_stored(replace(training, seconds=0.0, files=files))
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def read_training(folder: Path, *, missing: Collection[str] = ()) -> Training:
    """Read `training.json` and verify the files against it, those named in `missing` apart.

    Raises `FileMissing`, `NotACheckpoint` or `CorruptCheckpoint`.
    """
    if not folder.is_dir():
        raise FileMissing(folder, what="checkpoint")
    try:
        training = restored(Training, json.loads((folder / TRAINING).read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        is_package = (folder / MANIFEST).is_file()
        raise NotACheckpoint(folder, "a package" if is_package else f"a folder without {TRAINING}") from error
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise CorruptCheckpoint(folder, f"{TRAINING} does not fit: {error}") from error
    if training.format != FORMAT:
        raise CorruptCheckpoint(folder, f"its format is {training.format!r}, this Retune reads {FORMAT}")
    for name, sha256 in training.files.items():
        if name in missing:
            continue
        if not (folder / name).is_file():
            raise CorruptCheckpoint(folder, f"{name} is missing")
        if sha256_of(folder / name) != sha256:
            raise CorruptCheckpoint(folder, f"{name} differs from its sha256 in {TRAINING}")
    return training
