"""Embeddings of the frozen encoder, cached on disk: a retrain embeds only the new rows."""

from __future__ import annotations

import hashlib
import io
import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from core.arrays import Numbers
from core.datasets import Text
from core.durable import write_bytes

log = logging.getLogger(__name__)

# 100,000 rows of 384 dimensions take 154 MB; if there are more rows, the oldest are removed.
MAX_ROWS = 100_000
_KEY_BYTES = 16


class EmbeddingCache:
    """One file of keys (n,) and embeddings (n, d) per encoder and maximum length."""

    def __init__(self, folder: Path, *, fingerprint: str, max_length: int) -> None:
        self._path = folder / f"{fingerprint[:32]}-{max_length}.npz"

    def embeddings(self, texts: Sequence[Text], compute: Callable[[list[Text]], Numbers]) -> Numbers:
        """(n, d) in the order of the texts; `compute` is called at most once, with the distinct texts not cached."""
        cached = self._read()
        wanted = {_key(text): text for text in texts}
        unknown = {key: text for key, text in wanted.items() if key not in cached}
        if unknown:
            cached.update(zip(unknown, compute(list(unknown.values())), strict=True))
            self._write({key: cached[key] for key in [*(key for key in cached if key not in wanted), *wanted]})
        return np.stack([cached[_key(text)] for text in texts])

    def unknown(self, texts: Sequence[Text]) -> list[Text]:
        """The distinct texts that are not cached."""
        cached = self._read()
        return list({key: text for text in texts if (key := _key(text)) not in cached}.values())

    def _read(self) -> dict[bytes, Numbers]:
        if not self._path.is_file():
            return {}
        try:
            with np.load(io.BytesIO(self._path.read_bytes()), allow_pickle=False) as arrays:
                keys, rows = arrays["keys"], arrays["embeddings"]
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            log.warning("embedding cache %s is unreadable and is replaced: %s", self._path, error)
            return {}
        return {key.tobytes(): row for key, row in zip(keys, rows, strict=True)}

    def _write(self, cached: dict[bytes, Numbers]) -> None:
        newest = list(cached)[-MAX_ROWS:]
        keys = np.frombuffer(b"".join(newest), dtype=np.uint8).reshape(-1, _KEY_BYTES)
        content = io.BytesIO()
        np.savez(content, keys=keys, embeddings=np.stack([cached[key] for key in newest]))
        write_bytes(self._path, content.getvalue())


def _key(text: Text) -> bytes:
    written = text if isinstance(text, str) else json.dumps(text)
    return hashlib.sha256(written.encode("utf-8", "surrogatepass")).digest()[:_KEY_BYTES]
