"""The held-out texts of the window on which champion and challenger differ.

Where both give the same answer, a label says nothing about which one is better. Labels are therefore requested for a
random sample of the texts on which they differ; the gain over the window is the share of these texts times the mean
difference on them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from core.datasets import Example, key_of, key_or
from core.engine import Answering
from core.ledger_tables.label_sources import text_key
from core.records import Differing, Disagreements, LabelledPrediction, StoredPrediction
from core.taxonomy import Taxonomy
from lifecycle.gate.comparison import answers, compare
from lifecycle.labels.pools import pools_of


def find_disagreements(
    champion: Answering,
    challenger: Answering,
    window: Iterable[StoredPrediction],
    fresh: Sequence[Example],
    taxonomy: Taxonomy,
    *,
    seed: int,
) -> Disagreements:
    """`window`: one row for each text. `fresh`: labelled rows that the gate compares on; those of no held-out text of
    the window are counted here.
    """
    held_out = [row for row in pools_of(window)[0] if row.has_text]
    rows = [Example(row.text, None, row.pair) for row in held_out]
    before, after = (answers(engine, rows, taxonomy) if rows else [] for engine in (champion, challenger))
    differing = [
        Differing(row.id, was, now) for row, was, now in zip(held_out, before, after, strict=True) if was != now
    ]
    agreed = Counter(was for was, now in zip(before, after, strict=True) if was == now)
    listed = {key_of(row.input) for row in held_out}
    elsewhere = compare(champion, challenger, [row for row in fresh if row.key not in listed], taxonomy)
    order = np.random.default_rng(seed).permutation(len(differing))
    in_order = [differing[place] for place in order]
    return Disagreements(len(held_out), in_order, elsewhere.wins, elsewhere.losses, dict(agreed))


def keys_in(window: Iterable[StoredPrediction]) -> dict[str, str]:
    """Prediction id → key of its text, of the rows whose text is stored."""
    return {row.id: key_or(row.input, row.id) for row in window if row.has_text}


def tellable(disagreements: Disagreements, keys: Mapping[str, str], untold_keys: Collection[str]) -> Disagreements:
    """Without the texts whose label nobody can tell: they are neither right nor wrong. `keys`: prediction id → key."""
    kept = [one for one in disagreements.differing if keys.get(one.prediction_id) not in untold_keys]
    dropped = len(disagreements.differing) - len(kept)
    return replace(disagreements, texts=disagreements.texts - dropped, differing=kept)


def labels_of(
    disagreements: Disagreements, keys: Mapping[str, str], labelled: Iterable[LabelledPrediction]
) -> dict[str, str]:
    """Prediction id → latest label of its text, for those of the `disagreements` that have one. `keys`: prediction id →
    key.
    """
    by_key: dict[str, str] = {}
    known = dict(keys)
    for row in labelled:
        if row.has_text:
            by_key[text_key(row)] = row.label
            known[row.prediction_id] = text_key(row)
    given = {one.prediction_id: by_key.get(known.get(one.prediction_id, "")) for one in disagreements.differing}
    return {key: label for key, label in given.items() if label is not None}
