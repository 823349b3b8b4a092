"""How two versions answer the same rows: accuracy with intervals, and which labels flow where."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from core.assigned import cells
from core.datasets import Example
from core.engine import Answering
from core.example_texts import in_one_line
from core.paired import Paired
from core.share import Share, measured
from core.taxonomy import Taxonomy

EXAMPLES = 3
"""Texts that a flow shows."""


@dataclass(frozen=True)
class Flow:
    """Rows that one version gives the label `before` and the other one `after`; `examples`: the first texts."""

    before: str
    after: str
    rows: int
    examples: list[str]


@dataclass(frozen=True)
class Answers:
    """Two versions on the same `rows`, from `source`. `flows`: where they differ, the largest first.

    Of the `labelled` rows: the accuracies with 95 % intervals, `wins` and `losses` of the second version, the two-sided
    `p_value` of their difference (McNemar, exact), and of the labels on which it differs [rows, right before, right
    after].
    """

    source: str
    rows: int
    differing: int
    flows: list[Flow]
    labelled: int = 0
    before: Share | None = None
    after: Share | None = None
    wins: int = 0
    losses: int = 0
    p_value: float = 1.0
    by_label: dict[str, list[int]] = field(default_factory=dict)


def answered(
    before: Answering, after: Answering, rows: Sequence[Example], taxonomy: Taxonomy
) -> tuple[list[str], list[str]]:
    """The answers of each version to at least one row, by the labels' names of today."""
    texts = [row.input for row in rows]
    was, now = (cells(engine.answer(texts).predicted, engine.labels) for engine in (before, after))
    return [taxonomy.today(cell) or cell for cell in was], [taxonomy.today(cell) or cell for cell in now]


def answers_diff(rows: Sequence[Example], was: Sequence[str], now: Sequence[str], *, source: str) -> Answers:
    flows = _flows(rows, was, now)
    differing = sum(flow.rows for flow in flows)
    known = [place for place, row in enumerate(rows) if row.label is not None]
    if not known:
        return Answers(source, len(rows), differing, flows)
    right_before, right_after = ([given[place] == rows[place].label for place in known] for given in (was, now))
    paired = Paired.of(right_before, right_after)
    return Answers(
        source,
        len(rows),
        differing,
        flows,
        labelled=len(known),
        before=measured(sum(right_before), len(known)),
        after=measured(sum(right_after), len(known)),
        wins=paired.wins,
        losses=paired.losses,
        p_value=min(1.0, 2 * min(paired.p_value, paired.reversed.p_value)),
        by_label=_by_label([str(rows[place].label) for place in known], right_before, right_after),
    )


def _flows(rows: Sequence[Example], was: Sequence[str], now: Sequence[str]) -> list[Flow]:
    places: dict[tuple[str, str], list[int]] = defaultdict(list)
    for place, pair in enumerate(zip(was, now, strict=True)):
        if pair[0] != pair[1]:
            places[pair].append(place)
    flows = [
        Flow(before, after, len(found), [in_one_line(rows[place].input) for place in found[:EXAMPLES]])
        for (before, after), found in places.items()
    ]
    return sorted(flows, key=lambda flow: (-flow.rows, flow.before, flow.after))


def _by_label(labels: Sequence[str], before: Sequence[bool], after: Sequence[bool]) -> dict[str, list[int]]:
    """Largest difference first."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for label, was, now in zip(labels, before, after, strict=True):
        counts[label] = [one + more for one, more in zip(counts[label], (1, was, now), strict=True)]
    differing = {label: found for label, found in counts.items() if found[1] != found[2]}
    return dict(sorted(differing.items(), key=lambda item: (-abs(item[1][2] - item[1][1]), item[0])))
