"""Ten thousand texts through a packaged file, alone and in batches: what changes.

python benchmarks/export/invariance.py
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

import numpy as np
from models import ROOT, packaged, parts

sys.path.insert(0, str(ROOT))

from core.assigned import same
from core.engine import Engine, Outputs

TEXTS = 10_000


def main() -> None:
    texts = [row["text"] for part in parts("banking77") for row in part][:TEXTS]
    engine = Engine(packaged("banking77"))
    encoded = engine.encode(texts)
    alone = joined([engine.infer([item]) for item in encoded])
    order = np.random.default_rng(0).permutation(len(encoded))
    shuffled = joined([engine.infer([encoded[row] for row in order[at : at + 32]]) for at in range(0, len(order), 32)])
    facts = {
        "rung": engine.facts.rung,
        "texts": len(texts),
        "in batches of 32 as they come": differences(
            shuffled, Outputs(alone.logits[order], alone.embeddings[order], alone.probabilities[order])
        ),
        "in batches of similar length": differences(engine.answer_encoded(encoded), alone),
    }
    sys.stdout.write(json.dumps(facts) + "\n")


def joined(parts: Sequence[Outputs]) -> Outputs:
    arrays = ([getattr(part, name) for part in parts] for name in ("logits", "embeddings", "probabilities"))
    return Outputs(*map(np.concatenate, arrays))


def differences(one: Outputs, other: Outputs) -> dict[str, float]:
    return {
        "labels_changed": int(np.sum(~same(one.predicted, other.predicted))),
        "largest_move": float(np.abs(one.probabilities - other.probabilities).max()),
    }


if __name__ == "__main__":
    main()
