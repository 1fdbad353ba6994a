"""What may change places in a model: the function stays, for every architecture that is said to be known."""

import numpy as np
import pytest
from aligning import answers, model, ordered, shuffled, weights

from merger.symmetry import FAMILIES, symmetries
from signing.errors import Malformed

SHAPES = {
    f"model.layers.0.{name}.weight": shape
    for name, shape in {
        "mlp.gate_proj": (6, 4),
        "mlp.up_proj": (6, 4),
        "mlp.down_proj": (4, 6),
        "self_attn.q_proj": (8, 4),
        "self_attn.k_proj": (4, 4),
        "self_attn.v_proj": (4, 4),
        "self_attn.o_proj": (4, 8),
        "input_layernorm": (4,),
    }.items()
}
CONFIG = {"model_type": "llama", "num_attention_heads": 4, "num_key_value_heads": 2}


@pytest.mark.parametrize("kind", sorted(FAMILIES))
def test_a_model_computes_the_same_in_any_order(kind):
    made = model(kind)
    held = weights(made)
    found = symmetries(made.config.to_dict(), {name: x.shape for name, x in held.items()})
    moved = ordered(held, found, shuffled(found, 5))

    assert {one.units for one in found} == (
        {20, 3} if "num_key_value_heads" in made.config.to_dict() else {20, 6}
    )
    assert sum(not np.array_equal(moved[name], held[name]) for name in held) == len(
        {axis.tensor for one in found for axis in one.axes}
    )
    first, second = answers(made, held), answers(made, moved)
    assert np.abs(first).max() > 0.1
    np.testing.assert_allclose(second, first, rtol=2e-4, atol=2e-5)


def test_heads_that_share_keys_move_with_them():
    (_, heads) = symmetries(CONFIG, SHAPES)
    assert (heads.name, heads.units, heads.parts) == ("model.layers.0.self_attn", 2, 2)
    by_name = {axis.tensor.split(".")[-2]: axis for axis in heads.axes}
    assert (by_name["q_proj"].width, by_name["q_proj"].parts) == (2, 2)
    assert (by_name["k_proj"].width, by_name["k_proj"].parts) == (2, 1)
    assert (by_name["o_proj"].axis, by_name["o_proj"].unit) == (1, 4)


@pytest.mark.parametrize(
    ("config", "shapes", "said"),
    [
        ({"model_type": "mamba"}, {}, "model_type 'mamba'; known are bert"),
        ({"model_type": None}, {}, "model_type None"),
        ({}, {"lm_head.weight": (2, 2)}, "a llama without any tensor of a layer"),
        ({}, {"model.layers.0.mlp.experts": (2,)}, "layers.0.mlp.experts: no llama is known to have it"),
        ({}, {"model.layers.1.input_layernorm.weight": (4,)}, "layers.1.mlp.gate_proj.weight is missing"),
        ({}, {"model.layers.0.mlp.up_proj.weight": (5, 4)}, "shape [5, 4]; 6 are expected along axis 0"),
        ({}, {"model.layers.0.mlp.gate_proj.weight": (6,)}, "shape [6]; a matrix is expected"),
        ({"num_attention_heads": 3}, {}, "3 attention heads do not share 2 heads of keys"),
        ({"num_attention_heads": 6}, {}, "8 rows for 6 attention heads"),
        ({"num_attention_heads": "4"}, {}, "num_attention_heads is '4'"),
        ({"num_key_value_heads": 4}, {}, "k_proj.weight has the shape [4, 4]; 8 are expected"),
        (
            {"model_type": "qwen3"},
            {"model.layers.0.self_attn.q_norm.weight": (8,)},
            "q_norm.weight has the shape [8]; it is known with [2] only",
        ),
    ],
)
def test_what_is_not_known_is_refused_by_name(config, shapes, said):
    layers = {} if "lm_head.weight" in shapes else SHAPES
    with pytest.raises(Malformed) as refused:
        symmetries(CONFIG | config, layers | shapes)
    assert said in str(refused.value)
