"""The characters of tokens, by tokenizers of each kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.engine import Engine, TokenSpan
from core.errors import InputDoesNotFit
from tests.tasks import TaskFiles


def test_each_token_has_its_characters(tiny_package: Path) -> None:
    engine = Engine(tiny_package, threads=1)
    text = "My  Invoice, crash"
    encoded, spans = engine.encode_with_spans(text)
    assert encoded == engine.encode([text])[0]
    assert (spans[0], spans[-1]) == (None, None)
    assert [text[span.start : span.end] for span in spans if span] == ["My", "Invoice", ",", "crash"]


def test_tokens_of_a_truncated_text_are_those_that_are_read(tiny_package: Path) -> None:
    engine = Engine(tiny_package, threads=1)
    encoded, spans = engine.encode_with_spans("invoice " * 60)
    assert encoded.truncated
    assert len(spans) == encoded.tokens == engine.facts.max_length
    assert max(span.end for span in spans if span) < 60 * len("invoice ")


def test_tokens_of_a_pair_say_which_text_they_are_of(paired: TaskFiles) -> None:
    engine = Engine(paired.package, threads=1)
    _, spans = engine.encode_with_spans(("my invoice", "a crash"))
    assert [span for span in spans if span] == [
        TokenSpan(0, 0, 2),
        TokenSpan(0, 3, 10),
        TokenSpan(1, 0, 1),
        TokenSpan(1, 2, 7),
    ]
    with pytest.raises(InputDoesNotFit):
        engine.encode_with_spans("my invoice")
