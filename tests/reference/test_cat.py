"""Adapters into one, in the second implementation: what the result adds is what its parents add, and every refusal."""

import json

import numpy as np
import pytest
from reference.examples import BASE, ONE, TWO, floats, model, recipe, tensor
from reference.second import files, read_file

PREFIX = "base_model.model."
SAID = {"peft_type": "LORA", "r": 2, "lora_alpha": 3, "base_model_name_or_path": "a/base"}


def pair(module, seed, shape=(4, 3), r=2, stored="F32"):
    """The factors of a module, of small numbers in eighths."""
    random = np.random.Generator(np.random.PCG64(seed))
    a, b = (np.round(random.normal(size=s) * 8) / 8 for s in ((r, shape[1]), (shape[0], r)))
    return {f"{module}.lora_A.weight": tensor(a, stored), f"{module}.lora_B.weight": tensor(b, stored)}


def parents(one="1", two="1"):
    """A recipe of two adapters with their weights."""
    return recipe("cat", (ONE, {"weight": one}), (TWO, {"weight": two}))


@pytest.fixture
def join(tmp_path):
    """Make one adapter of two, each given as its tensors and what its config says beyond `SAID`."""

    def run(made, one, two, base=None):
        folders = {}
        for artifact, (held, said) in {ONE: one, TWO: two}.items():
            folder = tmp_path / str(len(list(tmp_path.iterdir())))
            model(folder, {f"{PREFIX}{name}": stored for name, stored in held.items()}, "{}")
            (folder / "adapter_config.json").write_text(json.dumps(SAID | said))
            folders[artifact] = folder
        if base is not None:
            folders[BASE] = model(tmp_path / str(len(list(tmp_path.iterdir()))), base)
            made = made | {"base": BASE}
        out = files(made, folders)
        assert sorted(out) == ["adapter_config.json", "adapter_model.safetensors"]
        (tmp_path / "out").write_bytes(out["adapter_model.safetensors"])
        return read_file(tmp_path / "out"), json.loads(out["adapter_config.json"])

    return run


def matrix(stored):
    """A tensor as a matrix."""
    shape = getattr(stored, "shape", None) or stored[1]
    values = floats(stored) if hasattr(stored, "shape") else np.frombuffer(stored[2], "<f4")
    return np.reshape(values, shape)


def test_the_result_adds_what_its_parents_add(join):
    one, two = pair("l.0.q", 1), pair("l.0.q", 2, r=3) | pair("k", 3, r=3)
    said = {"r": 3, "alpha_pattern": {"q": 12}, "lora_alpha": 6, "use_rslora": False}
    held, config = join(parents("0.5", "-1"), (one, {}), (two, said))

    def change(tensors, module):
        return matrix(tensors[f"{module}.lora_B.weight"]) @ matrix(tensors[f"{module}.lora_A.weight"])

    named = {name.removeprefix(PREFIX): stored for name, stored in held.items()}
    want = 0.5 * 1.5 * change(one, "l.0.q") - 4 * change(two, "l.0.q")
    assert np.allclose(change(named, "l.0.q"), want)
    assert np.allclose(change(named, "k"), -2 * change(two, "k"))
    assert list(held) == sorted(held)
    assert config == {
        "alpha_pattern": {"^k": 3},
        "base_model_name_or_path": "a/base",
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
        "init_lora_weights": True,
        "lora_alpha": 5,  # both ranks occur once: the larger
        "peft_type": "LORA",
        "r": 5,
        "rank_pattern": {"^k": 3},
        "target_modules": ["k", "l.0.q"],
        "use_rslora": False,
    }


def test_factors_side_by_side(join):
    one = {"q.lora_A.weight": tensor([[1.0, 2.0]]), "q.lora_B.weight": tensor([[3.0], [-0.0]])}
    two = {"q.lora_A.weight": tensor([[5.0, 6.0]], "BF16"), "q.lora_B.weight": tensor([[7.0], [8.0]], "F64")}
    held, _ = join(parents("2", "1"), (one, {"r": 1}), (two, {"r": 1, "lora_alpha": 0.5}))
    a, b = (held[f"{PREFIX}q.lora_{factor}.weight"] for factor in "AB")
    assert (a.dtype, a.shape, floats(a)) == ("F32", (2, 2), [6, 12, 2.5, 3])
    assert (b.dtype, b.shape, floats(b)) == ("F32", (2, 2), [3, 7, 0, 8])
    assert b.data[8:12] == bytes(4)  # +0.0 is added to what is computed
    held, config = join(parents("2", "0"), (one, {"r": 1}), (two, {"r": 1}))
    assert floats(held[f"{PREFIX}q.lora_A.weight"]) == [6, 12]
    assert config["r"] == 1


def test_weights_are_asked_of_the_models_names(join):
    both = pair("l.0.q", 1) | pair("l.1.q", 2)
    rules = [{"contains": "lora", "value": "0"}, {"by_layer": ["0", "1"], "value": "5"}]
    held, config = join(parents(rules, rules), (both, {}), (both, {}))
    assert config["target_modules"] == ["l.1.q"]
    assert len(held) == 2
    with pytest.raises(ValueError, match="layer 2"):
        join(parents(rules, "1"), (both, {}), (pair("l.2.q", 3), {}))
    with pytest.raises(ValueError, match="no pair"):
        join(parents("0", "0"), (both, {}), (both, {}))


def test_replaced_tensors(join):
    norm, said = {"norm.weight": tensor([1.0, 2.0])}, {"modules_to_save": ["rm", "head"]}
    q = pair("q", 1)
    held, config = join(parents(), (q | norm, said), (q | norm, {"modules_to_save": ["norm"]}))
    assert floats(held[f"{PREFIX}norm.weight"]) == [1, 2]
    assert config["modules_to_save"] == ["norm", "rm"]
    for other in ({}, {"norm.weight": tensor([1.0, 3.0])}, {"norm.weight": tensor([1.0, 2.0], "F16")}):
        with pytest.raises(ValueError, match="replace"):
            join(parents(), (q | norm, said), (q | other, said))
    rules = [{"contains": "norm", "value": "0"}, {"value": "1"}]
    held, _ = join(parents("1", rules), (q | norm, said), (q, {}))
    assert floats(held[f"{PREFIX}norm.weight"]) == [1, 2]
    _, config = join(parents(rules, rules), (q | norm, said), (q, {}))
    assert "modules_to_save" not in config
    # what the base holds itself is no replacement
    base = {"q.weight": tensor(np.ones((4, 3))), "norm.weight": tensor([1.0, 2.0])}
    held, config = join(parents(), (q | norm, {}), (q, {}), base=base)
    assert len(held) == 2


Q = (pair("q", 1), {})


@pytest.mark.parametrize(
    "other",
    [
        (pair("q", 2), {"base_model_name_or_path": "b/base"}),
        (pair("q", 2), {"revision": "1"}),
        (pair("q", 2), {"fan_in_fan_out": True}),
        (pair("q", 2, (5, 3)), {}),
        (pair("q", 2, (4, 2)), {}),
        (pair("q", 2, r=3), {}),
        (pair("model.q", 2), {}),
        (pair("n-", 2) | pair("m-", 2, r=1), {"rank_pattern": {"m.": 1}}),
        (
            {
                name.replace("A.weight", "embedding_A").replace("B.weight", "embedding_B"): stored
                for name, stored in pair("q", 2).items()
            },
            {},
        ),
        ({"q.lora_A.weight": tensor([[1.0, 2.0, 3.0]] * 2)}, {}),
        ({"x": tensor([1.0])}, {}),
        ({}, {}),
        (pair("q", 2), {"use_dora": True}),
        (pair("q", 2), {"peft_type": None}),
        (pair("q", 2), {"r": 2.0}),
        (pair("q", 2), {"rank_pattern": {"x": 0}}),
    ],
    ids=lambda other: f"{sorted(other[0])} {other[1]}",
)
def test_adapters_that_are_not_made_into_one(join, other):
    join(parents(), Q, Q)
    with pytest.raises(ValueError, match=r"."):
        join(parents(), Q, other)


def test_recipes_of_adapters(join):
    base = {"q.weight": tensor(np.ones((4, 3)))}
    join(parents(), Q, (pair("q", 2), {"base_model_name_or_path": "b/base", "revision": "x"}), base=base)
    for bad in ({"x.weight": base["q.weight"]}, {"q.weight": tensor(np.ones((4, 2)))}):
        with pytest.raises(ValueError, match="q"):
            join(parents("0", "1"), Q, Q, base=bad)
    for change in (
        {"base": ONE},
        {"seed": "1"},
        {"slices": [{"count": "1", "sources": [{"parent": "0", "first": "0"}]}]},
    ):
        with pytest.raises(ValueError, match=r"."):
            join(parents() | change, Q, Q)
    made = parents()
    made["parents"][0] |= {"adapter": TWO, "scale": "1"}
    with pytest.raises(ValueError, match="members"):
        join(made, Q, Q)
