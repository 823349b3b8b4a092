"""Words that set texts apart, by log-odds with an informative prior; any language, no list of stop words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from math import log, sqrt

from core.texts.form import TextForm
from core.texts.summary import MIN_TEXTS, word_hash

PRIOR = 0.1
"""Weight of the prior, in words of the smaller side for each of its words."""


def names_of(forms: Iterable[TextForm]) -> dict[int, str]:
    """The words of the texts by their hashes."""
    return {word_hash(word): word for word in dict.fromkeys(word for form in forms for word in form.words)}


def counted(hashed: Iterable[frozenset[int]]) -> Counter[int]:
    return Counter(key for keys in hashed for key in keys)


def log_odds(one: Counter[int], other: Counter[int], keys: Iterable[int]) -> dict[int, float]:
    """Standard scores of the words' log-odds between two sides (Monroe, Colaresi & Quinn 2008, equation 22).

    The prior is the frequency of the word on both sides. Positive: more frequent in `one`.

    >>> scores = log_odds(Counter({1: 9, 2: 9}), Counter({2: 90}), [1, 2])
    >>> scores[1] > 2 > 0 > scores[2]
    True
    """
    totals = one.total(), other.total()
    both = sum(totals)
    if not both:
        return {}
    scale = PRIOR * min(filter(None, totals), default=0) / both
    scores = {}
    for key in keys:
        prior = scale * (one[key] + other[key]) or 1e-9
        odds = [
            _log_odds(side[key] + prior, total + scale * both) for side, total in zip((one, other), totals, strict=True)
        ]
        scores[key] = (odds[0] - odds[1]) / sqrt(1 / (one[key] + prior) + 1 / (other[key] + prior))
    return scores


def _log_odds(count: float, total: float) -> float:
    return log(count / max(total - count, 1e-9))


def setting_apart(
    texts: Sequence[frozenset[int]], others: Counter[int], names: dict[int, str], *, most: int
) -> list[str]:
    """Words in at least `MIN_TEXTS` of the texts that are most typical of them beside the others."""
    counts = counted(texts)
    frequent = [key for key, count in counts.items() if count >= MIN_TEXTS]
    scores = log_odds(counts, others, frequent)
    ranked = sorted((key for key in frequent if scores[key] > 1.96), key=lambda key: (-scores[key], names[key]))
    return [names[key] for key in ranked[:most]]
