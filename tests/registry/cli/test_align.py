"""Aligning registered models: what was moved is found and registered, and what cannot be aligned is refused by name."""

from importlib import metadata

import pytest
from aligning import model, ordered, shuffled, weights
from making import safetensors, write_model
from safetensors.numpy import load_file

from merger.folder import describe
from merger.symmetry import symmetries
from signing import canonical


def stored(held):
    """A model's arrays as a folder's tensors."""
    return {name: ("F32", x.shape, x.tobytes()) for name, x in held.items()}


@pytest.fixture(scope="module")
def llama():
    made = model("llama")
    config = {k: v for k, v in made.config.to_dict().items() if isinstance(v, str | int | bool | list)}
    return config, weights(made)


@pytest.fixture
def typed(terminal, llama):
    """A model, and the same with its units in another order."""
    config, held = llama
    found = symmetries(config, {name: x.shape for name, x in held.items()})
    terminal.holds("init")
    for name, one in (("a", held), ("b", ordered(held, found, shuffled(found, 4)))):
        write_model(terminal.folder / name, stored(one), config)
        terminal.holds("add", name, "--name", f"kennel/{name}")
    return terminal


def test_an_order_is_found_written_and_registered(typed, llama):
    _, held = llama
    value = typed.holds("align", "a", "b", "--out", "b-onto-a", "--name", "kennel/b-onto-a")
    folder = typed.folder / "b-onto-a"
    assert describe(folder).artifact == value["artifact"]
    assert [(one["name"], one["units"]) for one in value["groups"]] == [
        (f"layers.{i}.{part}", n) for i in range(2) for part, n in (("mlp", 20), ("self_attn", 3))
    ]
    assert all(0 < one["moved"] <= one["units"] for one in value["groups"])

    said = canonical.decode((folder / "statistics.json").read_bytes())
    ids = {name: describe(typed.folder / name).artifact for name in "ab"}
    assert set(said.pop("libraries")) == {"numpy", "scipy"}
    assert said == {"v": "1", "kind": "permutation", "model": ids["b"], "onto": ids["a"]}
    other = load_file(typed.folder / "b" / "model.safetensors")
    for name, indices in load_file(folder / "statistics.safetensors").items():
        tensor, _, axis = name.rpartition(".")
        other[tensor] = other[tensor].take(indices, int(axis))
    assert all((other[name] == x).all() for name, x in held.items())

    parents = typed.holds("show", "kennel/b-onto-a")["parents"]
    assert {(one["parent"], one["relation"]) for one in parents} == {(id_, "extract") for id_ in ids.values()}
    assert (
        f"permutation of {ids['b']}: 46 units in 4 groups" in typed("align", "a", "b", "--out", "again").out
    )


def test_a_soft_alignment_holds_matrices_whose_rows_sum_to_1(typed):
    value = typed.holds("align", "a", "b", "--out", "soft", "--soft", "--softness", "0.2")
    assert value["kind"] == "transport"
    assert {one["moved"] for one in value["groups"]} == {None}
    found = load_file(typed.folder / "soft" / "statistics.safetensors")
    assert found["layers.0.self_attn.q_proj.weight.0"].shape == (36, 36)
    assert found["layers.0.mlp.down_proj.weight.1"].shape == (20, 20)
    assert all(abs(one.sum(axis=1) - 1).max() < 1e-5 for one in found.values())
    assert canonical.decode((typed.folder / "soft" / "statistics.json").read_bytes())["softness"] == "0.2"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c, t: (c | {"model_type": "qwen2"}, t), "is a llama and"),
        (lambda c, t: (c | {"model_type": "tiny"}, t), "nothing is known about what may change places"),
        (lambda c, t: (c | {"num_attention_heads": 12, "num_key_value_heads": 6}, t), "layers.0.self_attn: "),
        (lambda c, t: (c, t | {"layers.0.mlp.gate_proj.bias": ("F32", (20,), bytes(80))}), "has no such tensor"),
        (lambda c, t: (c, t | {"layers.0.mlp.act.bias": ("F32", (20,), bytes(80))}), "no llama is known to have it"),
        (lambda c, t: (c, t | {"layers.1.mlp.gate_proj.weight": ("I8", (20, 24), bytes(480))}), "holds I8"),
        (
            lambda c, t: (c, t | {f"layers.0.mlp.{n}_proj.weight": ("F32", s, bytes(1920)) for n, s in
                                  (("gate", (20, 24)), ("up", (20, 24)), ("down", (24, 20)))}),
            None,
        ),
        (
            lambda c, t: (c, t | {f"layers.0.mlp.{n}_proj.weight": ("F32", s, bytes(960)) for n, s in
                                  (("gate", (10, 24)), ("up", (10, 24)), ("down", (24, 10)))}),
            "layers.0.mlp.down_proj.weight: ",
        ),
    ],
    ids=["kind", "unknown", "heads", "bias", "strange", "stored", "zeros", "shape"],
)  # fmt: skip
def test_models_that_are_not_alike_are_refused_before_a_weight_is_read(typed, llama, change, said):
    config, tensors = change(llama[0], stored(llama[1]))
    write_model(typed.folder / "c", tensors, config)
    typed.holds("add", "c")
    if said is None:
        # Units of nothing but zeros are all alike, and stay.
        assert typed.holds("align", "a", "c", "--out", "made")["groups"][0]["moved"] == 0
    else:
        typed.refuses(("align", "a", "c", "--out", "made"), 2, (said,))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("align", "a", "a", "--out", "x"), "are one artifact"),
        (("align", "a", "nobody", "--out", "x"), "nothing is called 'nobody' here"),
        (("align", "a", "b", "--out", "b"), "exists already"),
        (("align", "a", "b", "--out", "x", "--softness", "0.1"), "would change nothing without --soft"),
        (("align", "a", "b", "--out", "x", "--soft", "--softness", "0"), "must be above 0"),
        (("align", "a", "b", "--out", "x", "--soft", "--softness", "nan"), "must be above 0"),
        (("align", "a", "b", "--out", "x", "--name", "no name"), "no name"),
        (("align", "a", "b", "--out", "x", "--license", "of mine"), "of mine"),
    ],
)
def test_what_makes_no_sense_is_refused(typed, words, said):
    typed.refuses(words, 2, (said,))


def test_without_scipy_a_sentence_says_how_to_get_it(typed, monkeypatch):
    def version(name):
        if name == "scipy":
            raise metadata.PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(metadata, "version", version)
    words = ("align", "a", "b", "--out", "x")
    typed.refuses(words, 2, ("aligning models needs scipy: pip install 'studbook[align]'",))


def test_weights_that_changed_on_disk_are_not_aligned(typed, llama):
    held = llama[1] | {"layers.1.mlp.up_proj.weight": llama[1]["layers.1.mlp.up_proj.weight"] + 1}
    (typed.folder / "a" / "model.safetensors").write_bytes(safetensors(stored(held)))
    words = ("align", "a", "b", "--out", "x")
    typed.refuses(words, 1, ("layers.1.mlp.up_proj.weight differs from what was signed",))


def test_a_transport_beyond_what_is_multiplied_is_refused_by_name(typed, monkeypatch):
    monkeypatch.setattr("registry.work.align.MOST", 30)
    typed.refuses(
        ("align", "a", "b", "--out", "x", "--soft"),
        2,
        ("q_proj.weight: 36 along axis 0; a transport has at most 30",),
    )
