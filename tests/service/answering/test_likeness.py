from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from weakref import ref

import numpy as np
import pytest

from core.arrays import Floats
from core.config import Config
from core.datasets import Example, keep_dataset
from core.engine import Encoded, Engine
from core.home import Home
from core.lineage import Lineage, TrainingData
from service.answering import likeness
from service.answering.length_buckets import EngineResult
from service.answering.likeness import Likeness, Nearest
from service.answering.model import ServedVersion
from service.refusals import Stopping
from tests.service.conftest import Variant
from tests.tiny import tiny_rows

ROWS = tiny_rows(24, seed=3)


class Embedding:
    """Embeds at once, and counts the texts."""

    def __init__(self) -> None:
        self.texts = 0
        self.is_stopping = False

    async def __call__(self, served: ServedVersion, encoded: Sequence[Encoded]) -> list[EngineResult]:
        if self.is_stopping:
            raise Stopping
        self.texts += len(encoded)
        outputs = served.engine.answer_encoded(encoded)
        return [outputs.row(row) for row in range(len(encoded))]


async def in_thread(call: Callable[..., Any], *given: Any) -> Any:
    return await asyncio.to_thread(call, *given)


@pytest.fixture
def home(config: Config) -> Home:
    return Home(config)


@pytest.fixture
def served(home: Home, variant: Variant) -> ServedVersion:
    data = TrainingData(keep_dataset(ROWS, home.config.datasets))
    engine = Engine(variant(lineage=Lineage(data=data)), threads=1)
    return ServedVersion("tickets", "1", "", engine)


def embedding_of(served: ServedVersion, text: str) -> Floats:
    vector: Floats = served.engine.answer([text]).embeddings[0]
    return vector


async def compared(near: Likeness, served: ServedVersion, text: str, *, rows: int) -> Nearest:
    """The nearest texts once so many were embedded."""
    async with asyncio.timeout(10):
        while (found := await near.nearest(served, embedding_of(served, text), most=3)).compared < rows:
            await asyncio.sleep(0.01)
    return found


def test_the_nearest_training_rows_are_found(home: Home, served: ServedVersion) -> None:
    embed = Embedding()
    near = Likeness(home, run=in_thread, embed=embed)
    found = asyncio.run(compared(near, served, ROWS[7].text, rows=len(ROWS)))
    assert [found.rows[0].row.text, found.rows[0].row.label] == [ROWS[7].text, ROWS[7].label]
    assert found.rows[0].similarity == pytest.approx(1, abs=1e-5)
    outputs = served.engine.answer([row.text for row in ROWS]).embeddings
    units = outputs / np.linalg.norm(outputs, axis=1, keepdims=True)
    expected = np.sort(units @ units[7])[::-1][:3]
    assert [each.similarity for each in found.rows] == pytest.approx(expected.tolist(), abs=1e-4)
    assert embed.texts == len(ROWS)


def test_rows_that_a_person_added_are_found_after_a_while(
    home: Home, served: ServedVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(likeness, "READ_AGAIN_S", 0.0)
    near = Likeness(home, run=in_thread, embed=Embedding())

    async def ask() -> list[str]:
        await compared(near, served, "x", rows=len(ROWS))
        home.ledger.added.add("tickets", [Example("my brand new words", "bug")], source="bob", fingerprint="f")
        found = await compared(near, served, "my brand new words", rows=len(ROWS) + 1)
        home.ledger.added.remove("tickets", "bob")
        again = await near.nearest(served, embedding_of(served, "my brand new words"), most=3)
        return [found.rows[0].row.origin, *(each.row.origin for each in again.rows)]

    assert asyncio.run(ask()) == ["given", "training", "training", "training"]


def test_another_version_is_compared_anew(home: Home, served: ServedVersion) -> None:
    embed = Embedding()
    near = Likeness(home, run=in_thread, embed=embed)
    other = replace(served, version="2", engine=Engine(served.engine.folder, threads=1))

    async def ask() -> None:
        await compared(near, served, "x", rows=len(ROWS))
        await compared(near, other, "x", rows=len(ROWS))

    asyncio.run(ask())
    assert embed.texts == 2 * len(ROWS)


def test_a_ledger_that_is_away_leaves_what_is_known(
    home: Home, served: ServedVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(likeness, "READ_AGAIN_S", 0.0)
    near = Likeness(home, run=in_thread, embed=Embedding())

    async def ask() -> tuple[int, int]:
        before = await compared(near, served, "x", rows=len(ROWS))
        home.config.home.joinpath("ledger.db").write_text("no database " * 100)
        after = await near.nearest(served, embedding_of(served, "x"), most=3)
        return before.compared, after.compared

    assert asyncio.run(ask()) == (len(ROWS), len(ROWS))


def test_a_replaced_version_leaves_the_memory(home: Home, served: ServedVersion) -> None:
    near = Likeness(home, run=in_thread, embed=Embedding())
    engine = Engine(served.engine.folder, threads=1)
    old = ref(engine)
    asyncio.run(compared(near, replace(served, engine=engine), "x", rows=len(ROWS)))
    del engine
    gc.collect()
    assert old() is None


def test_nothing_is_found_without_labelled_texts(home: Home, tiny_package: Path) -> None:
    served = ServedVersion("tickets", "1", "", Engine(tiny_package, threads=1))
    near = Likeness(home, run=in_thread, embed=Embedding())
    assert asyncio.run(near.nearest(served, embedding_of(served, "x"), most=3)) == Nearest([], 0)


def test_embedding_ends_when_the_server_stops(home: Home, served: ServedVersion) -> None:
    embed = Embedding()
    embed.is_stopping = True
    near = Likeness(home, run=in_thread, embed=embed)

    async def ask() -> int:
        found = await near.nearest(served, embedding_of(served, "x"), most=3)
        await asyncio.sleep(0.05)
        return found.compared

    assert asyncio.run(ask()) == 0
    assert embed.texts == 0


def test_what_nobody_asks_for_is_dropped(home: Home, served: ServedVersion, monkeypatch: pytest.MonkeyPatch) -> None:
    near = Likeness(home, run=in_thread, embed=Embedding())

    async def ask() -> None:
        await near.nearest(served, embedding_of(served, "x"), most=3)
        near._drop_unused()
        assert list(near._known) == ["tickets"]
        monkeypatch.setattr(likeness, "IDLE_S", 0.0)
        near._drop_unused()
        assert near._known == {}

    asyncio.run(ask())
