"""What a report shows of a check: a table of few columns, and the verdict in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from core.assigned import cells
from core.features import Features
from core.records import Verdict
from core.two_sample.distances import Floats
from monitoring.check import CONFIDENCE, EMBEDDINGS, LABELS, LENGTH

COLUMNS = {
    LABELS: "predicted label",
    CONFIDENCE: "confidence",
    LENGTH: "text length in tokens",
    EMBEDDINGS: "distance to the nearest reference row",
}
"""The column that shows a feature; embeddings have too many dimensions to be drawn as they are."""


def report_table(features: Features, distance: Floats, labels: Sequence[str]) -> pd.DataFrame:
    """One row a row; `distance` (n,) is that to the nearest reference row."""
    return pd.DataFrame(
        {
            COLUMNS[LABELS]: [_harmless(cell) or "no label" for cell in cells(features.predicted, labels)],
            COLUMNS[CONFIDENCE]: features.confidence.astype(np.float64),
            COLUMNS[LENGTH]: features.length,
            COLUMNS[EMBEDDINGS]: distance.astype(np.float64),
        }
    )


def verdict_markdown(verdict: Verdict, model: str, version: str) -> str:
    """The verdict's sentence, then a line for each piece of evidence."""
    lines = [f"**{model}@{version}: {verdict.outcome}.** {_harmless(verdict.sentence)}", ""]
    lines += [f"- {item.feature} (p = {item.p_value:.2g}): {_harmless(item.detail)}" for item in verdict.evidence]
    if estimate := verdict.estimated_accuracy:
        lines.append(
            f"- estimated accuracy, without labels: {estimate.value:.1%} ({estimate.low:.1%} to {estimate.high:.1%})"
        )
    return "\n".join(lines)


def _harmless(text: str) -> str:
    # Evidently writes texts into a <script> of its page as they are: a label could end it.
    return text.replace("<", "＜")
