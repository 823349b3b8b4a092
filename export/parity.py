"""Whether the graph answers as the checkpoint does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from core.assigned import same
from core.datasets import Text
from core.engine import Encoded, Engine, Floats, batches, padded
from core.errors import ParityFailed
from export.model import Source

ALLOWED = 1e-3
ROWS = 400


def require_parity(source: Source, engine: Engine, texts: Sequence[Text]) -> None:
    """Compare logits on up to `ROWS` of the texts, spread evenly over them.

    Raises `ParityFailed` for a changed label, or a difference above `ALLOWED` of the largest logit.
    """
    encoded = engine.encode(texts[:: max(1, len(texts) // ROWS)][:ROWS])
    expected = _torch_logits(source, encoded)
    given = engine.answer_encoded(encoded).logits
    difference = float(np.abs(given - expected).max() / max(1e-6, np.abs(expected).max()))
    changed = _changed_rows(engine, given, expected)
    # Not "greater": a NaN must fail.
    if not difference <= ALLOWED or changed:
        raise ParityFailed(difference, ALLOWED, changed)


def _changed_rows(engine: Engine, given: Floats, expected: Floats) -> int:
    """Rows whose label, or set of labels, is another."""
    ours, theirs = (engine.outputs(logits, logits) for logits in (given, expected))
    if ours.given is None or theirs.given is None:
        return int(np.sum(~same(ours.predicted, theirs.predicted)))
    # A score that lies on its threshold may fall on either side: thresholds are tuned on these very rows.
    differs = (ours.given != theirs.given) & (np.abs(ours.probabilities - theirs.probabilities) > ALLOWED)
    return int(np.sum(differs.any(axis=1)))


def _torch_logits(source: Source, encoded: list[Encoded]) -> Floats:
    logits = np.zeros((len(encoded), len(source.training.labels)), dtype=np.float32)
    with torch.inference_mode():
        for batch in batches([item.tokens for item in encoded], batch_tokens=2048):
            given = padded([encoded[index] for index in batch], pad_id=source.pad_id)
            logits[batch] = source.model(**{name: torch.from_numpy(given[name]) for name in source.inputs})[0].numpy()
    return logits
