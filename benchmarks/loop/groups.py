"""How many texts one answer labels where texts are asked for together, and how often they have the same label.

    python benchmarks/loop/groups.py [--only TEXT] [--seeds 0,1,2,3,4] [--data DIR] [--cache DIR]

Champions and rows are those of teaching.py.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from teaching import CASES, ROOT, Case, Split, prepared
from teaching_asked import in_groups

from lifecycle.labels.groups import same_label_cosine

BUDGETS = (40, 80, 120)


def line(case: Case, folder: Path, seeds: list[int]) -> str:
    """A row of the table: over all windows and budgets."""
    typical = near = same = groups_of_several = 0
    for seed in seeds:
        split = Split(folder, seed)
        truth = split.truth["fresh"]
        for budget in BUDGETS:
            rows, groups = np.array(in_groups(split, budget)).T
            is_near = rows != groups
            typical += int((~is_near).sum())
            near += int(is_near.sum())
            same += int((truth[rows] == truth[groups])[is_near].sum())
            groups_of_several += len(set(groups[is_near]))
    cosine = same_label_cosine(split.reference) or 1.0
    shares = [f"{100 * same / near:.1f} % of {near}", _share(same, near, groups_of_several)] if near else ["-"] * 2
    return f"| {case.name} | {cosine:.2f} | {(typical + near) / typical:.2f} | {' | '.join(shares)} |"


def _share(same: int, near: int, groups: int) -> str:
    """Of the texts of groups, the typical ones included."""
    return f"{100 * (same + groups) / (near + groups):.1f} %"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="")
    parser.add_argument("--seeds", default="0,1,2,3,4")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "retune-benchmarks")
    given = parser.parse_args()
    columns = ("set", "cosine", "texts per answer", "near texts with the label of the typical one", "texts of groups")
    sys.stdout.write(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|\n")
    for case in CASES:
        if given.only in case.name:
            folder = prepared(case, given.cache, given.data)
            sys.stdout.write(line(case, folder, list(map(int, given.seeds.split(",")))) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
