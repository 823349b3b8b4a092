"""Label noise in real rows with the default base model: a recall of 70 %, a precision of 70 %."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.datasets import Example, read_examples
from finetune.quality.inspection import inspect

BANKING77 = Path(__file__).parents[4] / "shared" / "data" / "banking77" / "train.csv"
ROWS_OF_LABEL = 12


def sample_per_label(examples: list[Example]) -> list[Example]:
    chosen: dict[str, list[Example]] = {}
    for row in np.random.default_rng(0).permutation(len(examples)):
        chosen.setdefault(str(examples[row].label), []).append(examples[row])
    return [example for rows in chosen.values() for example in rows[:ROWS_OF_LABEL]]


@pytest.mark.slow
@pytest.mark.skipif(not BANKING77.is_file(), reason="banking77 is not here")
def test_flipped_labels_of_banking77_are_listed(tmp_path: Path) -> None:
    from finetune.encoders.base_models import find_base_model
    from finetune.encoders.frozen import load_frozen

    rows = sample_per_label(read_examples(BANKING77))
    labels = sorted({str(example.label) for example in rows})
    rng = np.random.default_rng(1)
    wrong = set(rng.choice(len(rows), round(0.05 * len(rows)), replace=False).tolist())
    given = [
        Example(row.text, rng.choice([name for name in labels if name != row.label])) if number in wrong else row
        for number, row in enumerate(rows)
    ]
    frozen = load_frozen(find_base_model("default"), max_length=64, cache=tmp_path)
    for examples, flipped in ((given, wrong), (rows, set())):
        found = [item for item in inspect(examples, frozen=frozen) if item.check == "label_noise"]
        listed = {number - 1 for item in found for number in item.rows}
        assert len(listed & flipped) >= 0.7 * len(flipped)
        assert len(listed - flipped) <= max(0.3 * len(listed), 0.01 * len(rows))
