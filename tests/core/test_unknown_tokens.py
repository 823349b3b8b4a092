"""Which ids stand for no part of a text, for each kind of tokenizer."""

from __future__ import annotations

from tokenizers import Tokenizer, models, pre_tokenizers

from core.engine import _empty_ids


def test_word_pieces() -> None:
    tokenizer = Tokenizer(models.WordPiece({"[UNK]": 0, "[CLS]": 1, "a": 2}, unk_token="[UNK]"))
    tokenizer.add_special_tokens(["[CLS]"])
    assert _empty_ids(tokenizer) == {0, 1}


def test_unigrams() -> None:
    tokenizer = Tokenizer(models.Unigram([("<s>", 0.0), ("a", -1.0), ("\u2581", -2.0), ("<unk>", -9.0)], 3))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.add_special_tokens(["<s>"])
    assert _empty_ids(tokenizer) == {0, 2, 3}
    assert _empty_ids(tokenizer).issuperset(tokenizer.encode("\U0001f642 \U0001f642").ids)
    assert not _empty_ids(tokenizer).issuperset(tokenizer.encode("\U0001f642 a").ids)


def test_bytes_are_always_known() -> None:
    assert _empty_ids(Tokenizer(models.BPE({"a": 0}, []))) == frozenset()
