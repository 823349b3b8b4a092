"""The table of kinds.jsonl, in Markdown."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from kinds import NAMES

HEADS = ("set", "planted", "draws", "drift", "kind found", "named first", "others beside", "of it in the groups")


def main() -> None:
    rows = [json.loads(line) for line in (Path(__file__).parent / "kinds.jsonl").read_text().splitlines()]
    cells: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        cells[row["set"], row["plant"]].append(row)
    lines = [" | ".join(HEADS), " | ".join(["---"] * len(HEADS))]
    for (name, plant), found in cells.items():
        wanted = NAMES[plant]
        drifted = sum(row["verdict"] == "drift" for row in found)
        listed = sum(wanted in row["kinds"] for row in found) if wanted else ""
        first = sum(next(iter(row["kinds"]), "") == wanted for row in found)
        others = sum(bool(set(row["kinds"]) - {wanted}) for row in found)
        lines.append(
            f"{name} | {plant} | {len(found)} | {drifted} | {listed} | {first} | {others} | {_purity(plant, found)}"
        )
    sys.stdout.writelines(f"| {line} |\n" for line in lines)


def _purity(plant: str, found: list[dict[str, Any]]) -> str:
    if plant != "topic":
        return ""
    shares = [row["group_planted"][0] / row["group"][0] for row in found if row["group"]]
    return f"{sum(shares) / len(shares):.2f} (least {min(shares):.2f})" if shares else ""


if __name__ == "__main__":
    main()
