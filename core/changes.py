"""What changed between a reference and a window, as a check records it: figures, words and ids, no texts."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Literal

KindName = Literal["new topics", "shares", "wording", "form", "repetition"]


@dataclass(frozen=True)
class Group:
    """Texts of the window that the reference lacks: `rows` of them, a `share` of the window's different texts.

    `typical`: ids of the predictions nearest to their middle, or numbers of the rows of a file; `answers`: the
    champion's answers to them with their number, most frequent first; `confidence`: the mean; `words`: that set them
    apart, each in several of the texts.
    """

    rows: int
    share: float
    typical: list[str]
    answers: dict[str, int]
    confidence: float
    words: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Change:
    """One kind of change. `weight`: share of the rows that it touches, at least; `p_value`: of its own test;
    `sentence`: the change in words; `examples`: ids of rows as in `Group.typical`.

    `rose`, `fell`: words, of which each is in several texts; `labels`: those that it touches most.
    """

    kind: KindName
    weight: float
    p_value: float
    sentence: str
    groups: list[Group] = field(default_factory=list)
    examples: list[str] = field(default_factory=list)
    rose: list[str] = field(default_factory=list)
    fell: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)

    @property
    def all_examples(self) -> list[str]:
        """The ids of all its examples, the most typical of each group first."""
        turns = zip_longest(*(group.typical for group in self.groups))
        return [*self.examples, *(example for turn in turns for example in turn if example is not None)]
