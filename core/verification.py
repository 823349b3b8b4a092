"""Verifies a package: its files, whether they fit together, and its golden answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.engine import Engine
from core.errors import CorruptPackage
from core.package import LEFT_OUT, REFERENCE, read_left_out, read_reference, verify_files
from core.texts.summary import read_text_summary

SAME_MACHINE, OTHER_MACHINE = 1e-3, 0.05
"""Maximum difference from a golden probability. Processors round differently: on another machine, an 8-bit value may
differ by one quantization step."""


def verify_package(folder: Path, *, tolerance: float = OTHER_MACHINE) -> float:
    """Verify files, content and golden answers; return the largest difference from the golden probabilities.

    Raises `CorruptPackage` with the first problem.
    """
    verify_files(folder)
    return verify_contents(folder, tolerance=tolerance)


def verify_contents(folder: Path, *, tolerance: float = OTHER_MACHINE) -> float:
    """As `verify_package`, for a folder whose files are already verified."""
    engine = Engine(folder)
    _require_reference_fits(engine)
    _require_left_out_fits(engine)
    return verify_golden(engine, tolerance=tolerance)


def verify_golden(engine: Engine, *, tolerance: float = OTHER_MACHINE) -> float:
    """The largest difference of a probability on the golden texts; also warms up the engine.

    Raises `CorruptPackage` if it is above `tolerance`.
    """
    facts = engine.facts
    if not facts.golden:
        engine.answer([("warm", "up") if facts.is_paired else "warm up"])
    largest = 0.0
    for number, (given, answer) in enumerate(zip(facts.golden_inputs, facts.golden, strict=True), 1):
        expected = np.array([answer["scores"][label] for label in engine.labels])
        scores = engine.answer([given]).probabilities[0]  # in a batch of its own, as when it was recorded
        difference = float(np.abs(scores - expected).max())
        if not difference <= tolerance:  # `difference > tolerance` would be false for NaN
            problem = f"golden text {number} is answered otherwise than recorded (scores differ by {difference:.3f})"
            raise CorruptPackage(engine.folder, problem)
        largest = max(largest, difference)
    return largest


def _require_reference_fits(engine: Engine) -> None:
    reference = read_reference(engine.folder)
    labels, rows = len(engine.labels), reference.rows
    one = engine.facts.kind == "single-label"
    shape = (rows,) if one else (rows, labels)
    fits = (
        rows > 0
        and reference.predicted.shape == reference.truth.shape == shape
        and reference.confidence.shape == reference.length.shape == (rows,)
        and (reference.copies is None or reference.copies.shape == (rows,))
        and reference.embeddings.shape == (rows, engine.width)
        and (not one or 0 <= int(reference.predicted.min()) <= int(reference.predicted.max()) < labels)
    )
    texts = read_text_summary(engine.folder)
    if not fits or texts is not None and texts.label_rows.shape != (labels,):
        raise CorruptPackage(
            engine.folder, f"{REFERENCE} does not fit its {labels} labels and {engine.width} dimensions"
        )


def _require_left_out_fits(engine: Engine) -> None:
    found, shape = read_left_out(engine.folder), (len(engine.labels), engine.width)
    if found is not None and found.weight.shape != shape:
        raise CorruptPackage(engine.folder, f"{LEFT_OUT} does not fit its {shape[0]} labels and {shape[1]} dimensions")
