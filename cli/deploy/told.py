"""The steps of `retune deploy`, each told when it ends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from cli.context import info

STEPS = ("check", "finetune", "export", "register", "promote")
WIDTH = max(map(len, STEPS))
KEPT = "Done by an earlier run."


@dataclass
class Told:
    """`facts`: what the steps found, for the JSON object; `seconds` of each step."""

    facts: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[list[str]]:
        """The block adds its sentences to the list. An error says which step it ended, and how to go on."""
        place, begun, sentences = f"{STEPS.index(name) + 1}/{len(STEPS)}", time.monotonic(), list[str]()
        try:
            yield sentences
        except (Exception, KeyboardInterrupt):
            info(f"{place} {name} did not end. What was done before it is kept: the same command goes on from there.")
            raise
        self.seconds[name] = round(time.monotonic() - begun, 1)
        info(f"{place} {name:<{WIDTH}} {self.seconds[name]:6.1f} s  {' '.join(sentences)}")
