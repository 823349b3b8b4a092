"""The accuracy of a window, estimated without labels, and what keeps the estimate from being one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from core.arrays import Booleans, Indices
from core.features import Features
from core.left_out import LeftOut
from core.share import Share
from monitoring.accuracy.mixture import (
    PARTS,
    RIGHT,
    UNKNOWN,
    WRONG,
    Known,
    estimated_shares,
    fit_mixture,
    posterior,
)
from monitoring.accuracy.separability import separability
from monitoring.accuracy.simulated import simulate
from monitoring.accuracy.thresholded import thresholded

OUTSIDE = 0.85
"""Separability from which on a window is outside of what the reference covers."""

LABEL_ROWS = 20
"""Rows of the window from which on a label has an estimate of its own."""

Z = 1.645


@dataclass(frozen=True)
class Estimate:
    """`share` with its 90 % interval; `note`: why it cannot be trusted; `by_label`: accuracy of the rows that got the
    label index.
    """

    share: Share
    note: str | None = None
    by_label: dict[int, float] = field(default_factory=dict)


def estimate_accuracy(
    reference: Features, window: Features, *, left_out: LeftOut | None, min_rows: int, seed: int
) -> Estimate | None:
    """Estimated accuracy of the window; None if fewer than `min_rows` reference rows have a label.

    With `left_out`, trees tell right rows, wrong rows and rows of unknown labels, and the shares of the three are
    estimated in the window; else the confidence is thresholded. A changed answer to the same texts is not seen.
    """
    plain = thresholded(reference, window, min_rows=min_rows, seed=seed)
    if plain is None:
        return None
    found = Estimate(plain) if left_out is None else _by_mixture(reference, window, left_out, seed)
    area = separability(reference.embeddings, window.embeddings, seed=seed)
    if area <= OUTSIDE:
        return replace(found, note=None if left_out else _without_left_out(reference))
    share = replace(
        found.share, low=min(found.share.low, _by_chance(reference)), high=max(found.share.high, plain.high)
    )
    why = f"the rows lie outside of what the reference covers (a classifier tells them apart, AUC {area:.2f})"
    return replace(found, share=share, note=f"accuracy cannot be estimated: {why}")


def _by_chance(reference: Features) -> float:
    """Accuracy of labels drawn at random."""
    return 1 / (int(reference.predicted.max()) + 1) if reference.predicted.ndim == 1 else 0.0


def _without_left_out(reference: Features) -> str:
    if reference.predicted.ndim == 2 or int(reference.predicted.max()) < 2:
        return "the estimate cannot see new labels: of this task none can be left out to learn what they look like"
    return (
        "the estimate cannot see new labels: the package does not hold what they look like; export the model again "
        "where its training rows are"
    )


def _by_mixture(reference: Features, window: Features, left_out: LeftOut, seed: int) -> Estimate:
    known = known_rows(reference, left_out, seed=seed)
    mixture = fit_mixture(known)
    chances = mixture.chances(left_out.features_of(window.embeddings))
    shares = estimated_shares(chances, known.shares)
    value = float(shares[RIGHT])
    among = reference.right[reference.known]
    noise = Z * float(np.sqrt(among.mean() * (1 - among.mean()) / len(among)))
    margin = float(np.hypot(simulate(mixture, rows=window.rows, seed=seed).margin(value), noise))
    right = posterior(chances / known.shares, shares)[:, RIGHT]
    counts = np.bincount(window.predicted)
    by_label = {
        int(label): float(right[window.predicted == label].mean()) for label in np.nonzero(counts >= LABEL_ROWS)[0]
    }
    return Estimate(Share(value, max(0.0, value - margin), min(1.0, value + margin), window.rows), by_label=by_label)


def known_rows(reference: Features, left_out: LeftOut, *, seed: int) -> Known:
    """The labelled reference rows, right or wrong, and the rows of left-out labels."""
    labelled = reference.known
    right, truth = reference.right[labelled], reference.truth[labelled].astype(np.int64)
    unknown = left_out.group.astype(np.int64)
    return Known(
        features=np.concatenate([left_out.features_of(reference.embeddings[labelled]), left_out.features]),
        classes=np.concatenate([np.where(right, RIGHT, WRONG), np.full(len(unknown), UNKNOWN)]),
        part=np.concatenate([_parts(right, np.random.default_rng(seed)), unknown % PARTS]),
        labels=np.concatenate([truth, len(left_out.bias) + unknown]),
    )


def _parts(right: Booleans, random: np.random.Generator) -> Indices:
    """A part for each row, so that all parts have the same share of right rows."""
    order = random.permutation(len(right))
    order = order[np.argsort(right[order], kind="stable")]
    part = np.empty(len(right), dtype=np.int64)
    part[order] = np.arange(len(right)) % PARTS
    return part
