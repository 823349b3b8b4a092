"""The champion's answers to its reference, without the rest of the package."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from core.package import REFERENCE, PackageFacts


def reference_answers(folder: Path, facts: PackageFacts) -> Counter[str]:
    """Texts of the reference by predicted label; of several labels a text counts for each. Empty if unreadable."""
    try:
        with np.load(folder / REFERENCE, allow_pickle=False) as arrays:
            predicted = arrays["predicted"]
    except (OSError, KeyError, ValueError, BadZipFile):
        return Counter()
    counts = predicted.sum(axis=0) if predicted.ndim == 2 else np.bincount(predicted, minlength=len(facts.labels))
    return Counter(dict(zip(facts.labels, counts.tolist(), strict=False)))
