"""Durations such as 90s or 10m."""

from __future__ import annotations

import re

from core.errors import InvalidDuration

DAYS_FROM_H = 48
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

    >>> in_words(8.4), in_words(95), in_words(7500), in_words(200000)
    ('8 s', '2 min', '2 h 5 min', '2 d 7 h')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h {minutes % 60} min" if hours < DAYS_FROM_H else f"{hours // 24} d {hours % 24} h"
