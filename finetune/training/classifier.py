"""Encoder and head as one module, with a learning rate per depth."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from finetune.encoders.depth import blocks, embeddings_of, transformer_depths
from finetune.encoders.encoder import Encoder
from finetune.head import Head
from finetune.training.dropout import set_dropout
from finetune.training.recipe import Recipe


class Classifier(nn.Module):
    """Encoder and linear head: token ids → logits (n, k)."""

    def __init__(self, encoder: Encoder, head: Head) -> None:
        super().__init__()
        self.encoder = encoder
        self.linear = nn.Linear(head.weight.shape[1], head.weight.shape[0])
        with torch.no_grad():
            self.linear.weight.copy_(torch.from_numpy(head.weight))
            self.linear.bias.copy_(torch.from_numpy(head.bias))

    def forward(self, **inputs: Tensor) -> Tensor:
        embeddings = self.encoder(inputs)
        with torch.autocast(embeddings.device.type, enabled=False):
            logits: Tensor = self.linear(embeddings.float())
        return logits

    @property
    def head(self) -> Head:
        weight, bias = (tensor.detach().cpu().numpy().copy() for tensor in (self.linear.weight, self.linear.bias))
        return Head(weight, bias)


def trainable_copy(encoder: Encoder, head: Head, temperature: float, *, dropout: float) -> Classifier:
    """A copy to train, whose logits are divided by the temperature and whose embedding tables are frozen.

    From uncalibrated logits, the first steps of a training would only change the scale of the logits. The tables are
    half of the parameters, and many rows are unused: with frozen tables, a step takes two thirds of the time.
    """
    model = Classifier(copy.deepcopy(encoder), Head(head.weight / temperature, head.bias / temperature))
    for table in embeddings_of(model.encoder.transformer).modules():
        if isinstance(table, nn.Embedding):
            table.requires_grad_(False)
    set_dropout(model.encoder.transformer, dropout)
    if not torch.cuda.is_available():
        # On CPUs the backward pass of torch's fused attention takes a third of a step on short texts, the backward pass
        # of eager attention a twentieth (all-MiniLM-L6-v2, 128 texts of 16 tokens, bfloat16).
        model.encoder.transformer.set_attn_implementation("eager")
    return model


def parameter_groups(model: Classifier, recipe: Recipe) -> list[dict[str, Any]]:
    """One optimizer group per trained parameter: the rate depends on the depth; vectors have no weight decay."""
    depths = classifier_depths(model)
    top = max(depths.values())
    return [
        {
            "params": [parameter],
            "name": name,
            "lr": recipe.rate * recipe.layer_decay ** (top - depths[name]),
            "weight_decay": recipe.weight_decay if parameter.ndim > 1 else 0.0,
        }
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    ]


def classifier_depths(model: Classifier) -> Mapping[str, int]:
    """Depth by parameter name: 0 for the embeddings, 1 to L for the blocks, L + 1 for what follows the last block."""
    inner = transformer_depths(model.encoder.transformer)
    top = len(blocks(model.encoder.transformer)) + 1
    depths = {f"encoder.transformer.{name}": depth for name, depth in inner.items()}
    return {name: depths.get(name, top) for name, _ in model.named_parameters()}
