import re
from itertools import combinations

from cli.demo.files import TICKETS, read_parts
from core.datasets import normalised, read_examples

PARTS = ("train", "reference", "fresh")


def test_the_fresh_file_of_the_repository_has_one_new_label() -> None:
    labels = {part: {row.label for row in read_examples(TICKETS / f"{part}.csv")} for part in PARTS}
    assert labels["train"] == labels["reference"]
    assert len(labels["train"]) == 8
    assert labels["fresh"] - labels["train"] == {"scribe"}


def test_the_files_of_the_repository_share_no_near_duplicates() -> None:
    words = [
        (part, frozenset(re.findall(r"\w+", normalised(row.text))))
        for part in PARTS
        for row in read_examples(TICKETS / f"{part}.csv")
    ]
    alike = [
        (first, second)
        for (part, first), (other, second) in combinations(words, 2)
        if len(first & second) > 0.6 * len(first | second)
    ]
    assert alike == []


def test_the_parts_of_the_demo_do_not_overlap() -> None:
    parts = read_parts(*(TICKETS / f"{part}.csv" for part in PARTS))
    texts = [
        [row.text for row in rows] for rows in (parts.train, parts.reference, parts.replay, parts.fresh, parts.later)
    ]
    assert sum(len(rows) for rows in texts) == len(set().union(*texts))
    assert len(parts.old) == 220
