"""Embeddings of texts, cached on disk by encoder: a retrain embeds only the new rows (docs/decisions/0013)."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from core.arrays import Floats
from core.datasets import Text, key_of
from core.embedding_file import KEY_BYTES, SUFFIX, EmbeddingFile, Keys
from core.errors import DiskFull

log = logging.getLogger(__name__)

DAY_S = 86_400
LOT_ROWS = 2_000
"""Texts between two writes: a job that is killed has lost no more."""


class EmbeddingCache:
    """The embeddings of one encoder. Several processes may use the same one; without disk space nothing is stored."""

    def __init__(self, folder: Path, *, encoder: str) -> None:
        """`encoder`: a fingerprint of all that an embedding depends on but the text."""
        self._file = EmbeddingFile(folder / f"{encoder}{SUFFIX}")

    def embeddings(self, texts: Sequence[Text], compute: Callable[[list[Text]], Floats]) -> Floats:
        """(n, d) in the order of at least one text; `compute` is called with lots of the distinct ones not cached."""
        keys = [_exact(text) for text in texts]
        known = self._file.read(set(keys))
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        for lot in _lots(missing):
            vectors = compute(list(lot.values()))
            self._store(lot, vectors)
            known.update(zip(lot, vectors, strict=True))
        return np.stack([known[key] for key in keys])

    def unknown(self, texts: Sequence[Text]) -> list[Text]:
        """The distinct texts that are not cached."""
        wanted = {_exact(text): text for text in texts}
        known = self._file.read(wanted)
        return [text for key, text in wanted.items() if key not in known]

    def _store(self, texts: Mapping[bytes, Text], vectors: Floats) -> None:
        keys = [Keys(exact, _text_key(text)) for exact, text in texts.items()]
        try:
            self._file.append(keys, vectors, day=int(time.time() / DAY_S))
        except (OSError, DiskFull) as error:
            log.warning("embeddings are not cached: %s", error)


def erase_embeddings(folder: Path, texts: Iterable[Text], *, keep_days: int | None = None) -> int:
    """Erase the embeddings of texts, blanks and case aside, and those cached more than `keep_days` ago.

    Returns the number of erased rows. Of all encoders, also where the disk is full.
    """
    for path in folder.glob("*.npz"):  # of an earlier release
        path.unlink()
    files = [EmbeddingFile(path) for path in folder.glob(f"*{SUFFIX}")]
    if not files:
        return 0
    erased = {_text_key(text) for text in texts}
    before_day = 0 if keep_days is None else int(time.time() / DAY_S) - keep_days
    return sum(file.erase(erased, before_day=before_day) for file in files)


def _lots(texts: Mapping[bytes, Text]) -> Iterable[dict[bytes, Text]]:
    rows = iter(texts.items())
    while lot := dict(islice(rows, LOT_ROWS)):
        yield lot


def _exact(text: Text) -> bytes:
    return _digest(text if isinstance(text, str) else json.dumps(text))


def _text_key(text: Text) -> bytes:
    return _digest(key_of(text))


def _digest(written: str) -> bytes:
    return hashlib.sha256(written.encode("utf-8", "surrogatepass")).digest()[:KEY_BYTES]
