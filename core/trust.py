"""Which label counts for a text when several sources labelled it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Trust = Literal["latest", "majority"] | list[str]
"""`latest`: the label given last. `majority`: the label of most sources, by the last label of each. A list of sources:
the label of the first one that gave any, then of the others, the latest first.
"""


@dataclass(frozen=True)
class Counting:
    """Which labels count. `quota`: texts of one source, the last ones; 0 is no limit."""

    trust: Trust = "latest"
    quota: int = 0


LATEST = Counting()


@dataclass(frozen=True)
class GivenBy:
    """The last label that a source gave to a text; `number`: its place in the order of labels."""

    source: str
    label: str
    number: int


@dataclass(frozen=True)
class Contradictions:
    """Texts that sources label differently: `texts` in all, of which `undecided` have no label that counts.

    `pairs`: the most frequent pairs of labels, as "a / b", with their texts; `sources`: with their texts;
    `set_aside`: sources whose labels count for nothing, each with the reason.
    """

    texts: int = 0
    undecided: int = 0
    pairs: dict[str, int] = field(default_factory=dict)
    sources: dict[str, int] = field(default_factory=dict)
    set_aside: dict[str, str] = field(default_factory=dict)


def trusted(given: Sequence[GivenBy], trust: Trust) -> str | None:
    """The label that counts; None if two labels have as many sources.

    >>> given = [GivenBy("ann", "bug", 1), GivenBy("bob", "bug", 2), GivenBy("eve", "billing", 3)]
    >>> trusted(given, "latest"), trusted(given, "majority"), trusted(given, ["bob", "eve"])
    ('billing', 'bug', 'bug')
    >>> trusted(given[1:], "majority") is None
    True
    """
    if trust == "majority":
        (label, most), *others = Counter(one.label for one in given).most_common(2)
        return None if others and others[0][1] == most else label
    rank = {} if trust == "latest" else {source: place for place, source in enumerate(trust)}
    return min(given, key=lambda one: (rank.get(one.source, len(rank)), -one.number)).label


def contradictions(texts: Mapping[str, Iterable[GivenBy]], trust: Trust) -> Contradictions:
    """`texts`: the labels of each text, by source."""
    contradicted = [given for given in map(list, texts.values()) if len({by.label for by in given}) > 1]
    pairs: Counter[str] = Counter()
    sources: Counter[str] = Counter()
    for given in contradicted:
        pairs[" / ".join(sorted({by.label for by in given})[:2])] += 1
        sources.update(by.source for by in given)
    undecided = sum(trusted(given, trust) is None for given in contradicted)
    return Contradictions(len(contradicted), undecided, dict(pairs.most_common(5)), dict(sources.most_common(5)))
