"""A change of the champion in words, from what the ledger keeps of it."""

from __future__ import annotations

ROLLED_BACK = "Rolled back"
"""The reason of each roll back begins so, whoever asked for it."""
NOT_LOADED = "Version "
"""How the reason of a change begins that a server made, since it could not load the version."""


def is_roll_back(*, promoted: bool, previous: str | None, reason: str) -> bool:
    """Whether a version came back by a roll back from `previous`."""
    return promoted and previous is not None and reason.startswith(ROLLED_BACK)


def change_words(version: str, previous: str | None, *, promoted: bool, reason: str) -> str:
    """
    >>> change_words("1", "2", promoted=True, reason="Rolled back on the page.")
    'version 2 rolled back to version 1'
    >>> change_words("2", "1", promoted=True, reason="Better."), change_words("3", "2", promoted=False, reason="Worse.")
    ('version 2 promoted', 'version 3 refused')
    """
    if is_roll_back(promoted=promoted, previous=previous, reason=reason):
        return f"version {previous} rolled back to version {version}"
    return f"version {version} {'promoted' if promoted else 'refused'}"
