"""What was seen of a guarded version since its promotion, beside the version before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from core.ledger_tables.traffic import Load
from core.paired import Paired

NEARLY_ALL = 0.9
"""If so many of the texts have a label, whoever labels chooses little."""
LEAST_HISTORY = 30
"""Labels that show whether right answers are labelled, too."""


@dataclass(frozen=True)
class Answered:
    """A text with the answers of both versions, and whether they abstain; `caller`: its API key.

    `label`: None if it has none; `is_drawn`: it was drawn at random. A text without a stored text has no `before`.
    """

    key: str
    number: int
    caller: str | None
    now: str
    before: str | None
    now_abstains: bool = False
    before_abstains: bool = False
    label: str | None = None
    is_drawn: bool = False

    @property
    def differs(self) -> bool:
        return self.before is not None and self.before != self.now

    @property
    def is_won(self) -> bool:
        return self.differs and self.label == self.now

    @property
    def is_lost(self) -> bool:
        return self.differs and self.label is not None and self.label == self.before


@dataclass(frozen=True)
class History:
    """Labels of the version before that came before the promotion, and how many confirm its answers."""

    right: int = 0
    rows: int = 0


@dataclass(frozen=True)
class Observed:
    """`texts`: different ones, in their order: all up to the prediction `complete_to`, and later ones with a label;
    `now`, `before`: traffic of both versions; `slowdown`: measures how many times as long the guarded version takes for
    the same texts, side by side with the version before.
    """

    texts: Sequence[Answered] = ()
    complete_to: int = 0
    history: History = History()
    now: Load = field(default_factory=Load)
    before: Load = field(default_factory=Load)
    slowdown: Callable[[], float] = lambda: 1.0

    @property
    def labelled(self) -> list[Answered]:
        return [text for text in self.texts if text.label is not None]

    @property
    def compared(self) -> list[Answered]:
        return [text for text in self.texts if text.before is not None]

    @property
    def up_to_last_label(self) -> Sequence[Answered]:
        """All texts of an unbroken time that had the occasion to get a label."""
        texts = [text for text in self.texts if text.number <= self.complete_to]
        last = max((place for place, text in enumerate(texts) if text.label is not None), default=-1)
        return texts[: last + 1]

    @property
    def nearly_all_have_labels(self) -> bool:
        texts = self.up_to_last_label
        return bool(texts) and sum(text.label is not None for text in texts) >= NEARLY_ALL * len(texts)

    @property
    def minor_callers(self) -> list[str | None]:
        """API keys, None for requests without one, that asked for at most half of the texts, if there are several.

        Those with the most labels are first.
        """
        asked = Counter(text.caller for text in self.texts)
        given = Counter(text.caller for text in self.labelled)
        if len(asked) < 2:
            return []
        return sorted((key for key in asked if 2 * asked[key] <= len(self.texts)), key=lambda key: -given[key])

    def without(self, caller: str | None) -> Observed:
        return replace(self, texts=[text for text in self.texts if text.caller != caller])


def paired(texts: Sequence[Answered]) -> Paired:
    """`wins`: of the guarded version."""
    return Paired(sum(text.is_won for text in texts), sum(text.is_lost for text in texts), len(texts))
