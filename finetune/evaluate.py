"""Answers of a checkpoint, without an export."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.datasets import Text
from finetune.checkpoint import read_checkpoint
from finetune.encoders.encoder import embed
from finetune.head import Floats
from finetune.measuring.temperature import probabilities_of


def predict_checkpoint(folder: Path, texts: Sequence[Text]) -> tuple[Floats, Floats]:
    """Logits (n, k), and probabilities (n, k) after the temperature, in the order of the texts.

    The columns are the labels of its `training.json`. Raises `CorruptCheckpoint`.
    """
    checkpoint = read_checkpoint(folder)
    logits = checkpoint.head.logits(embed(checkpoint.encoder, checkpoint.tokenizer, texts))
    return logits, probabilities_of(logits, checkpoint.training.temperature, checkpoint.training.kind)
