"""The contract of every encoder family, tested on random models of two layers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from finetune.encoders.architecture import FAMILIES as SUPPORTED
from finetune.encoders.base_models import BaseModel, facts_of, find_base_model
from finetune.encoders.encoder import Encoder, TextTokenizer, embed, load_encoder, load_tokenizer, supports_bfloat16
from tests.families import FAMILIES, POSITIONS

Folders = Callable[[str], Path]

TEXTS = ["refund my invoice", "the card was charged twice this week, please explain how", "crash"]
PAIRS = [("refund my invoice", "payment"), ("crash", "where is the setting on my phone")]


@pytest.fixture(scope="module", params=sorted(FAMILIES))
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def base(family: str, family_folder: Folders) -> BaseModel:
    return find_base_model(str(family_folder(family)))


@pytest.fixture(scope="module")
def encoder(base: BaseModel) -> Encoder:
    return load_encoder(base)


@pytest.fixture(scope="module")
def tokenizer(base: BaseModel) -> TextTokenizer:
    return load_tokenizer(base.name, base.folder, 10_000)


def test_every_supported_family_is_tested() -> None:
    assert sorted(SUPPORTED) == sorted(FAMILIES)


def test_embeddings_are_distinct_unit_vectors(encoder: Encoder, tokenizer: TextTokenizer) -> None:
    embeddings = embed(encoder, tokenizer, TEXTS)
    assert embeddings.shape == (3, encoder.width)
    assert embeddings.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-5)
    assert np.abs(embeddings[0] - embeddings[2]).max() > 0.01


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_embedding_does_not_depend_on_longer_texts_in_the_batch(
    encoder: Encoder, tokenizer: TextTokenizer, pooling: str
) -> None:
    pooled = Encoder(encoder.transformer, pooling)  # type: ignore[arg-type]  # both are poolings
    rows = tokenizer.encode(TEXTS)
    with torch.inference_mode():
        together = pooled(tokenizer.batch(rows))
        alone = torch.cat([pooled(tokenizer.batch([row])) for row in rows])
    torch.testing.assert_close(alone, together, atol=1e-5, rtol=0)


def test_embedding_of_a_pair_depends_on_both_texts_and_their_order(encoder: Encoder, tokenizer: TextTokenizer) -> None:
    pairs = embed(encoder, tokenizer, PAIRS)
    swapped = embed(encoder, tokenizer, [(second, first) for first, second in PAIRS])
    first = embed(encoder, tokenizer, [first for first, _ in PAIRS])
    assert np.abs(pairs - first).max() > 0.01
    assert np.abs(pairs - swapped).max() > 1e-4


def test_padding_uses_the_padding_id_of_the_family(family: str, base: BaseModel, tokenizer: TextTokenizer) -> None:
    expected = Tokenizer.from_file(str(base.folder / "tokenizer.json")).token_to_id(FAMILIES[family].special["pad"])
    batch = tokenizer.batch(tokenizer.encode(TEXTS))
    assert set(batch["input_ids"][batch["attention_mask"] == 0].tolist()) == {expected}


def test_token_ids_equal_those_of_the_engine(base: BaseModel, tokenizer: TextTokenizer) -> None:
    plain = Tokenizer.from_file(str(base.folder / "tokenizer.json"))
    assert [row.ids for row in tokenizer.encode(TEXTS)] == [item.ids for item in plain.encode_batch(TEXTS)]
    assert tokenizer.lengths(PAIRS) == [len(item.ids) for item in plain.encode_batch(PAIRS)]


def test_texts_are_truncated_to_the_position_table(family: str, encoder: Encoder, tokenizer: TextTokenizer) -> None:
    assert tokenizer.max_length == POSITIONS - FAMILIES[family].offset
    assert embed(encoder, tokenizer, ["refund card " * 100]).shape == (1, encoder.width)
    assert len(tokenizer.encode(["refund card " * 100])[0].ids) == tokenizer.max_length


def test_token_types_are_passed_only_to_models_that_use_them(family: str, tokenizer: TextTokenizer) -> None:
    batch = tokenizer.batch(tokenizer.encode(PAIRS))
    assert ("token_type_ids" in batch) == FAMILIES[family].token_types
    if FAMILIES[family].token_types:
        assert set(batch["token_type_ids"].unique().tolist()) == {0, 1}


def test_every_parameter_gets_a_gradient(encoder: Encoder, tokenizer: TextTokenizer) -> None:
    encoder.zero_grad()
    embeddings = encoder(tokenizer.batch(tokenizer.encode([*TEXTS, "refund card " * 100])))
    (embeddings * torch.linspace(-1, 1, encoder.width)).sum().backward()
    without = [name for name, parameter in encoder.named_parameters() if parameter.grad is None]
    assert without == []


def test_dropout_is_active_in_training_mode_only(encoder: Encoder, tokenizer: TextTokenizer) -> None:
    batch = tokenizer.batch(tokenizer.encode(TEXTS))
    torch.manual_seed(0)
    with torch.no_grad():
        encoder.train()
        assert not torch.equal(encoder(batch), encoder(batch))
        encoder.eval()
        assert torch.equal(encoder(batch), encoder(batch))


def test_bfloat16_autocast_gives_similar_embeddings_and_finite_gradients(
    encoder: Encoder, tokenizer: TextTokenizer
) -> None:
    if not supports_bfloat16(encoder):
        pytest.skip("not supported: see the test below")
    encoder.zero_grad()
    batch = tokenizer.batch(tokenizer.encode(TEXTS))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        embeddings = encoder(batch)
    assert embeddings.dtype == torch.float32
    assert torch.nn.functional.cosine_similarity(embeddings, encoder(batch)).min() > 0.99
    (embeddings * torch.linspace(-1, 1, encoder.width)).sum().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in encoder.parameters() if parameter.grad is not None)


def test_bfloat16_still_fails_for_deberta(family_folder: Folders) -> None:
    base = find_base_model(str(family_folder("deberta")))
    encoder, tokenizer = load_encoder(base), load_tokenizer(base.name, base.folder, 32)
    assert not supports_bfloat16(encoder)
    with torch.autocast("cpu", dtype=torch.bfloat16), pytest.raises(RuntimeError, match="overflow"):
        encoder(tokenizer.batch(tokenizer.encode(TEXTS)))


def test_embeddings_are_the_same_after_saving_and_loading(
    base: BaseModel, encoder: Encoder, tokenizer: TextTokenizer, tmp_path: Path
) -> None:
    encoder.transformer.save_pretrained(tmp_path)
    tokenizer.tokenizer.save_pretrained(tmp_path)
    again = find_base_model(str(tmp_path))
    reloaded = load_tokenizer(again.name, again.folder, 10_000)
    assert reloaded.max_length == tokenizer.max_length
    for inputs in (TEXTS, PAIRS):
        before, after = (embed(*loaded, inputs) for loaded in ((encoder, tokenizer), (load_encoder(again), reloaded)))
        np.testing.assert_array_equal(before, after)


def test_facts_agree_with_the_loaded_model(family: str, base: BaseModel, encoder: Encoder) -> None:
    facts = facts_of(base)
    assert (facts.family, facts.hidden_size, facts.layers) == (family, 32, 2)
    assert facts.max_positions == POSITIONS - FAMILIES[family].offset
    assert facts.parameters >= sum(parameter.numel() for parameter in encoder.parameters())


def test_every_supported_family_is_documented() -> None:
    documentation = (Path(__file__).parents[3] / "docs" / "base-models.md").read_text(encoding="utf-8")
    assert [family for family in SUPPORTED if f"`{family}`" not in documentation] == []
