"""What an adapter's config and tensors mean is what PEFT means by them, or is refused by name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from applying import Applied, ints, matrix, planned
from making import make
from strategies import tensors

from merger import dialect
from merger.methods import METHODS
from merger.recipe import Recipe
from merger.seeds import mask_key
from merger.steps import Compute, Convert, Copy
from signing.errors import Malformed

MODEL = {"m.a.weight": ints((6, 4), 1), "m.b.weight": ints((4, 4), 2), "m.emb.weight": ints((9, 3), 3)}
A, B = ints((2, 4), 11), ints((6, 2), 12)
FACTORS = {"m.a.lora_A.weight": A, "m.a.lora_B.weight": B}


def test_scale_and_alpha_multiply_what_is_added(tmp_path: Path) -> None:
    applied = Applied(tmp_path, MODEL, FACTORS, lora_alpha=4)
    added = matrix(B) @ matrix(A)
    assert (applied.matrix("m.a.weight") == matrix(MODEL["m.a.weight"]) + 2 * added).all()
    assert (applied.matrix("m.a.weight", "-0.5") == matrix(MODEL["m.a.weight"]) - added).all()
    assert (applied.matrix("m.b.weight") == matrix(MODEL["m.b.weight"])).all()


def test_rank_and_alpha_follow_the_first_pattern_that_matches(tmp_path: Path) -> None:
    factors = FACTORS | {"m.b.lora_A.weight": ints((1, 4), 13), "m.b.lora_B.weight": ints((4, 1), 14)}
    applied = Applied(
        tmp_path, MODEL, factors, rank_pattern={"x.b": 7, "b": 1}, alpha_pattern={r"^m\.b": 8, "b": 1}
    )
    added = matrix(factors["m.b.lora_B.weight"]) @ matrix(factors["m.b.lora_A.weight"])
    assert (applied.matrix("m.b.weight") == matrix(MODEL["m.b.weight"]) + 8 * added).all()
    assert (applied.matrix("m.a.weight") == matrix(MODEL["m.a.weight"]) + 1.5 * (matrix(B) @ matrix(A))).all()


def test_rslora_divides_by_the_root_of_the_rank(tmp_path: Path) -> None:
    factors = {"m.a.lora_A.weight": ints((4, 4), 15), "m.a.lora_B.weight": ints((6, 4), 16)}
    applied = Applied(tmp_path, MODEL, factors, r=4, lora_alpha=8, use_rslora=True)
    added = matrix(factors["m.a.lora_B.weight"]) @ matrix(factors["m.a.lora_A.weight"])
    assert (applied.matrix("m.a.weight") == matrix(MODEL["m.a.weight"]) + 4 * added).all()


def test_fan_in_fan_out_and_embeddings_add_the_transpose(tmp_path: Path) -> None:
    factors = {
        "m.a.lora_A.weight": ints((2, 6), 17),
        "m.a.lora_B.weight": ints((4, 2), 18),
        "m.emb.lora_embedding_A": ints((2, 9), 19),
        "m.emb.lora_embedding_B": ints((3, 2), 20),
    }
    applied = Applied(tmp_path, MODEL, factors, lora_alpha=2, fan_in_fan_out=True)
    for module, ends in (
        ("m.a", (".lora_A.weight", ".lora_B.weight")),
        ("m.emb", (".lora_embedding_A", ".lora_embedding_B")),
    ):
        a, b = (matrix(factors[module + end]) for end in ends)
        assert (applied.matrix(f"{module}.weight") == matrix(MODEL[f"{module}.weight"]) + (b @ a).T).all()


def test_a_convolution_is_the_matrix_its_kernels_are(tmp_path: Path) -> None:
    model = {"conv.weight": ints((5, 3, 2, 2), 21)}
    factors = {"conv.lora_A.weight": ints((2, 3, 2, 2), 22), "conv.lora_B.weight": ints((5, 2, 1, 1), 23)}
    applied = Applied(tmp_path, model, factors, lora_alpha=2)
    a, b = (matrix(factors[f"conv.lora_{x}.weight"]) for x in "AB")
    added = np.einsum("or,rihw->oihw", b[:, :, 0, 0], a)
    assert (applied.matrix("conv.weight") == matrix(model["conv.weight"]) + added).all()


def test_a_module_that_was_saved_whole_replaces_the_models(tmp_path: Path) -> None:
    own = ints((9, 3), 24, "F16")
    applied = Applied(tmp_path, MODEL, FACTORS | {"m.emb.weight": own}, modules_to_save=["emb"])
    assert (applied.matrix("m.emb.weight") == matrix(own)).all()
    # The type is the model's own all the same, as it is where nothing is replaced.
    assert {one[0] for one in tensors(applied.files()).values()} == {"F32"}


def test_only_what_is_touched_is_computed(tmp_path: Path) -> None:
    applied = Applied(tmp_path, MODEL, FACTORS | {"m.b.weight": MODEL["m.b.weight"]}, modules_to_save=["b"])
    recipe = Recipe.of(applied.recipe().json_value() | {
        "method": "task_arithmetic", "base": applied.model, "parameters": {"lambda": "1", "normalize": False},
    })  # fmt: skip
    steps = {step.name: type(step) for step in planned(recipe, applied.folders).steps}
    assert steps == {"m.a.weight": Compute, "m.b.weight": Copy, "m.emb.weight": Copy}


def test_a_copy_of_an_effective_tensor_is_computed(tmp_path: Path) -> None:
    applied = Applied(tmp_path, MODEL, FACTORS)
    said = applied.recipe().json_value()
    parents = [{**said["parents"][0], "parameters": {}}, {"model": applied.model, "parameters": {}}]
    recipe = Recipe.of(said | {"method": "slerp", "parents": parents, "parameters": {"t": "0"}})
    steps = {step.name: step for step in planned(recipe, applied.folders).steps}
    assert isinstance(steps["m.a.weight"], Convert)
    assert isinstance(steps["m.b.weight"], Copy)
    assert tensors(make(recipe, applied.folders).files) == tensors(applied.files())


def test_a_mask_is_drawn_for_model_adapter_and_scale(tmp_path: Path) -> None:
    applied = Applied(tmp_path, MODEL, FACTORS)
    parent = {"model": applied.model, "parameters": {"weight": "1", "density": "0.5"}}
    own = {"adapter": applied.adapter, "scale": "0.5"}
    method = METHODS["dare_linear"]
    shared = {p.name: p.default for p in method.parameters if not p.per_parent}
    said = {
        "arithmetic": "1",
        "method": "dare_linear",
        "base": applied.model,
        "seed": "7",
        "parameters": shared,
    }
    recipe = Recipe.of(said | {"parents": [parent, parent | own, parent | own]})
    step = next(s for s in planned(recipe, applied.folders).steps if s.name == "m.a.weight")
    assert isinstance(step, Compute)
    reference = f"{applied.model}+{applied.adapter}@0.5"
    drawn = [(applied.model, 0), (reference, 0), (reference, 1)]
    assert step.keys == tuple(mask_key("7", "m.a.weight", one, n) for one, n in drawn)


@pytest.mark.parametrize(
    ("factors", "config", "said"),
    [
        ({}, {"peft_type": "LOHA"}, "peft_type is 'LOHA'; only LORA"),
        ({}, {"use_dora": True}, "use_dora is True, a kind of adapter that is not applied"),
        ({}, {"lora_bias": True}, "lora_bias is True"),
        ({}, {"target_parameters": ["experts.w"]}, "target_parameters is"),
        ({}, {"something_new": 3}, "something_new is 3"),
        ({}, {"bias": "all"}, "bias is 'all'; adapters that train biases are not applied"),
        (
            {},
            {"init_lora_weights": "pissa"},
            "init_lora_weights is 'pissa', which trains against a changed base",
        ),
        ({}, {"r": 0}, "r: input should be greater than or equal to 1, not 0"),
        ({}, {"r": 3}, r"A of .* is \(2, 4\) and B \(6, 2\), which are no factors of rank 3"),
        ({}, {"rank_pattern": {".*a": 2}}, r"the pattern '\.\*a' is not made of letters"),
        ({}, {"fan_in_fan_out": True}, r"m.a.weight of .* is \(6, 4\), but .* adds the transpose of B·A"),
        ({"m.a.lora_B.weight": None}, {}, "stands alone: lora_A.weight and lora_B.weight come in pairs"),
        ({"m.a.lora_magnitude_vector": A}, {}, "m.a.lora_magnitude_vector of .* is neither a factor"),
        ({"m.b.weight": ints((4, 4), 9)}, {}, "m.b.weight of .* is neither a factor"),
        ({"m.b.weight": A}, {"modules_to_save": ["b"]}, r"m.b.weight is \(2, 4\) in .* and \(4, 4\) in"),
        ({"m.x.weight": A}, {"modules_to_save": ["x"]}, "m.x.weight: the adapter .* has no such tensor"),
        ({"m.a.weight": ints((6, 4), 9)}, {"modules_to_save": ["a"]}, "changes it twice"),
        ({"m.a.lora_A.weight": ints((2, 5), 1)}, {}, r"adds B·A of \(6, 2\) and \(2, 5\) to it"),
        ({"m.a.lora_A.weight": ("I64", (2, 4), bytes(64))}, {}, "holds I64; only floats are added"),
    ],
)
def test_what_is_not_computed_exactly_is_refused_by_name(
    factors: Mapping[str, Any], config: dict[str, Any], said: str, tmp_path: Path
) -> None:
    given = {name: one for name, one in (FACTORS | factors).items() if one is not None}
    applied = Applied(tmp_path, MODEL, given, **config)
    with pytest.raises(Malformed, match=said):
        planned(applied.recipe(), applied.folders)


def test_factors_that_fill_the_memory_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("merger.sources.MOST_BYTES", 8 * (2 * 4 + 6 * 2) - 1)
    with pytest.raises(Malformed, match=r"m.a.weight: the factors of its adapters take 160 bytes in fp64"):
        planned((one := Applied(tmp_path, MODEL, FACTORS)).recipe(), one.folders)


def test_the_dialect_writes_a_model_with_its_adapter() -> None:
    text = "merge_method: linear\nmodels:\n- {model: you/a@1+you/lora@2, parameters: {weight: 1}}\n- {model: you/a@1, parameters: {weight: 1}}"
    (document,) = dialect.parse(text)
    assert document.references() == ("you/a@1", "you/lora@2")
    model, adapter = ("sha256:" + digit * 64 for digit in "12")
    recipe = document.compile({"you/a@1": model, "you/lora@2": adapter}, {}).recipe
    assert [one.reference for one in recipe.parents] == [f"{model}+{adapter}@1", model]
    assert recipe.artifacts() == (model, adapter)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"scale": None}, "a parent with adapter needs scale"),
        ({"adapter": None}, "a parent with scale needs adapter"),
        ({"scale": "1.0"}, "is no canonical decimal"),
        ({"adapter": "sha256:" + "1" * 64}, "is named as a model and as an adapter"),
    ],
)
def test_a_recipe_writes_adapter_and_scale_out(members: dict[str, str | None], said: str) -> None:
    parent = {"model": "sha256:" + "1" * 64, "adapter": "sha256:" + "2" * 64, "scale": "1"} | members
    parent = {name: value for name, value in parent.items() if value is not None}
    recipe = {"arithmetic": "1", "method": "linear", "parameters": {"normalize": True}}
    with pytest.raises(Malformed, match=said):
        Recipe.of(recipe | {"parents": [parent | {"parameters": {"weight": "1"}}]})
