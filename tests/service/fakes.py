"""Engines that fail or block like native libraries."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from core.datasets import Text
from core.engine import Encoded, Engine, Outputs


class Panic(BaseException):
    """Like a panic of a native library: not derived from Exception."""


class PoisonedEngine(Engine):
    """Panics for batches that contain a text of `poison` tokens, and for texts that contain "unreadable"."""

    poison = 9

    def encode(self, texts: Sequence[Text]) -> list[Encoded]:
        if any("unreadable" in text for text in texts):
            raise Panic
        return super().encode(texts)

    def infer(self, batch: Sequence[Encoded]) -> Outputs:
        if any(encoded.tokens == self.poison for encoded in batch):
            raise Panic
        return super().infer(batch)


class GatedEngine(Engine):
    """Its calls block until the gate is open. `calls`: the number of rows of each call."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, threads=1)
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.calls: list[int] = []

    def infer(self, batch: Sequence[Encoded]) -> Outputs:
        self.calls.append(len(batch))
        self.entered.set()
        self.gate.wait(10)
        return super().infer(batch)
