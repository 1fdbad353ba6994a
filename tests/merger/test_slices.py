"""Slices: layers of models put together, counted in names, shapes, configs and parameters; what does not fit is refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from filling import Model, values
from making import Made, add_all, floats, make, write_model
from strategies import MODELS, big, on_disk, tensors

from merger.card import card
from merger.methods import METHODS
from merger.recipe import Recipe
from signing.errors import Malformed

CONFIG = {"architectures": ["Tiny"], "model_type": "tiny", "hidden_size": 2}
HEAD = {"embed_tokens.weight": 0.25, "norm.weight": 0.5}


def model(
    folder: Path, shift: float, layers: int, config: dict[str, object] | None = None, **more: object
) -> Path:
    """Write a model whose layer i holds shift + i, so that a value says where it came from."""
    held = {f"model.layers.{i}.w": shift + i for i in range(layers)}
    held |= {f"model.{name}": shift + value for name, value in HEAD.items()}
    stored = {name: ("F32", (2,), floats([value, -value])) for name, value in held.items()}
    said = CONFIG | {"num_hidden_layers": layers} | (config or {})
    return write_model(folder, stored | more, said)


@pytest.fixture
def put():
    """Merge slices `(count, [(parent, first), …][, base_first])` of models written by `model`."""

    def run(
        method, slices, *folders: Path, base: Path | None = None, own=None, shared=None, **members
    ) -> Made:
        ids = add_all([*folders, *([base] if base else [])])
        by_folder = {folder: artifact for artifact, folder in ids.items()}
        parents = own or [{"scale": "1"} if method == "passthrough" else {"weight": "1"}] * len(folders)
        said = {
            "arithmetic": "1",
            "method": method,
            "parents": [
                {"model": by_folder[f], "parameters": p} for f, p in zip(folders, parents, strict=True)
            ],
            "parameters": shared or {},
            "slices": [
                {"count": str(count), "sources": [{"parent": str(p), "first": str(f)} for p, f in sources]}
                | ({"base_first": str(rest[0])} if rest else {})
                for count, sources, *rest in slices
            ],
            "allow_nonfinite": False,
        } | ({"base": by_folder[base]} if base else {})
        return make(Recipe.of(said | members), ids)

    return run


def firsts(made: Made) -> dict[str, float]:
    return {name: float(values(stored)[0]) for name, stored in tensors(made.files).items()}


def layers(made: Made) -> list[float]:
    found = firsts(made)
    return [found[f"model.layers.{i}.w"] for i in range(len(found) - len(HEAD))]


def test_a_frankenmerge_takes_layers_of_both_and_counts_them(put, tmp_path):
    one, other = model(tmp_path / "1", 10, 3), model(tmp_path / "2", 20, 4)

    made = put("passthrough", [(2, [(0, 0)]), (3, [(1, 1)])], one, other)

    assert layers(made) == [10, 11, 21, 22, 23]
    assert firsts(made)["model.embed_tokens.weight"] == 10.25
    assert firsts(made)["model.norm.weight"] == 20.5
    assert json.loads(made.files["config.json"])["num_hidden_layers"] == 5
    assert "| 2-4 | parent 2 1-3 |" in made.files["README.md"].decode()


def test_depth_up_scaling_repeats_layers_of_one_model(put, tmp_path):
    made = put("passthrough", [(3, [(0, 0)]), (3, [(0, 1)])], model(tmp_path / "1", 10, 4))

    assert layers(made) == [10, 11, 12, 11, 12, 13]


def test_a_scale_holds_by_the_layers_of_the_result(put, tmp_path):
    scale = [{"by_layer": ["1", "1", "0.5", "1"], "before": "2", "value": "1"}]

    made = put(
        "passthrough", [(2, [(0, 0)]), (2, [(0, 0)])], model(tmp_path / "1", 10, 2), own=[{"scale": scale}]
    )

    assert layers(made) == [10, 11, 5, 11]
    assert firsts(made)["model.embed_tokens.weight"] == 20.5
    assert firsts(made)["model.norm.weight"] == 10.5


def test_slices_of_deltas_take_the_base_s_layers_that_they_name(put, tmp_path):
    base, one, other = model(tmp_path / "b", 0, 4), model(tmp_path / "1", 10, 4), model(tmp_path / "2", 20, 2)
    shared = {"lambda": "1", "normalize": False}

    made = put(
        "task_arithmetic", [(2, [(0, 0)], 0), (2, [(1, 0), (0, 2)], 2)], one, other, base=base, shared=shared
    )

    # Layer 2: base 2, the other's layer 0 is 20, the first's layer 2 is 12.
    assert layers(made) == [10, 11, 2 + 18 + 10, 3 + 18 + 10]
    assert firsts(made)["model.norm.weight"] == 0.5 + 20 + 10


def test_the_order_of_a_slice_s_sources_is_the_order_of_its_parents(put, tmp_path):
    one, other = model(tmp_path / "1", 10, 2), model(tmp_path / "2", 20, 2)

    made = put(
        "slerp", [(1, [(0, 0), (1, 0)]), (1, [(1, 1), (0, 1)])], one, other, own=[{}, {}], shared={"t": "0"}
    )

    assert layers(made) == [10, 21]


def test_masks_are_drawn_by_the_output_s_names(put, tmp_path):
    wide = {"model.layers.0.big": ("F32", (4096,), floats(np.ones(4096)))}
    base, one = (
        model(tmp_path / "b", 0, 1, **{n: (d, s, bytes(len(b))) for n, (d, s, b) in wide.items()}),
        None,
    )
    one = model(tmp_path / "1", 0, 1, **wide)
    how = {"own": [{"weight": "1", "density": "0.5"}], "seed": "7"}
    shared = {"lambda": "1", "normalize": False, "rescale": "density"}

    made = put("dare_linear", [(1, [(0, 0)], 0), (1, [(0, 0)], 0)], one, base=base, shared=shared, **how)

    found = tensors(made.files)
    assert found["model.layers.0.big"][2] != found["model.layers.1.big"][2]


def test_what_a_config_says_by_layer_moves_with_the_layers(put, tmp_path):
    one = model(tmp_path / "1", 10, 2, {"layer_types": ["full", "sliding"], "n_layer": 2})
    other = model(tmp_path / "2", 20, 3, {"layer_types": ["full", "full", "sliding"], "n_layer": 3})

    config = json.loads(put("passthrough", [(2, [(0, 0)]), (1, [(1, 2)])], one, other).files["config.json"])

    assert (config["layer_types"], config["n_layer"]) == (["full", "sliding", "sliding"], 3)
    with pytest.raises(Malformed, match=r"slices\.0: config\.json says layer_types 'sliding' for a layer of"):
        put("linear", [(1, [(0, 1), (1, 1)])], one, other, shared={"normalize": True})


def test_whole_models_in_one_slice_are_the_merge_without_slices(put, tmp_path):
    one, other = model(tmp_path / "1", 10, 2), model(tmp_path / "2", 20, 2)
    sliced = put("linear", [(2, [(0, 0), (1, 0)])], one, other, shared={"normalize": True})
    recipe = {k: v for k, v in json.loads(_recipe(sliced)).items() if k != "slices"}

    whole = make(Recipe.of(recipe), add_all([one, other]))

    assert whole.files["model.safetensors"] == sliced.files["model.safetensors"]
    assert whole.files["config.json"] == sliced.files["config.json"]


def _recipe(made: Made) -> str:
    return made.files["README.md"].decode().split("```json\n")[1].split("\n```")[0]


@pytest.mark.parametrize(
    ("slices", "said"),
    [
        ([(3, [(0, 1)]), (1, [(1, 0)])], r"slices\.0 takes layers 1 to 3 of sha256:.*, which has 3"),
        ([(1, [(0, 0)])], r"parents\.1 takes part in no slice"),
        ([(0, [(0, 0)]), (1, [(1, 0)])], r"slices\.0: count is 0"),
        ([(1, [(0, 0), (1, 0)])], r"slices\.0: passthrough merges exactly 1 parent, not 2"),
        ([(1, [(2, 0)])], r"slices\.0 names parent 2, and the recipe has 0 to 1"),
        ([(1, [(0, 0), (0, 1)])], r"slices\.0 names parent 0 twice"),
        ([(1, [(0, 0)], 0), (1, [(1, 0)], 0)], r"slices\.0: base_first has no base to count in"),
        ([(10**9, [(0, 0)]), (1, [(1, 0)])], r"slices make 1000000001 layers; at most 10000"),
        ([(1, [])], r"slices\.0\.sources: tuple should have at least 1 item"),
        ([], r"slices: tuple should have at least 1 item"),
    ],
)
def test_slices_that_no_models_have_are_refused(put, tmp_path, slices, said):
    with pytest.raises(Malformed, match=said):
        put("passthrough", slices, model(tmp_path / "1", 10, 3), model(tmp_path / "2", 20, 3))


LAYER = ("F32", (2,), bytes(8))


@pytest.mark.parametrize(
    ("config", "more", "said"),
    [
        ({}, {"model.layers.1.odd": LAYER}, r"model\.layers\.1\.odd: sha256:.* has it, sha256:.* has not"),
        (
            {},
            {"model.layers.1.w": ("F32", (1, 2), bytes(8))},
            r"layers\.1\.w: parents disagree on shape, \(2,\)",
        ),
        ({}, {"lm_head.weight": LAYER}, r"lm_head\.weight: .* has not; its embeddings may be tied"),
        ({}, {"vision.blocks.0.w": LAYER}, r"has layers in 'model\.layers' and in 'vision\.blocks'"),
        ({}, {"model.layers.2.w": LAYER}, r"its layer is '2', and config\.json counts layers 0 to 1"),
        ({}, {"model.layers.01.w": LAYER}, r"its layer is '01', and config\.json counts layers 0 to 1"),
        ({"num_hidden_layers": 3}, {}, r"slices\.0: sha256:.* has no tensor of its layer 2"),
        (
            {"n_layer": 3},
            {},
            r"config\.json has num_hidden_layers 2, n_layer 3; slices need one number of layers",
        ),
        ({"hidden_size": 3}, {}, r"config\.json: hidden_size differs"),
    ],
)
def test_inputs_of_a_slice_that_do_not_fit_are_refused_by_name(put, tmp_path, config, more, said):
    one, other = model(tmp_path / "1", 10, 3), model(tmp_path / "2", 20, 2, config, **more)
    slices = [(int(str(config.get("num_hidden_layers", 2))), [(0, 0), (1, 0)])]

    with pytest.raises(Malformed, match=said):
        put("linear", slices, one, other, shared={"normalize": True})


def test_one_scope_over_the_model_and_slices_are_refused(put, tmp_path):
    shared = {"lambda": "1", "scope": "model", "normalize": False, "rescale": "none"}
    with pytest.raises(Malformed, match="with slices write scope: tensor"):
        put(
            "magnitude_prune",
            [(1, [(0, 0)], 0)],
            model(tmp_path / "1", 10, 1),
            base=model(tmp_path / "b", 0, 1),
            own=[{"weight": "1", "density": "1"}],
            shared=shared,
        )


def test_a_card_without_slices_says_nothing_of_layers(linear):
    assert "| layers |" not in card(Recipe.of(linear)).decode()


SHAPES = {
    "model.layers.0.w": (9, 11),
    "model.layers.1.w": (9, 11),
    "model.embed.w": (30,),
    "model.norm.w": (3,),
}
# Which layer of every input makes which layer of the result.
TAKEN = (1, 0, 1)


def cut(model: Model) -> Model:
    """Return a model with its layers put together by hand."""
    whole = {name: stored for name, stored in model.items() if "layers" not in name}
    return whole | {f"model.layers.{i}.w": model[f"model.layers.{first}.w"] for i, first in enumerate(TAKEN)}


# Masks are drawn by the parents' ids, which cutting changes.
@pytest.mark.parametrize("method", [m for m in MODELS if not METHODS[m].draws])
def test_to_merge_by_slices_is_to_merge_models_that_were_cut_so(method):
    case = big(method, SHAPES, ("F32", "BF16", "F32"))

    def taken(count: int, first: int) -> dict[str, object]:
        sources = [{"parent": str(i), "first": str(first)} for i in range(len(case.parents))]
        return {"count": str(count), "sources": sources} | (
            {"base_first": str(first)} if "base" in case.recipe else {}
        )

    sliced = case.but(slices=[taken(1, 1), taken(2, 0)])
    by_hand = replace(case, models=tuple(cut(model) for model in case.models))
    with on_disk() as disk:
        assert disk.tensors(sliced) == disk.tensors(by_hand)


@pytest.mark.parametrize("method", MODELS)
def test_slices_are_the_same_in_the_second_implementation(method):
    case = big(method, SHAPES, ("F32", "BF16", "F32"))
    order = range(len(case.parents))

    def taken(count: int, first: int, parents: list[int]) -> dict[str, object]:
        # The last parent is a layer ahead of the first where there is room.
        firsts = {p: min(first + p, 2 - count) for p in parents}
        sources = [{"parent": str(p), "first": str(at)} for p, at in firsts.items()]
        return {"count": str(count), "sources": sources} | (
            {"base_first": str(first)} if "base" in case.recipe else {}
        )

    sliced = case.but(slices=[taken(1, 0, [*reversed(order)]), taken(1, 1, [*order]), taken(2, 0, [*order])])
    with on_disk() as disk:
        assert disk.outcome(sliced) == disk.second(sliced) != "refused"
