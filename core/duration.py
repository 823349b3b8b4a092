"""Durations such as 90s or 10m."""

from __future__ import annotations

import re

from core.errors import InvalidDuration

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds_of(text: str) -> float:
    """
    >>> seconds_of("90s"), seconds_of("10m"), seconds_of("1d")
    (90.0, 600.0, 86400.0)
    """
    match = re.fullmatch(r"(\d+)([smhd])", text)
    if not match:
        raise InvalidDuration(text)
    return float(int(match[1]) * _SECONDS[match[2]])


def in_words(seconds: float) -> str:
    """A duration for people, rounded.

    >>> in_words(8.4), in_words(95), in_words(7500)
    ('8 s', '2 min', '2 h 5 min')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
