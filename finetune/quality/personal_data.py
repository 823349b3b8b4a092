"""Patterns of personal data in texts: e-mail addresses, phone, card and bank account numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.)+[A-Za-z]{2,24}\b")
IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b", re.IGNORECASE)
CARD = re.compile(r"(?<![\d+])(?<!\d[.-])\d(?:[ -]?\d){12,18}(?![\d])")
# A plus and a country, a leading zero, or groups as they are written in North America: a bare number
# without any of them is more often an order or an amount.
PHONE = re.compile(
    r"(?<![\w+.,/-])(?:\+\d{1,3}[ .-]?(?:\(0?\d{1,4}\)[ .-]?)?\d(?:[ ./-]?\d){6,12}"
    r"|\(?0\d{1,4}\)?(?:[ ./-]?\d){6,10}"
    r"|(?:1[ .-])?\(?[2-9]\d{2}\)?[ .-]\d{3}[ .-]\d{4})(?![\w]|[.,/-]\d)"
)
_DATE = re.compile(r"0?\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d{2})\b")


@dataclass(frozen=True)
class PersonalData:
    """A piece of a text, `start` to `end`, and what kind of personal data it looks like."""

    kind: str
    start: int
    end: int


def personal_data(text: str) -> list[PersonalData]:
    """What looks like personal data, in the order of the text, no two overlapping.

    >>> [found.kind for found in personal_data("Card 4111 1111 1111 1111, call +44 20 7946 0958")]
    ['card number', 'phone number']
    """
    found: list[PersonalData] = []
    for kind, pattern, is_one in _KINDS:
        for match in pattern.finditer(text):
            free = all(match.end() <= other.start or match.start() >= other.end for other in found)
            if free and is_one(match.group()):
                found.append(PersonalData(kind, match.start(), match.end()))
    return sorted(found, key=lambda item: item.start)


def masked(text: str) -> str:
    """The text with nothing left of each piece of personal data but what tells its kind.

    >>> masked("IBAN DE89 3704 0044 0532 0130 00 of jo@example.org, 020 7946 0958")
    'IBAN DE… of j…@example.org, …58'
    """
    return "".join(_pieces(text))


def _pieces(text: str) -> Iterator[str]:
    end = 0
    for found in personal_data(text):
        yield text[end : found.start]
        yield _mask(found.kind, text[found.start : found.end])
        end = found.end
    yield text[end:]


def _mask(kind: str, secret: str) -> str:
    if kind == "e-mail address":
        return f"{secret[0]}…@{secret.rpartition('@')[2]}"
    return f"{secret[:2]}…" if kind == "bank account (IBAN)" else f"…{secret[-2:]}"


def is_card_number(text: str) -> bool:
    """13 to 19 digits that pass Luhn's checksum (ISO/IEC 7812-1) and begin as an issuer's do.

    >>> is_card_number("4111-1111-1111-1111"), is_card_number("4111-1111-1111-1112")
    (True, False)
    """
    digits = [int(character) for character in text if character.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return 13 <= len(digits) <= 19 and digits[0] in range(2, 7) and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def is_iban(text: str) -> bool:
    """15 to 34 characters whose check digits hold (ISO 13616, modulo 97).

    >>> is_iban("GB82 WEST 1234 5698 7654 32"), is_iban("GB82 WEST 1234 5698 7654 33")
    (True, False)
    """
    compact = text.replace(" ", "").upper()
    if not 15 <= len(compact) <= 34:
        return False
    return int("".join(str(int(character, 36)) for character in compact[4:] + compact[:4])) % 97 == 1


def _is_phone(text: str) -> bool:
    return 8 <= sum(character.isdigit() for character in text) <= 15 and not _DATE.fullmatch(text)


def _always(text: str) -> bool:
    return True


_KINDS: tuple[tuple[str, re.Pattern[str], Callable[[str], bool]], ...] = (
    ("e-mail address", EMAIL, _always),
    ("bank account (IBAN)", IBAN, is_iban),
    ("card number", CARD, is_card_number),
    ("phone number", PHONE, _is_phone),
)
