"""Parity of the ONNX graph with the checkpoint."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from core.arrays import Floats
from core.assigned import same
from core.datasets import Text
from core.engine import Encoded, Engine, batches, padded
from core.errors import ParityFailed
from core.progress import Step, go_on
from export.model import Source

MAX_DIFFERENCE = 1e-3
MAX_ROWS = 400


def require_parity(source: Source, engine: Engine, texts: Sequence[Text], *, on_batch: Step = go_on) -> None:
    """Compare logits on up to `MAX_ROWS` evenly spaced texts and on edge cases.

    Raises `ParityFailed` for a changed label, or a difference above `MAX_DIFFERENCE` times the largest logit.
    """
    picked = np.linspace(0, len(texts) - 1, min(MAX_ROWS, len(texts))).astype(int)
    usual = engine.encode([texts[index] for index in picked])
    # In one batch: the shortest and the longest possible texts are combined.
    edge_cases = engine.encode(edge_case_texts(engine))
    given = np.concatenate([engine.answer_encoded(usual).logits, engine.infer(edge_cases).logits])
    expected = np.concatenate([_torch_logits(source, part, on_batch) for part in (usual, edge_cases)])
    difference = float(np.abs(given - expected).max() / max(1e-6, np.abs(expected).max()))
    changed = _changed_rows(engine, given, expected)
    # Not "difference > MAX_DIFFERENCE", which is false for NaN.
    if not difference <= MAX_DIFFERENCE or changed:
        raise ParityFailed(difference, MAX_DIFFERENCE, changed)


def edge_case_texts(engine: Engine) -> list[Text]:
    """Empty, one letter, maximum length, too long, emoji, right to left, CJK and Thai, broken Unicode, white space."""
    longest, paired = engine.facts.max_length, engine.facts.is_paired
    texts = [
        "",
        "a",
        _of_tokens(engine, longest),
        "more " * (2 * longest),
        "🎉👩🏽‍🚀🇨🇭 👍",
        "שלום עולם, كيف حالك؟",
        "你好，世界 สวัสดี",
        "e\u0301\u200b\ufffd\x00",
        "  \t\n two \r\n words  ",
    ]
    if not paired:
        return list(texts)
    # The text of maximum length gets an empty second text, so that the pair has exactly the maximum length.
    return [(text, "" if index == 2 else texts[-index]) for index, text in enumerate(texts)]


def _of_tokens(engine: Engine, tokens: int) -> str:
    """A text of `tokens` tokens; slightly fewer if "a" is not a single token."""
    few, more = (engine.encode([("a " * n, "") if engine.facts.is_paired else "a " * n])[0].tokens for n in (1, 2))
    return "a " * max(1, 1 + (tokens - few) // max(1, more - few))


def _changed_rows(engine: Engine, given: Floats, expected: Floats) -> int:
    """Number of rows whose predicted label or set of labels differs.

    A label with nearly equal scores is not counted: thresholds are tuned on these rows, so a score may equal one.
    """
    ours, theirs = (engine.outputs(logits, logits) for logits in (given, expected))
    if ours.given is None or theirs.given is None:
        return int(np.sum(~same(ours.predicted, theirs.predicted)))
    differs = (ours.given != theirs.given) & (np.abs(ours.probabilities - theirs.probabilities) > MAX_DIFFERENCE)
    return int(np.sum(differs.any(axis=1)))


def _torch_logits(source: Source, encoded: list[Encoded], on_batch: Step) -> Floats:
    logits = np.zeros((len(encoded), len(source.training.labels)), dtype=np.float32)
    with torch.inference_mode():
        for batch in batches([item.tokens for item in encoded], batch_tokens=2048):
            on_batch()
            given = padded([encoded[index] for index in batch], pad_id=source.pad_id)
            logits[batch] = source.model(**{name: torch.from_numpy(given[name]) for name in source.inputs})[0].numpy()
    return logits
