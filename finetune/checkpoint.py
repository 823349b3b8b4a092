"""Writing and reading checkpoints with torch; `core.checkpoint` defines the format."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from safetensors.numpy import load_file, save_file

from core.arrays import Numbers
from core.checkpoint import CARD, HEAD, SAMPLE, Training, read_training, write_training
from core.datasets import Text
from core.durable import new_folder
from core.errors import CorruptCheckpoint
from finetune.encoders.base_models import BaseModel
from finetune.encoders.encoder import Encoder, TextTokenizer, embed, load_encoder, load_tokenizer
from finetune.head import Head
from finetune.measuring.temperature import probabilities_of
from finetune.measuring.validation_outputs import write_validation
from finetune.model_card import model_card
from finetune.task import Fitted, Task

SAMPLE_TEXTS = 256


@dataclass(frozen=True)
class Checkpoint:
    training: Training
    encoder: Encoder
    tokenizer: TextTokenizer
    head: Head


def write_checkpoint(target: Path, training: Training, *, fitted: Fitted, task: Task) -> None:
    """Write a checkpoint to `target` atomically; it includes a sample of the training texts."""
    with new_folder(target) as folder:
        fitted.encoder.transformer.save_pretrained(folder)
        task.tokenizer.save(folder)
        save_file({"weight": fitted.head.weight, "bias": fitted.head.bias}, folder / HEAD)
        write_validation(folder, fitted.scored.logits, task.validation.truth)
        texts = task.train.inputs
        sample = random.Random(training.seed).sample(texts, min(len(texts), SAMPLE_TEXTS))
        (folder / SAMPLE).write_text("".join(json.dumps(_sample_row(text)) + "\n" for text in sample), encoding="utf-8")
        (folder / CARD).write_text(model_card(training), encoding="utf-8")
        write_training(folder, training)


def _sample_row(text: Text) -> dict[str, str]:
    return {"text": text} if isinstance(text, str) else {"text": text[0], "pair": text[1]}


def read_checkpoint(folder: Path) -> Checkpoint:
    """Raises `CorruptCheckpoint` if a file does not match `training.json`."""
    training = read_training(folder)
    base = BaseModel(str(folder), "", folder, training.pooling, fingerprint="")
    arrays = load_file(folder / HEAD)
    if set(arrays) != {"weight", "bias"} or len(arrays["bias"]) != len(training.labels):
        raise CorruptCheckpoint(folder, f"{HEAD} does not fit its {len(training.labels)} labels")
    return Checkpoint(
        training=training,
        encoder=load_encoder(base),
        tokenizer=load_tokenizer(str(folder), folder, training.max_length),
        head=Head(arrays["weight"], arrays["bias"]),
    )


def predict_checkpoint(folder: Path, texts: Sequence[Text]) -> tuple[Numbers, Numbers]:
    """Logits (n, k) and calibrated probabilities (n, k); the columns are the labels in `training.json`.

    Raises `CorruptCheckpoint`.
    """
    checkpoint = read_checkpoint(folder)
    logits = checkpoint.head.logits(embed(checkpoint.encoder, checkpoint.tokenizer, texts))
    return logits, probabilities_of(logits, checkpoint.training.temperature, checkpoint.training.kind)
