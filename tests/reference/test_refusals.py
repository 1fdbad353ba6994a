"""What the second implementation refuses: recipes that are none, and models that do not fit."""

import pytest
from reference.examples import BASE, ONE, recipe, tensor

GOOD = recipe("ties", (ONE, {"weight": "1", "density": "0.5"}), base=BASE)


@pytest.mark.parametrize(
    "change",
    [
        {"arithmetic": "2"},
        {"method": "sum"},
        {"extra": 1},
        {"seed": "1"},
        {"dtype": "fp16"},
        {"out_dtype": None},
        {"tokenizer": "x"},
        {"license": 1},
        {"shard_bytes": 5},
        {"allow_nonfinite": "true"},
        {"parents": [{"model": ONE, "parameters": {"weight": "1"}}]},
        {"parents": [{"model": ONE, "parameters": {"weight": "1", "density": "0"}}]},
        {"parents": [{"model": ONE, "parameters": {"weight": "1", "density": "1.1"}}]},
        {
            "parents": [{"model": ONE, "parameters": {"weight": "1", "density": [{"value": "1"}]}}],
            "parameters": {"scope": "model"},
        },
        {"parameters": {"normalize": True}},
        {"parameters": {"scope": "all"}},
        *(
            {"parameters": {"lambda": bad}}
            for bad in (1, "+1", "01", "1.0", "1e3", ".5", "1.", "-0", "", "\u0661", [])
        ),
        {"parameters": {"lambda": [{"value": "1"}, {"contains": "x", "value": "1"}]}},
        {"parameters": {"lambda": [{"value": "1", "else": "1"}]}},
    ],
    ids=str,
)
def test_what_is_no_recipe(merge, change):
    models = {"base": {"w": tensor([1.0])}, "one": {"w": tensor([2.0])}}
    merge(GOOD, **models)
    changed = GOOD | change
    if "parameters" in change:
        changed["parameters"] = GOOD["parameters"] | change["parameters"]
    with pytest.raises(ValueError, match=r"."):
        merge(changed, **models)


def test_everything_is_written_out(merge):
    models = {"base": {"w": tensor([1.0])}, "one": {"w": tensor([2.0])}}
    for member in ("shard_bytes", "allow_nonfinite", "parameters", "parents"):
        with pytest.raises(ValueError, match="lacks"):
            merge({name: value for name, value in GOOD.items() if name != member}, **models)
    for name in GOOD["parameters"]:
        left = {key: value for key, value in GOOD["parameters"].items() if key != name}
        with pytest.raises(ValueError, match="exactly the parameters"):
            merge(GOOD | {"parameters": left}, **models)


def test_models_that_do_not_fit(merge):
    for other in ({"v": tensor([1.0])}, {"w": tensor([[1.0]])}, {}):
        with pytest.raises(ValueError, match=r"tensor '[vw]'|no tensors"):
            merge(GOOD, base={"w": tensor([1.0])}, one=other)
