"""What every measurement here shares: the package, the texts, the folder that the servers work in."""

from __future__ import annotations

import argparse
import csv
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import cycle
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from core.engine import Engine

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
WORK = ROOT / ".retune" / "bench-serving"
MODEL = "banking77"

LONG_EVERY, LONG_TOKENS = 10, 128

# One engine thread a worker, for every system and for what measures it.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
os.environ.update(ONE_THREAD)


@dataclass(frozen=True)
class Setting:
    package: Path
    data: Path
    seconds: float

    @property
    def checkpoint(self) -> Path:
        """The weights that the package was exported from, as `benchmarks/export` lays them out."""
        return self.package.parent / "checkpoint"

    @cached_property
    def engine(self) -> Engine:
        return Engine(self.package, threads=1)

    @cached_property
    def short(self) -> list[str]:
        """The official test set."""
        return self._texts("test.csv")

    @cached_property
    def every(self) -> list[str]:
        """Test and training texts: 13,083."""
        return self.short + self._texts("train.csv")

    @cached_property
    def long(self) -> list[str]:
        """Test texts joined until the tokenizer finds 128 tokens or more; the package reads 128 of them."""
        texts, found = cycle(self.short), list[str]()
        while len(found) < len(self.short) // LONG_EVERY:
            found.append(self._long(texts))
        return found

    @cached_property
    def mixed(self) -> list[str]:
        """The test set with a long text in every tenth place."""
        long = cycle(self.long)
        return [next(long) if place % LONG_EVERY == 0 else text for place, text in enumerate(self.short, 1)]

    def _long(self, texts: Iterator[str]) -> str:
        text = next(texts)
        while self.engine.encode([text])[0].tokens < LONG_TOKENS:
            text = f"{text} {next(texts)}"
        return text

    def _texts(self, name: str) -> list[str]:
        with (self.data / name).open(newline="", encoding="utf-8") as file:
            return [row["text"] for row in csv.DictReader(file)]


def parser(about: str, *, seconds: float) -> argparse.ArgumentParser:
    """Options that every script takes; `seconds` is how long one measurement lasts by default."""
    parser = argparse.ArgumentParser(description=about)
    packaged = ROOT / ".retune" / "bench-export" / MODEL / "packaged"
    parser.add_argument("--package", type=Path, default=packaged, help="Package to serve; its checkpoint lies beside.")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="Folder of the data sets.")
    parser.add_argument("--seconds", type=float, default=seconds, help="How long one measurement lasts.")
    parser.add_argument("--results", type=Path, default=HERE / "results.jsonl", help="File that gets the line.")
    return parser


def setting_of(options: argparse.Namespace) -> Setting:
    if not options.package.is_dir():
        raise SystemExit(f"There is no package {options.package}. Run 'make bench-export', or name one by --package.")
    return Setting(options.package.absolute(), options.data.absolute() / MODEL, options.seconds)
