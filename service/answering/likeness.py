"""The labelled texts nearest to a text in the embedding space of a served version.

They are read when the first explanation is asked for, and embedded by the version itself, in the background: the first
answers compare with few of them. Nothing is stored, and what nobody asks for is dropped from memory.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from weakref import ref

import numpy as np

from core.arrays import Floats
from core.engine import Encoded, Engine, Outputs
from core.errors import RetuneError
from core.home import Home
from core.labelling.labelled_texts import (
    LabelledText,
    different,
    texts_of_people,
    training_file,
    training_texts,
    with_names_of_today,
)
from service.answering.items import encode
from service.answering.length_buckets import EngineResult
from service.answering.model import ServedVersion

READ_AGAIN_S = 10.0
"""So long a label given meanwhile is not seen, and one that was taken back is."""
WAIT_S = 1.0
"""How long an answer waits for the ledger."""
LOT = 8
"""Texts embedded together; an explanation that comes meanwhile waits for them."""
IDLE_S = 600.0
logger = logging.getLogger(__name__)

RunInThread = Callable[..., Awaitable[Any]]
Embed = Callable[[ServedVersion, Sequence[Encoded]], Awaitable[list[EngineResult]]]


@dataclass(frozen=True)
class Near:
    """`similarity`: cosine of the embeddings, -1 to 1."""

    row: LabelledText
    similarity: float


@dataclass(frozen=True)
class Nearest:
    """`compared`: the number of labelled texts among which they were sought."""

    rows: list[Near]
    compared: int


@dataclass
class Known:
    """The labelled texts of a version, with the unit embeddings (d,) of those that have one, by the text's key.

    `engine` is a weak reference: a version that was replaced leaves the memory. `compared`: these n texts and their
    embeddings (n, d); None after a change.
    """

    engine: ref[Engine]
    rows: list[LabelledText] = field(default_factory=list)
    units: dict[str, Floats] = field(default_factory=dict)
    compared: tuple[list[LabelledText], Floats] | None = None
    training: tuple[Path, float] | None = None
    training_rows: list[LabelledText] = field(default_factory=list)
    read_at: float = -float("inf")
    used_at: float = 0.0
    reading: asyncio.Task[None] | None = None
    embedding: asyncio.Task[None] | None = None


class Likeness:
    """All calls must come from one event loop."""

    def __init__(self, home: Home, *, run: RunInThread, embed: Embed) -> None:
        """`run` calls a function in a thread; `embed` answers texts in the background."""
        self._home = home
        self._run = run
        self._embed = embed
        self._known: dict[str, Known] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def nearest(self, served: ServedVersion, embedding: Floats, *, most: int) -> Nearest:
        """The `most` nearest ones, the most similar first."""
        known = self._of(served)
        if _is_over(known.reading) and time.monotonic() - known.read_at > READ_AGAIN_S:
            known.reading = asyncio.create_task(self._read(known, served))
        if known.reading is not None and not known.reading.done():
            await asyncio.wait([known.reading], timeout=WAIT_S)
        return nearest(known, embedding, most=most)

    def _of(self, served: ServedVersion) -> Known:
        """What is known of the version; that of another version of the model is dropped."""
        known = self._known.get(served.model)
        if known is None or known.engine() is not served.engine:
            known = self._known[served.model] = Known(ref(served.engine))
        known.used_at = time.monotonic()
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(IDLE_S, self._drop_unused)
        return known

    def _drop_unused(self) -> None:
        now = time.monotonic()
        self._known = {name: known for name, known in self._known.items() if now - known.used_at < IDLE_S}
        self._timer = asyncio.get_running_loop().call_later(IDLE_S, self._drop_unused) if self._known else None

    async def _read(self, known: Known, served: ServedVersion) -> None:
        """Read the texts again; those that were erased, and their embeddings, go."""
        try:
            rows = await self._run(read, self._home, known, served)
        except Exception as error:  # what was read before is shown; an explanation must not fail for it
            logger.warning("Labelled texts of %s cannot be read: %s", served.model, error)
            return
        finally:
            known.read_at = time.monotonic()
        known.rows, known.compared = rows, None
        known.units = {row.key: known.units[row.key] for row in rows if row.key in known.units}
        # A model that was removed and registered again has predictions of another version of this number.
        made = [(row.key, row.embedding) for row in rows if row.embedding is not None]
        known.units |= {key: unit(vector) for key, vector in made if len(vector) == served.engine.width}
        if _is_over(known.embedding) and len(known.units) < len(rows):
            known.embedding = asyncio.create_task(self._embed_rest(known, served))

    async def _embed_rest(self, known: Known, served: ServedVersion) -> None:
        """Embed the texts without an embedding, for as long as the version is asked for."""
        failed: set[str] = set()
        while self._known.get(served.model) is known:
            missing = [row for row in known.rows if row.key not in known.units and row.key not in failed][:LOT]
            if not missing:
                return
            encoded = await encode(served.engine, [row.input for row in missing])
            readable = [(row, item) for row, item in zip(missing, encoded, strict=True) if isinstance(item, Encoded)]
            try:
                results = await self._embed(served, [item for _, item in readable])
            except RetuneError:  # the server is stopping
                return
            found = {
                row.key: unit(result.embeddings[0])
                for (row, _), result in zip(readable, results, strict=True)
                if isinstance(result, Outputs)
            }
            failed.update(row.key for row in missing if row.key not in found)
            known.units |= found
            known.compared = None


def read(home: Home, known: Known, served: ServedVersion) -> list[LabelledText]:
    """All labelled texts of a version: those that people labelled, then training rows. Raises as `texts_of_people`."""
    facts = served.engine.facts
    file = training_file(home, facts)
    state = (file, file.stat().st_mtime) if file.is_file() else None
    if state != known.training:
        known.training, known.training_rows = state, training_texts(file, facts)
    training = with_names_of_today(home, served.model, facts, known.training_rows)
    return list(different([*texts_of_people(home, served.model, served.version, facts), *training]))


def nearest(known: Known, embedding: Floats, *, most: int) -> Nearest:
    if known.compared is None:
        rows = [row for row in known.rows if row.key in known.units]
        units = np.stack([known.units[row.key] for row in rows]) if rows else np.empty((0, len(embedding)), np.float32)
        known.compared = rows, units
    rows, units = known.compared
    similarities = units @ unit(embedding)
    order = np.argsort(-similarities, kind="stable")[:most]
    return Nearest([Near(rows[place], float(similarities[place])) for place in order.tolist()], len(rows))


def unit(vector: Floats) -> Floats:
    """The vector with length 1.

    >>> unit(np.array([3.0, 4.0], dtype=np.float32)).round(1).tolist()
    [0.6000000238418579, 0.800000011920929]
    """
    length = float(np.linalg.norm(vector))
    scaled: Floats = (vector / length if length else vector).astype(np.float32)
    return scaled


def _is_over(task: asyncio.Task[None] | None) -> bool:
    return task is None or task.done()
