"""Pairs of nearly equal texts, without comparing all pairs.

The method is MinHash of character 4-grams (Broder 1997) with locality-sensitive hashing in bands (Leskovec, Rajaraman
& Ullman, Mining of Massive Datasets, chapter 3). Pairs that share a band are compared exactly.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

GRAM_LENGTH = 4
NEAR_SIMILARITY = 0.8
"""Texts at least as similar are near-copies, which count once wherever rows are evidence."""
BANDS, BAND_ROWS = 16, 4
"""A pair of similarity s shares a band with probability 1 - (1 - s⁴)¹⁶: 98.8 % at 0.7, 99.98 % at 0.8."""
MAX_CHARACTERS = 2000
"""Only this number of characters at the start of a text is compared."""
CHUNK_CHARACTERS = 2_000_000
MAX_PAIRWISE_BUCKET = 30
"""In larger buckets a text is compared only with the first and the next text, not with all others."""

Hashes = NDArray[np.uint64]
_MIX = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class NearPair:
    """Indices, first < second, and the Jaccard similarity of the two texts' character 4-grams."""

    first: int
    second: int
    similarity: float


def near_pairs(texts: Sequence[str], *, threshold: float) -> list[NearPair]:
    """Pairs of distinct texts with a similarity of at least `threshold`; case and punctuation are ignored.

    The signatures need 512 bytes of memory per text.

    >>> near_pairs(["where is my new card, please", "Where is my new card please?", "hello"], threshold=0.8)
    [NearPair(first=0, second=1, similarity=1.0)]
    """
    normalised = [" ".join(re.findall(r"\w+", text.lower()))[:MAX_CHARACTERS] for text in texts]
    # In shorter texts, one letter changes a third of the grams, so the similarity has no meaning.
    long_enough = [index for index, text in enumerate(normalised) if len(text) >= 2 * GRAM_LENGTH]
    if len(long_enough) < 2:
        return []
    signatures = _signatures([normalised[index] for index in long_enough])
    pairs = []
    for left, right in _candidates(signatures, threshold):
        first, second = long_enough[left], long_enough[right]
        similarity = jaccard(_grams(normalised[first]), _grams(normalised[second]))
        if similarity >= threshold:
            pairs.append(NearPair(first, second, similarity))
    return pairs


def jaccard(left: frozenset[str], right: frozenset[str]) -> float:
    """
    >>> jaccard(frozenset("abc"), frozenset("bcd"))
    0.5
    """
    return len(left & right) / len(left | right)


def _grams(text: str) -> frozenset[str]:
    return frozenset(text[start : start + GRAM_LENGTH] for start in range(len(text) - GRAM_LENGTH + 1))


def _signatures(texts: Sequence[str]) -> Hashes:
    """(n, 64): the minimum hash of each text's grams under 64 hash functions."""
    return np.concatenate([_signatures_of(chunk) for chunk in _chunks(texts)])


def _chunks(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    start, size = 0, 0
    for index, text in enumerate(texts):
        size += len(text)
        if size >= CHUNK_CHARACTERS:
            yield texts[start : index + 1]
            start, size = index + 1, 0
    if start < len(texts):
        yield texts[start:]


def _signatures_of(texts: Sequence[str]) -> Hashes:
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    lengths = np.array([len(text) for text in texts])
    ends = np.cumsum(lengths)
    hashes = _gram_hashes(codes)
    # Only the grams within a text: no gram may span two texts.
    starts = ends - lengths - np.arange(len(texts)) * (GRAM_LENGTH - 1)
    inside = np.ones(len(codes), dtype=np.bool_)
    for back in range(1, GRAM_LENGTH):
        inside[ends - back] = False
    hashes = hashes[inside]
    rng = np.random.default_rng(0)
    factors = rng.integers(1, 2**63, size=BANDS * BAND_ROWS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    signatures = np.empty((len(texts), len(factors)), dtype=np.uint64)
    for column, factor in enumerate(factors):
        signatures[:, column] = np.minimum.reduceat(_mixed(hashes ^ factor), starts)
    return signatures


def _gram_hashes(codes: Hashes) -> Hashes:
    """(c,) the hash of the gram that begins at each character."""
    hashes = np.zeros(len(codes), dtype=np.uint64)
    for step in range(GRAM_LENGTH):
        hashes = _mixed(hashes + np.roll(codes, -step))
    return hashes


def _mixed(values: Hashes) -> Hashes:
    """A hash as in splitmix64: each input bit affects all output bits; overflow is intended."""
    mixed = values * _MIX
    mixed ^= mixed >> np.uint64(29)
    mixed *= _MIX
    mixed ^= mixed >> np.uint64(32)
    return mixed


def _candidates(signatures: Hashes, threshold: float) -> Iterator[tuple[int, int]]:
    """Pairs that share a band, except pairs with an estimated similarity clearly below the threshold."""
    pairs = np.unique(np.concatenate([_bucket_pairs(_band(signatures, number)) for number in range(BANDS)]))
    rows = len(signatures)
    for part in np.array_split(pairs, max(1, len(pairs) // 100_000)):
        left, right = part // rows, part % rows
        agreement = (signatures[left] == signatures[right]).mean(axis=1)
        # 0.15 is three standard errors of the estimate at a similarity of 0.8.
        close = agreement >= threshold - 0.15
        yield from zip(left[close].tolist(), right[close].tolist(), strict=True)


def _band(signatures: Hashes, number: int) -> Hashes:
    values = np.zeros(len(signatures), dtype=np.uint64)
    for column in range(number * BAND_ROWS, (number + 1) * BAND_ROWS):
        values = _mixed(values ^ signatures[:, column])
    return values


def _bucket_pairs(values: Hashes) -> NDArray[np.int64]:
    """Pairs of rows with equal values, encoded as first * n + second."""
    order = np.argsort(values, kind="stable")
    starts = np.concatenate([[0], np.flatnonzero(np.diff(values[order])) + 1, [len(values)]])
    shared = np.flatnonzero(np.diff(starts) > 1)
    pairs = [
        first * len(values) + second
        for start, end in zip(starts[shared], starts[shared + 1], strict=True)
        for first, second in _pairs_to_compare(order[start:end].tolist())
    ]
    return np.array(pairs, dtype=np.int64)


def _pairs_to_compare(bucket: list[int]) -> Iterator[tuple[int, int]]:
    if len(bucket) <= MAX_PAIRWISE_BUCKET:
        yield from combinations(bucket, 2)
        return
    yield from ((bucket[0], other) for other in bucket[1:])
    yield from zip(bucket[1:], bucket[2:], strict=False)
