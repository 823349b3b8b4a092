from __future__ import annotations

import time

import pytest

from core.texts.personal_data import personal_data, redacted


def kinds(text: str) -> list[str]:
    return [found.kind for found in personal_data(text)]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("mail o'neil+x@mail.example.co.uk now", "e-mail address"),
        ("call 555-867-5309 today", "phone number"),
        ("call (555) 867-5309 today", "phone number"),
        ("tel. 089/1234567", "phone number"),
        ("text 07700 900123", "phone number"),
        ("+1 212 555 0147", "phone number"),
        ("card 5500005555555559.", "card number"),
        ("amex 3782 822463 10005", "card number"),
        ("to NL91ABNA0417164300 please", "bank account (IBAN)"),
        ("to fr14 2004 1010 0505 0001 3m02 606", "bank account (IBAN)"),
        ("from 192.0.2.17:8080", "IP address"),
        ("from 2001:db8::17.", "IP address"),
        ("at https://jo:secret@example.org/inbox", "URL with credentials"),
        ("at https://example.org/inbox?page=2&access_token=abc", "URL with credentials"),
    ],
)
def test_personal_data_is_recognised(text: str, kind: str) -> None:
    assert kinds(text) == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "order 4711 of 2024-05-17 at 10:30",
        "on 05.11.2024 or 5/11/24",
        "card 4111 1111 1111 1112 fails the checksum",
        "GB82 WEST 1234 5698 7654 33 does, too",
        "\u212ab82 WEST 1234 5698 7654 32 begins with the sign of Kelvin",
        "\u0130b82 WEST 1234 5698 7654 32 with a dotted capital",
        "ticket 123456789 and amount 1,234,567.89",
        "version 10.15.7 build 0123",
        "between 10 and 12 @ noon, see example.org",
        "1000000 people in 24 hours",
        "std::vector at 10:30:00",
        "https://example.org/@jo?monkey=1",
    ],
)
def test_other_numbers_are_not_personal_data(text: str) -> None:
    assert kinds(text) == []
    assert redacted(text) == text


def test_each_part_is_replaced_by_a_placeholder_of_its_kind() -> None:
    text = (
        "jo@example.org, 4111 1111 1111 1111, 020 7946 0958, 192.0.2.17 and https://a:b@example.org/x?y=jo@example.org"
    )
    assert redacted(text) == "[EMAIL], [CARD], [PHONE], [IP] and [URL-WITH-CREDENTIALS]"


@pytest.mark.parametrize("part", ["1 ", "a@b.de ", "a://b? ", "?key=", "0000:", "4111111111111111 ", "a.b@c."])
def test_the_time_is_linear_in_the_length_of_the_text(part: str) -> None:
    """The recorder and the requests share one interpreter, which no text may block for long. In CPU time, which other
    work does not change; a quadratic pattern takes minutes.
    """
    started = time.thread_time()
    personal_data("a://" + part * (200_000 // len(part)))
    assert time.thread_time() - started < 2
