"""Patterns of personal data in texts: addresses, phone, card and account numbers, URLs with credentials."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address

URL = re.compile(r"\b[a-z][a-z0-9+.-]{1,15}://\S+", re.IGNORECASE)
_SECRET = re.compile(
    r"[?&;#](?:\w{0,30}[_-])?(?:(?:access|auth|id)?token|(?:api)?key|secret|passw(?:or)?d|pwd|sig(?:nature)?)=",
    re.IGNORECASE,
)
EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.)+[A-Za-z]{2,24}\b")
IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b", re.IGNORECASE)
CARD = re.compile(r"(?<![\d+])(?<!\d[.-])\d(?:[ -]?\d){12,18}(?![\d])")
IP = re.compile(
    r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}(?![\w]|\.\d)|(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:]))", re.IGNORECASE
)
# With "+" and a country code, with a leading zero, or grouped as in North America: other numbers are more often order
# numbers or amounts.
PHONE = re.compile(
    r"(?<![\w+.,/-])(?:\+\d{1,3}[ .-]?(?:\(0?\d{1,4}\)[ .-]?)?\d(?:[ ./-]?\d){6,12}"
    r"|\(?0\d{1,4}\)?(?:[ ./-]?\d){6,10}"
    r"|(?:1[ .-])?\(?[2-9]\d{2}\)?[ .-]\d{3}[ .-]\d{4})(?![\w]|[.,/-]\d)"
)
_DATE = re.compile(r"0?\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d{2})\b")


@dataclass(frozen=True)
class PersonalData:
    """A part of a text, `start` to `end`, that looks like personal data of this kind."""

    kind: str
    start: int
    end: int


def personal_data(text: str) -> list[PersonalData]:
    """The parts that look like personal data, in the order of the text, without overlaps.

    >>> [found.kind for found in personal_data("Card 4111 1111 1111 1111, call +44 20 7946 0958")]
    ['card number', 'phone number']
    """
    found: list[PersonalData] = []
    taken = bytearray(len(text))
    for kind, sign, pattern, is_valid in _KINDS:
        # Most texts lack the sign, and searching for the sign takes a tenth of the pattern's time.
        for match in pattern.finditer(text) if sign.search(text) else ():
            start, end = match.span()
            if taken.find(1, start, end) < 0 and is_valid(match.group()):
                taken[start:end] = b"\x01" * (end - start)
                found.append(PersonalData(kind, start, end))
    return sorted(found, key=lambda item: item.start)


def redacted(text: str) -> str:
    """The text with a placeholder for each part that is personal data.

    >>> redacted("IBAN DE89 3704 0044 0532 0130 00 of jo@example.org, 020 7946 0958")
    'IBAN [IBAN] of [EMAIL], [PHONE]'
    """
    return replaced(text, lambda kind, _: PLACEHOLDERS[kind])


def replaced(text: str, by: Callable[[str, str], str]) -> str:
    """The text with `by(kind, part)` instead of each part that is personal data."""
    return "".join(_pieces(text, by))


def _pieces(text: str, by: Callable[[str, str], str]) -> Iterator[str]:
    end = 0
    for found in personal_data(text):
        yield text[end : found.start]
        yield by(found.kind, text[found.start : found.end])
        end = found.end
    yield text[end:]


def has_credentials(url: str) -> bool:
    """Whether a URL contains a user name, or a parameter such as a token.

    >>> has_credentials("https://jo:pw@example.org/"), has_credentials("https://example.org/?page=2&api_key=x")
    (True, True)
    >>> has_credentials("https://example.org/@jo?monkey=1")
    False
    """
    authority = re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[0]
    return "@" in authority or _SECRET.search(url) is not None


def is_card_number(text: str) -> bool:
    """Whether it is 13 to 19 digits that pass the Luhn checksum (ISO/IEC 7812-1) and begin with an issuer's digit.

    >>> is_card_number("4111-1111-1111-1111"), is_card_number("4111-1111-1111-1112")
    (True, False)
    """
    digits = [int(character) for character in text if character.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return 13 <= len(digits) <= 19 and digits[0] in range(2, 7) and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def is_iban(text: str) -> bool:
    """Whether it is 15 to 34 characters with right check digits (ISO 13616, modulo 97).

    >>> is_iban("GB82 WEST 1234 5698 7654 32"), is_iban("GB82 WEST 1234 5698 7654 33")
    (True, False)
    """
    compact = text.replace(" ", "").upper()
    # With IGNORECASE, [A-Z] also matches four letters that are not ASCII.
    if not (compact.isascii() and 15 <= len(compact) <= 34):
        return False
    return int("".join(str(int(character, 36)) for character in compact[4:] + compact[:4])) % 97 == 1


def is_ip_address(text: str) -> bool:
    """Whether it is an IPv4 address, or an IPv6 address with a digit: text such as a::b is more often source code.

    >>> is_ip_address("192.0.2.7"), is_ip_address("2001:db8::1"), is_ip_address("10:30:00"), is_ip_address("a::b")
    (True, True, False, False)
    """
    try:
        ip_address(text)
    except ValueError:
        return False
    return any(character.isdigit() for character in text)


def _is_phone(text: str) -> bool:
    return 8 <= sum(character.isdigit() for character in text) <= 15 and not _DATE.fullmatch(text)


def _always(text: str) -> bool:
    return True


_DIGIT, _AT, _SCHEME = re.compile(r"\d"), re.compile("@"), re.compile("://")
# The first matching kind is used: URLs come before e-mail addresses, which match the user and host of a URL.
_KINDS: tuple[tuple[str, re.Pattern[str], re.Pattern[str], Callable[[str], bool]], ...] = (
    ("URL with credentials", _SCHEME, URL, has_credentials),
    ("e-mail address", _AT, EMAIL, _always),
    ("bank account (IBAN)", _DIGIT, IBAN, is_iban),
    ("card number", _DIGIT, CARD, is_card_number),
    ("IP address", _DIGIT, IP, is_ip_address),
    ("phone number", _DIGIT, PHONE, _is_phone),
)
PLACEHOLDERS = {
    "URL with credentials": "[URL-WITH-CREDENTIALS]",
    "e-mail address": "[EMAIL]",
    "bank account (IBAN)": "[IBAN]",
    "card number": "[CARD]",
    "IP address": "[IP]",
    "phone number": "[PHONE]",
}
