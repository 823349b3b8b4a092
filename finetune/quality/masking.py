"""Personal data as it may be shown: enough to find the row by, too little to guess from."""

from __future__ import annotations

from core.personal_data import replaced


def masked(text: str) -> str:
    """The text with nothing left of each piece of personal data but what tells its kind.

    >>> masked("IBAN DE89 3704 0044 0532 0130 00 of jo@example.org, 020 7946 0958")
    'IBAN DE… of j…@example.org, …58'
    """
    return replaced(text, _mask)


def _mask(kind: str, secret: str) -> str:
    if kind == "e-mail address":
        return f"{secret[0]}…@{secret.rpartition('@')[2]}"
    return f"{secret[:2]}…" if kind == "bank account (IBAN)" else f"…{secret[-2:]}"
