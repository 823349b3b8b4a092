"""Whether the graph answers as the checkpoint does."""

from __future__ import annotations

import numpy as np
import torch

from core.engine import Encoded, Engine, Floats, batches
from core.errors import ParityFailed
from export.model import Source

ALLOWED = 1e-3
ROWS = 400


def require_parity(source: Source, engine: Engine, texts: list[str]) -> None:
    """Compare logits on up to `ROWS` of the texts, spread evenly over them.

    Raises `ParityFailed` for a changed label, or a difference above `ALLOWED` of the largest logit.
    """
    encoded = engine.encode(texts[:: max(1, len(texts) // ROWS)][:ROWS])
    expected = _torch_logits(source, encoded)
    given = engine.answer_encoded(encoded).logits
    difference = float(np.abs(given - expected).max() / max(1e-6, np.abs(expected).max()))
    changed = int(np.sum(given.argmax(axis=1) != expected.argmax(axis=1)))
    # Not "greater": a NaN must fail.
    if not difference <= ALLOWED or changed:
        raise ParityFailed(difference, ALLOWED, changed)


def _torch_logits(source: Source, encoded: list[Encoded]) -> Floats:
    logits = np.zeros((len(encoded), len(source.training.labels)), dtype=np.float32)
    with torch.inference_mode():
        for batch in batches([item.tokens for item in encoded], batch_tokens=2048):
            logits[batch] = source.model(**_inputs(source, [encoded[index].ids for index in batch]))[0].numpy()
    return logits


def _inputs(source: Source, rows: list[list[int]]) -> dict[str, torch.Tensor]:
    ids = torch.nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True)
    ones = [torch.ones(len(row), dtype=torch.long) for row in rows]
    mask = torch.nn.utils.rnn.pad_sequence(ones, batch_first=True)
    given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": torch.zeros_like(ids)}
    return {name: given[name] for name in source.inputs}
