"""A checkpoint as a torch module whose outputs are those of the graph."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.numpy import load_file
from torch import Tensor, nn
from transformers import AutoModel, AutoTokenizer, PreTrainedModel
from transformers.utils import logging as transformers_logging

from core.checkpoint import HEAD, SAMPLE, Training, read_training
from core.datasets import Text, input_of
from core.errors import CorruptCheckpoint

INPUTS = ("input_ids", "attention_mask", "token_type_ids")


class ServedModel(nn.Module):
    """ids and mask (n, length) → logits (n, k) and embedding (n, d), pooled and L2-normalised."""

    def __init__(self, transformer: PreTrainedModel, head: nn.Linear, pooling: str) -> None:
        super().__init__()
        self.transformer = transformer
        self.head = head
        self.pooling = pooling

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        segments = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        states = self.transformer(input_ids=input_ids, attention_mask=attention_mask, **segments).last_hidden_state
        if self.pooling == "cls":
            pooled = states[:, 0]
        else:
            mask = attention_mask.unsqueeze(-1).to(states.dtype)
            pooled = (states * mask).sum(1) / mask.sum(1)
        embedding = nn.functional.normalize(pooled, dim=-1)
        return self.head(embedding), embedding


@dataclass(frozen=True)
class Source:
    """What is exported: the checkpoint's facts, its module in evaluation mode, the token that fills up rows,
    and texts, or pairs, to calibrate with.
    """

    folder: Path
    training: Training
    model: ServedModel
    inputs: list[str]
    pad_id: int
    sample: list[Text]


def read_source(checkpoint: Path) -> Source:
    """Raises `CorruptCheckpoint` unless every file is what `training.json` says."""
    training = read_training(checkpoint)
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()  # the pooler is not in the checkpoint, and that is no news
    # Eager: the optimiser finds no attention to fuse in the SDPA graph.
    transformer = AutoModel.from_pretrained(
        checkpoint, trust_remote_code=False, use_safetensors=True, dtype=torch.float32, attn_implementation="eager"
    )
    tokenizer = AutoTokenizer.from_pretrained(checkpoint, trust_remote_code=False, use_fast=True)
    model = ServedModel(transformer, _head(checkpoint, len(training.labels)), training.pooling)
    rows = [json.loads(line) for line in (checkpoint / SAMPLE).read_text(encoding="utf-8").splitlines()]
    return Source(
        folder=checkpoint,
        training=training,
        model=model.eval(),
        inputs=[name for name in INPUTS if name in tokenizer.model_input_names],
        pad_id=int(tokenizer.pad_token_id or 0),
        sample=[input_of(row["text"], row.get("pair")) for row in rows],
    )


def _head(checkpoint: Path, labels: int) -> nn.Linear:
    arrays = load_file(checkpoint / HEAD)
    if set(arrays) != {"weight", "bias"} or len(arrays["bias"]) != labels:
        raise CorruptCheckpoint(checkpoint, f"{HEAD} does not fit its {labels} labels")
    head = nn.Linear(arrays["weight"].shape[1], labels)
    head.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    return head
