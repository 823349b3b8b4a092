"""The rows of an inspected file, with indices that several checks use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from core.datasets import Example
from core.labels import names_in


@dataclass(frozen=True)
class Sheet:
    """Rows as read: a text may be empty, a label may be None."""

    examples: Sequence[Example]
    is_multi_label: bool = False

    @property
    def row_count(self) -> int:
        return len(self.examples)

    @cached_property
    def keys(self) -> list[str]:
        """The key of each row; equal texts have equal keys."""
        return [example.key for example in self.examples]

    @cached_property
    def with_text(self) -> list[int]:
        """Indices of the rows with a text, or with both texts of a pair."""
        return [
            index
            for index, example in enumerate(self.examples)
            if example.text.strip() and (example.pair is None or example.pair.strip())
        ]

    @cached_property
    def labelled(self) -> list[int]:
        """Indices of the rows with a text and a label."""
        return [index for index in self.with_text if self.examples[index].label is not None]

    @cached_property
    def rows_of_label(self) -> dict[str, list[int]]:
        """Indices of the labelled rows by label, in alphabetical order."""
        rows: dict[str, list[int]] = {}
        for index in self.labelled:
            for name in self.labels_of(index):
                rows.setdefault(name, []).append(index)
        return dict(sorted(rows.items()))

    def labels_of(self, index: int) -> tuple[str, ...]:
        """The labels of a row: none, one, or several if multi-label."""
        label = self.examples[index].label
        if label is None:
            return ()
        return names_in(label) if self.is_multi_label else (label,)

    def text(self, index: int) -> str:
        """The text, or both texts of a pair on separate lines."""
        example = self.examples[index]
        return example.text if example.pair is None else f"{example.text}\n{example.pair}"

    def distinct(self, indices: Sequence[int]) -> list[int]:
        """The first row of each text among `indices`."""
        first: dict[str, int] = {}
        for index in indices:
            first.setdefault(self.keys[index], index)
        return list(first.values())
