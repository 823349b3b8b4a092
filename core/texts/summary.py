"""Figures about the texts of a reference, in its package: counts over all of them, no text and no word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from core.arrays import Doubles, Indices
from core.assigned import Assigned
from core.datasets import Text
from core.errors import CorruptPackage
from core.texts.form import TextForm, form_of

TEXTS = "texts.npz"
MIN_TEXTS = 3
"""Words of fewer texts are not counted one by one: they could identify somebody."""
LONGEST = 1_000
UNSEEN_BINS = 21


@dataclass(frozen=True)
class TextSummary:
    """Counts over n texts with k labels predicted.

    lengths (l,): texts by number of words, `LONGEST` and more in the last; unseen (`UNSEEN_BINS`,): texts by the share
    of their words that fewer than `MIN_TEXTS` others have, in steps of 5 %; scripts, languages: names, with the
    number of texts in script_rows and language_rows; marked_up, faulty: number of texts.

    label_rows (k,): texts by predicted label, all under label 0 for multi-label models. words, word_labels, word_rows
    (m,): hash of a word, label and number of texts with both, for words of at least `MIN_TEXTS` texts.
    """

    lengths: Indices
    unseen: Indices
    scripts: NDArray[np.str_]
    script_rows: Indices
    languages: NDArray[np.str_]
    language_rows: Indices
    marked_up: Indices
    faulty: Indices
    label_rows: Indices
    words: NDArray[np.uint32]
    word_labels: NDArray[np.uint16]
    word_rows: NDArray[np.uint32]

    @property
    def rows(self) -> int:
        return int(self.label_rows.sum())


def summary_of(texts: Sequence[Text], predicted: Assigned, labels: int) -> TextSummary:
    """Of n texts, different ones, with their predictions; `labels`: number of labels."""
    forms = [form_of(text) for text in texts]
    hashed = [hashes_of(form) for form in forms]
    rows = Counter(key for keys in hashed for key in keys)
    assigned = labels_of(predicted)
    by_label = Counter(
        (key, int(label))
        for keys, label in zip(hashed, assigned, strict=True)
        for key in keys
        if rows[key] >= MIN_TEXTS
    )
    pairs = sorted(by_label)
    scripts, script_rows = _counted(form.script for form in forms)
    languages, language_rows = _counted(form.language for form in forms)
    others = {key for key, count in rows.items() if count > MIN_TEXTS}
    return TextSummary(
        lengths=length_counts(forms),
        unseen=unseen_counts(unseen_shares(hashed, others)),
        scripts=scripts,
        script_rows=script_rows,
        languages=languages,
        language_rows=language_rows,
        marked_up=np.array(sum(form.has_markup for form in forms), dtype=np.int64),
        faulty=np.array(sum(form.is_faulty for form in forms), dtype=np.int64),
        label_rows=np.bincount(assigned, minlength=labels).astype(np.int64),
        words=np.array([key for key, _ in pairs], dtype=np.uint32),
        word_labels=np.array([label for _, label in pairs], dtype=np.uint16),
        word_rows=np.array([by_label[pair] for pair in pairs], dtype=np.uint32),
    )


def hashes_of(form: TextForm) -> frozenset[int]:
    """The hashes of the different words of a text."""
    return frozenset(word_hash(word) for word in form.words)


@lru_cache(maxsize=50_000)
def word_hash(word: str) -> int:
    return int.from_bytes(blake2b(word.encode("utf-8", "surrogatepass"), digest_size=4).digest(), "little")


def labels_of(predicted: Assigned) -> Indices:
    """(n,) the label under which the words of a text are counted."""
    return predicted.astype(np.int64) if predicted.ndim == 1 else np.zeros(len(predicted), dtype=np.int64)


def unseen_shares(hashed: Sequence[frozenset[int]], seen: Iterable[int]) -> Doubles:
    """(n,) share of the different words of each text that are not in `seen`; 0 without words."""
    known = set(seen)
    return np.array([len(keys - known) / max(len(keys), 1) for keys in hashed], dtype=np.float64)


def unseen_counts(shares: Doubles) -> Indices:
    bins = np.round(shares * (UNSEEN_BINS - 1)).astype(np.int64)
    return np.bincount(bins, minlength=UNSEEN_BINS).astype(np.int64)


def length_counts(forms: Sequence[TextForm]) -> Indices:
    return np.bincount([min(len(form.words), LONGEST) for form in forms], minlength=1).astype(np.int64)


def _counted(names: Iterable[str]) -> tuple[NDArray[np.str_], Indices]:
    counts = Counter(names)
    ordered = sorted(counts)
    return np.array(ordered, dtype=np.str_), np.array([counts[name] for name in ordered], dtype=np.int64)


def write_text_summary(folder: Path, summary: TextSummary) -> None:
    arrays: dict[str, Any] = {item.name: getattr(summary, item.name) for item in fields(summary)}
    np.savez(folder / TEXTS, **arrays)


def read_text_summary(folder: Path) -> TextSummary | None:
    """None if the package is of a release that wrote none; raises `CorruptPackage` if it cannot be read."""
    if not (folder / TEXTS).exists():
        return None
    try:
        with np.load(folder / TEXTS, allow_pickle=False) as arrays:
            return TextSummary(**{item.name: arrays[item.name] for item in fields(TextSummary)})
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise CorruptPackage(folder, f"{TEXTS} cannot be read: {error}") from error
