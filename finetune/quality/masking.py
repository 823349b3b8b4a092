"""Masking of personal data in shown texts."""

from __future__ import annotations

from core.texts.personal_data import replaced


def masked(text: str) -> str:
    """The text with personal data shortened to a few characters, which help to find the row.

    >>> masked("IBAN DE89 3704 0044 0532 0130 00 of jo@example.org, 020 7946 0958")
    'IBAN DE… of j…@example.org, …58'
    """
    return replaced(text, _mask)


def _mask(kind: str, secret: str) -> str:
    if kind == "e-mail address":
        return f"{secret[0]}…@{secret.rpartition('@')[2]}"
    return f"{secret[:2]}…" if kind == "bank account (IBAN)" else f"…{secret[-2:]}"
