"""What the gate decides by: both comparisons, and the labels on the texts where the versions differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from math import sqrt

from core.config import GateConfig
from core.records import Comparison, Differing, Disagreements, GateVerdict
from core.share import Share
from lifecycle.gate.comparison import by_label, is_lost
from lifecycle.gate.sequential import anytime_p_value, closing_p_value

Z = 1.96


@dataclass(frozen=True)
class Trial:
    """`fresh`, `old`: challenger against champion on fresh and on old labelled rows; `labels`: prediction id → label,
    of the labelled texts of `disagreements`.
    """

    fresh: Comparison
    old: Comparison
    settings: GateConfig
    disagreements: Disagreements = Disagreements()
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def open(self) -> int:
        """Texts on which the versions differ and that have no label."""
        return len(self.disagreements.differing) - len(self.labels)

    @cached_property
    def p_value(self) -> float:
        """Of the fresh rows. Once all texts on which the versions differ have labels, there is no further look."""
        if self.disagreements.differing and self.open == 0:
            return closing_p_value(self.fresh.wins, self.fresh.losses, alpha=self.settings.alpha)
        return self.fresh.p_value

    @property
    def lost_labels(self) -> dict[str, list[int]]:
        """The labels whose recall broke down, with [rows, right before, right after]: on old rows, on fresh ones, or on
        old rows and the labelled texts on which the versions differ together. Texts that both answer with a label count
        as right for both.
        """
        found = {**self.old.lost_labels, **self.fresh.lost_labels}
        agreed = {label: [texts, 0, 0] for label, texts in self.disagreements.agreed.items()}
        if not agreed and not self.old.by_label:  # a verdict of an earlier release
            return found
        labelled = _labelled(self.disagreements, self.labels)
        differing = by_label(
            [label for _, label in labelled],
            [one.champion == label for one, label in labelled],
            [one.challenger == label for one, label in labelled],
        )
        parts = (self.old.by_label, agreed, differing)
        for label in dict.fromkeys(chain(*parts)):
            right, won, lost = map(sum, zip(*(part.get(label, [0, 0, 0]) for part in parts), strict=True))
            if is_lost(right, won, lost):
                found[label] = [right + won, right, right + won - lost]
        return found

    @property
    def decided(self) -> int:
        """Fresh labelled rows where exactly one version is right."""
        return self.fresh.wins + self.fresh.losses

    @property
    def decided_share(self) -> float:
        """Share of the labelled disagreements where exactly one version is right: elsewhere both are wrong."""
        won, lost = won_and_lost(self.disagreements, self.labels)
        return (won + lost + 1) / (len(self.labels) + 1)

    @property
    def gain(self) -> Share:
        """Gain in accuracy over the held-out texts of the window, with its interval.

        The share of the texts on which the versions differ times the mean difference on the labelled ones of them. The
        interval is normal, and no narrower than one more win and one more loss would make it (Agresti & Min 2005).
        """
        won, lost = won_and_lost(self.disagreements, self.labels)
        share, rows = self.disagreements.share, len(self.labels)
        if rows == 0:
            return Share(0.0, -share, share)
        mean, smoothed = (won - lost) / rows, (won - lost) / (rows + 2)
        spread = Z * sqrt((won + lost + 2) / (rows + 2) - smoothed**2) / sqrt(rows + 2)
        return Share(share * mean, share * max(-1.0, smoothed - spread), share * min(1.0, smoothed + spread), rows)


def won_and_lost(disagreements: Disagreements, labels: Mapping[str, str]) -> tuple[int, int]:
    """On how many labelled texts only the challenger, and only the champion, is right."""
    given = _labelled(disagreements, labels)
    return sum(one.challenger == label for one, label in given), sum(one.champion == label for one, label in given)


def _labelled(disagreements: Disagreements, labels: Mapping[str, str]) -> list[tuple[Differing, str]]:
    return [(one, labels[one.prediction_id]) for one in disagreements.differing if one.prediction_id in labels]


def tried_again(verdict: GateVerdict, labels: Mapping[str, str], settings: GateConfig) -> Trial:
    """The trial of an earlier verdict with the labels of today, without asking the versions again."""
    before, found = verdict.fresh, verdict.disagreements
    won, lost = won_and_lost(found, labels)
    wins, losses = won + found.wins, lost + found.losses
    more = max(0, wins + losses - before.wins - before.losses)
    rows = before.rows + more
    right = before.champion_accuracy * before.rows + max(0, losses - before.losses)
    fresh = replace(
        before,
        rows=rows,
        champion_accuracy=right / rows if rows else 0.0,
        challenger_accuracy=(right + wins - losses) / rows if rows else 0.0,
        wins=wins,
        losses=losses,
        p_value=anytime_p_value(wins, losses),
    )
    return Trial(fresh, verdict.old, settings, found, labels)
