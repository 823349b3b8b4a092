from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import BertConfig, BertModel, PreTrainedModel

from core.errors import UnusableBaseModel
from finetune.encoders.base_models import find_base_model
from finetune.encoders.depth import blocks, embeddings_of, linear_targets, transformer_depths
from finetune.encoders.encoder import load_encoder
from tests.families import FAMILIES

# ALBERT applies its one block twice.
BLOCKS = {family: 1 if family == "albert" else 2 for family in FAMILIES}


@pytest.fixture(scope="module", params=sorted(FAMILIES))
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def transformer(family: str, family_folder: Callable[[str], Path]) -> PreTrainedModel:
    return load_encoder(find_base_model(str(family_folder(family)))).transformer


def test_blocks_are_in_the_order_of_the_forward_pass(family: str, transformer: PreTrainedModel) -> None:
    found = blocks(transformer)
    calls: list[int] = []
    for index, block in enumerate(found):
        block.register_forward_hook(lambda *call, index=index: calls.append(index))
    transformer(**transformer.dummy_inputs)
    assert len(found) == BLOCKS[family]
    assert calls == ([0, 0] if family == "albert" else [0, 1])


def test_every_parameter_has_a_depth(family: str, transformer: PreTrainedModel) -> None:
    depths = transformer_depths(transformer)
    assert list(depths) == [name for name, _ in transformer.named_parameters()]
    top = BLOCKS[family] + 1
    assert set(depths.values()) == set(range(top + 1 if family == "modernbert" else top))


def test_depth_of_a_block_is_its_position(transformer: PreTrainedModel) -> None:
    named = {parameter: name for name, parameter in transformer.named_parameters()}
    depths = transformer_depths(transformer)
    for position, block in enumerate(blocks(transformer), 1):
        assert {depths[named[parameter]] for parameter in block.parameters()} == {position}


def test_depth_of_the_embeddings_is_zero(transformer: PreTrainedModel) -> None:
    depths = transformer_depths(transformer)
    of_embeddings = set(embeddings_of(transformer).parameters())
    assert of_embeddings
    assert {depths[name] for name, parameter in transformer.named_parameters() if parameter in of_embeddings} == {0}


@pytest.mark.parametrize(
    ("family", "name", "depth"),
    [
        ("deberta-v2", "encoder.rel_embeddings.weight", 0),
        ("deberta-v2", "encoder.LayerNorm.weight", 0),
        ("mpnet", "encoder.relative_attention_bias.weight", 0),
        ("electra", "embeddings_project.weight", 0),
        ("albert", "encoder.embedding_hidden_mapping_in.weight", 0),
        ("modernbert", "final_norm.weight", 3),
    ],
)
def test_depth_of_parameters_outside_the_blocks(
    family: str, name: str, depth: int, family_folder: Callable[[str], Path]
) -> None:
    assert transformer_depths(load_encoder(find_base_model(str(family_folder(family)))).transformer)[name] == depth


def test_linear_targets_are_the_layers_of_attention_and_mlp(family: str, transformer: PreTrainedModel) -> None:
    targets = linear_targets(transformer)
    modules = dict(transformer.named_modules())
    assert all(isinstance(modules[name], nn.Linear) for name in targets)
    expected = FAMILIES[family].linear.split()
    assert len(targets) == BLOCKS[family] * len(expected)
    assert {name for name in targets if any(name.endswith(f".{suffix}") for suffix in expected)} == set(targets)


def test_unknown_structure_is_refused() -> None:
    config = BertConfig(vocab_size=8, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=8)
    transformer = BertModel(config)
    transformer.config.num_hidden_layers = 3
    with pytest.raises(UnusableBaseModel, match="no list of 3 blocks"):
        blocks(transformer)


# peft 0.21 uses a name that transformers 5.23 deprecates.
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_adapters_are_added_to_every_target_and_removed_by_merging(family: str, transformer: PreTrainedModel) -> None:
    plain = copy.deepcopy(transformer)
    targets = linear_targets(plain)
    names = list(plain.state_dict())
    adapted = get_peft_model(plain, LoraConfig(r=2, target_modules=targets))
    trained = [name for name, parameter in adapted.named_parameters() if parameter.requires_grad]
    assert len(trained) == 2 * len(targets)
    assert list(adapted.merge_and_unload().state_dict()) == names
