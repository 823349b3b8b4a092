"""The champion's head, and heads between it and one that was fitted anew.

A new head answers some old rows otherwise by chance, most of all on an encoder that was trained on few rows, to which
all of them look sure. Between both heads old rows are kept that the new one loses (weights between two models: Wortsman
et al. 2022, https://arxiv.org/abs/2109.01903).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.arrays import Booleans, Indices, Numbers
from core.champion import ChampionPackage
from core.errors import NoLinearHead
from core.package import GRAPH
from core.taxonomy import Taxonomy
from export.head import read_head
from finetune.head import Head

SHARES = (0.0, 0.25, 0.5)
"""Of the champion's head, for the labels that it has. With all of it, labelled rows would teach nothing of these."""


@dataclass(frozen=True)
class ChampionHead:
    """`head`: (k, d) and (k,), for the k labels of a challenger, zeros where the champion lacks the label; its logits
    are divided by the champion's temperature. `knows`: (k,) the labels that the champion has.
    """

    head: Head
    knows: Booleans

    def right(self, embeddings: Numbers, truth: Indices) -> Booleans:
        """(n,) whether the champion gives each row its label `truth` (n,)."""
        logits = np.where(self.knows, self.head.logits(embeddings), -np.inf)
        return np.asarray(logits.argmax(axis=1) == truth)

    def mixed(self, other: Head, temperature: float, share: float, embeddings: Numbers) -> Head:
        """`other`, whose logits have a temperature, with a share of this head for the labels that the champion has.

        On the embeddings (n, d) their highest logits are as high in the mean as before, against those of other labels.
        """
        theirs, ours = (head.logits(embeddings)[:, self.knows].max(axis=1) for head in (other, self.head))
        level = float(np.mean(theirs / temperature - ours))
        weight, bias = other.weight.copy(), other.bias.copy()
        weight[self.knows] += share * (temperature * self.head.weight - weight)[self.knows]
        bias[self.knows] += share * (temperature * (self.head.bias + level) - bias)[self.knows]
        return Head(weight.astype(np.float32), bias.astype(np.float32))


def champion_head(champion: ChampionPackage, labels: Sequence[str], taxonomy: Taxonomy) -> ChampionHead | None:
    """Its head for the labels of a challenger, which have their names of today; labels of it that were merged are none
    that it has. None if its graph has no head in float32, a text may have several labels, or it has none of the labels.
    """
    if champion.kind == "multi-label":
        return None
    try:
        found = read_head(champion.folder / GRAPH)
    except NoLinearHead:
        return None
    names = [taxonomy.today(label) for label in champion.labels]
    count, place = Counter(names), {label: place for place, label in enumerate(labels)}
    rows = [row for row, name in enumerate(names) if name in place and count[name] == 1]
    places = [place[str(names[row])] for row in rows]
    weight = np.zeros((len(labels), found.weight.shape[1]), dtype=np.float32)
    bias, knows = np.zeros(len(labels), dtype=np.float32), np.zeros(len(labels), dtype=np.bool_)
    temperature = np.float32(champion.facts.temperature)
    weight[places], bias[places] = found.weight[rows] / temperature, found.bias[rows] / temperature
    knows[places] = True
    return ChampionHead(Head(weight, bias), knows) if places else None
