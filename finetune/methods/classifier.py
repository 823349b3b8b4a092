"""Encoder and head as one module, with a learning rate for each depth."""

from __future__ import annotations

import copy
import re
from typing import Any

import torch
from torch import Tensor, nn

from finetune.encoder import Encoder
from finetune.head import Head


class Classifier(nn.Module):
    """logits (n, k) of token ids, and their mean cross-entropy when `labels` (n,) are given."""

    def __init__(self, encoder: Encoder, head: Head) -> None:
        super().__init__()
        self.encoder = encoder
        self.linear = nn.Linear(head.weight.shape[1], head.weight.shape[0])
        with torch.no_grad():
            self.linear.weight.copy_(torch.from_numpy(head.weight))
            self.linear.bias.copy_(torch.from_numpy(head.bias))

    def forward(self, labels: Tensor | None = None, **inputs: Tensor) -> dict[str, Tensor]:
        logits = self.linear(self.encoder(inputs))
        if labels is None:
            return {"logits": logits}
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}

    @property
    def head(self) -> Head:
        return Head(self.linear.weight.detach().numpy().copy(), self.linear.bias.detach().numpy().copy())


def probed(encoder: Encoder, head: Head, temperature: float) -> Classifier:
    """A copy to train: its logits are divided by the temperature, its embedding tables stay as they are.

    A start that is sure of too little spends its first steps on its scale. The tables are half of the
    parameters, and few of their rows occur: without them a step takes two thirds of the time.
    """
    model = Classifier(copy.deepcopy(encoder), Head(head.weight / temperature, head.bias / temperature))
    model.encoder.transformer.get_input_embeddings().requires_grad_(False)
    return model


def parameter_groups(
    model: Classifier, *, rate: float, layer_decay: float, weight_decay: float
) -> list[dict[str, Any]]:
    """One group a parameter: `rate` at the top, times `layer_decay` a layer down; no decay of vectors."""
    named = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    deepest = max(_depth(name) or 0 for name, _ in named)
    groups = []
    for name, parameter in named:
        depth = _depth(name)
        below_top = 0 if depth is None else deepest - depth + 1
        decay = weight_decay if parameter.ndim > 1 else 0.0
        groups.append({"params": [parameter], "lr": rate * layer_decay**below_top, "weight_decay": decay})
    return groups


def _depth(name: str) -> int | None:
    """Layer number of a parameter, 0 for the embeddings below the first; None for what lies on top.

    >>> _depth("encoder.transformer.encoder.layer.5.output.dense.weight")
    6
    >>> _depth("encoder.transformer.embeddings.LayerNorm.weight"), _depth("linear.weight")
    (0, None)
    """
    if "embeddings" in name:
        return 0
    layer = re.search(r"\.(\d+)\.", name)
    return int(layer.group(1)) + 1 if layer else None
