"""How many of the labels that were flipped at random `retune check` lists, and how much of its list was not flipped."""

from __future__ import annotations

import json
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

from accuracy import DATA, HERE, retune
from cases import read, write

SHARE = 0.05
RESULTS = HERE / "label_noise.jsonl"


def main() -> None:
    lines = [json.dumps(checked(seed)) for seed in (0, 1, 2)]
    RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    sys.stdout.write("\n".join(lines) + "\n")


def checked(seed: int) -> dict[str, Any]:
    rows = read(DATA / "banking77" / "train.csv")
    labels = sorted({row["label"] for row in rows})
    chance = random.Random(seed)
    flipped = set(chance.sample(range(len(rows)), round(SHARE * len(rows))))
    for index in flipped:
        rows[index]["label"] = chance.choice([label for label in labels if label != rows[index]["label"]])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(rows, folder / "rows.csv")
        log = folder / "clean.csv.removed.jsonl"
        retune(folder, "check", "rows.csv", "--fix", "clean.csv", "--drop-suspects")
        removed = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    listed = {entry["row"] - 1 for entry in removed if entry["check"] == "label_noise"}
    return {
        "seed": seed,
        "flipped": len(flipped),
        "listed": len(listed),
        "recall": round(len(listed & flipped) / len(flipped), 4),
        "clean_share": round(len(listed - flipped) / max(1, len(listed)), 4),
    }


if __name__ == "__main__":
    main()
