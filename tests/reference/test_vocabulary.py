"""Row maps in the second implementation: rows taken, lent and left, worked by hand."""

import json

import numpy as np
import pytest
from reference.examples import BASE, ONE, TWO, floats, model, recipe, tensor
from reference.second import files, read_file
from reference.vocabulary import is_vocabulary

MAP = "sha256:" + "f" * 64
W = "wte.weight"


@pytest.fixture
def unite(tmp_path):
    """Merge models of one embedding by a row map, both given by name; the output's rows and its config."""

    def run(made, vectors, more=(), **models):
        ids = {"base": BASE, "one": ONE, "two": TWO}
        folders = {}
        for name, (held, said) in models.items():
            config = {"vocab_size": held[W][1][0]} | said
            folder = tmp_path / str(len(list(tmp_path.iterdir())))
            folders[ids[name]] = model(folder, held, json.dumps(config))
        packed = {ids[m]: ("I64", [len(v)], np.array(v, "<i8").tobytes()) for m, v in vectors.items()}
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folders[MAP] = model(folder, packed | dict(more))
        (folder / "model.safetensors").rename(folder / "rows.safetensors")
        (folder / "tokenizer.json").write_text("{}")
        out = files(made | {"tokenizer": MAP}, folders)
        assert out["tokenizer.json"] == b"{}"
        (tmp_path / "out").write_bytes(out["model.safetensors"])
        got = read_file(tmp_path / "out")[W]
        return np.reshape(floats(got), got.shape).tolist(), json.loads(out["config.json"])

    return run


def column(*values, stored="F32", **said):
    """A model whose rows are of one element."""
    return {W: tensor([[value] for value in values], stored)}, said


def linear(*weights):
    """A recipe of sums."""
    parents = [(name, {"weight": weight}) for name, weight in zip((ONE, TWO), weights, strict=False)]
    return recipe("linear", *parents, parameters={"normalize": False})


def test_rows_are_taken_lent_and_left(unite):
    # the third row is the second parent's in both; the fourth is the first parent's in both; the last is nobody's
    vectors = {"one": [2, 0, -1, 1, -2], "two": [0, 0, 1, -1, -2]}
    got, config = unite(linear("1", "1"), vectors, one=column(1.0, 2.0, 4.0), two=column(8.0, 16.0))
    assert got == [[12], [9], [32], [4], [0]]
    assert config["vocab_size"] == 5
    with pytest.raises(ValueError, match=r"row 1 of tensor .* is in no model"):
        unite(linear("1", "1"), {"one": [0, -1], "two": [0, -1]}, one=column(1.0), two=column(2.0, 3.0))
    # a parent that is removed lends nothing
    with pytest.raises(ValueError, match="in no model"):
        unite(linear("1", "0"), {"one": [0, -1], "two": [0, 1]}, one=column(1.0), two=column(2.0, 3.0))


def test_a_row_that_only_the_base_has_adds_nothing(unite):
    made = recipe("task_arithmetic", (ONE, {"weight": "2"}), base=BASE)
    vectors = {"base": [0, 1, -1, -2], "one": [0, -1, 1, -1]}
    got, _ = unite(made, vectors, base=column(1.0, 10.0), one=column(3.0, 20.0))
    # base and parent: 1 and 3; both 10; both 20; the parent lacks the last, and the base holds +0 there
    assert got == [[5], [10], [20], [0]]


def test_same_rows_are_known_by_where_they_come_from(unite):
    made = recipe("task_arithmetic", (ONE, {"weight": "1"}), base=BASE)
    odd = {W: ("F32", [2, 1], b"\x01\0\xc0\x7f\0\0\0\x80")}, {}  # a NaN, and -0
    got, _ = unite(made, {"base": [1, 0], "one": [1, -1]}, base=odd, one=odd)
    assert np.isnan(got[1])
    with pytest.raises(ValueError, match="not finite"):
        unite(made, {"base": [1, 0], "one": [0, 1]}, base=odd, one=odd)
    same = column(5.0, 5.0)
    fine = {"base": [0, 1], "one": [1, 0]}  # equal bytes of other rows are computed, to what they are
    assert unite(made, fine, base=same, one=same)[0] == [[5], [5]]


def test_tokens_of_the_config(unite):
    said = {"bos_token_id": 1, "eos_token_id": [0, 1, -1, None], "pad_token_id": None, "x_token_id": 9}
    _, config = unite(linear("1"), {"one": [1, 0, 1]}, one=column(1.0, 2.0, **said))
    assert config == said | {"bos_token_id": 0, "eos_token_id": [1, 0, -1, None], "vocab_size": 3}
    with pytest.raises(ValueError, match="token 1"):
        unite(linear("1"), {"one": [0, 0]}, one=column(1.0, 2.0, **said))


def test_which_tensors_hold_a_vocabulary():
    for name in (
        "wte.weight",
        "model.embed_tokens.weight",
        "lm_head.bias",
        "cls.predictions.bias",
        "a.shared.weight",
    ):
        assert is_vocabulary(name), name
    for name in (
        "mywte.weight",
        "wte.bias",
        "layers.0.lm_head.weight",
        "wte.weight.x",
        "wte",
        "predictions.weight",
    ):
        assert not is_vocabulary(name), name


@pytest.mark.parametrize(
    ("vectors", "one", "two"),
    [
        ({"one": [0]}, {}, {}),
        ({"one": [0], "two": [0, 1]}, {}, {}),
        ({"one": [], "two": []}, {}, {}),
        ({"one": [-3], "two": [0]}, {}, {}),
        ({"one": [0], "two": [2]}, {}, {}),
        ({"one": [0], "two": [0]}, {"vocab_size": None}, {}),
        ({"one": [0], "two": [0]}, {}, {"vocab_size": 2.0}),
        ({"one": [0], "two": [0]}, {}, {"vocab_size": 3}),
    ],
    ids=str,
)
def test_maps_that_do_not_fit(unite, vectors, one, two):
    good = {"one": [0], "two": [0]}
    unite(linear("1", "1"), good, one=column(1.0), two=column(2.0, 3.0))
    with pytest.raises(ValueError, match=r"."):
        unite(linear("1", "0"), vectors, one=column(1.0, **one), two=column(2.0, 3.0, **two))


def test_rows_are_lent_between_tensors_of_one_type(unite):
    models = {"one": column(1.0), "two": column(2.0, 3.0, stored="F16")}
    assert unite(linear("1", "1"), {"one": [0, -2], "two": [1, -1]}, **models)[0] == [[4], [0]]
    with pytest.raises(ValueError, match="F16"):
        unite(linear("1", "1"), {"one": [0, -1], "two": [1, 0]}, **models)


def test_other_tensors_beside_a_map(unite):
    unite(
        linear("1"),
        {"one": [0]},
        {"sha256:" + "9" * 64: ("I64", [1], bytes([99, *bytes(7)]))},
        one=column(1.0),
    )
    for more in ({"x": ("I64", [1], bytes(8))}, {"sha256:" + "9" * 64: ("I32", [1], bytes(4))}):
        with pytest.raises(ValueError, match="row map"):
            unite(linear("1"), {"one": [0]}, more, one=column(1.0))
    held = column(1.0)[0] | {"norm": tensor([[1.0]])}
    with pytest.raises(ValueError, match="mean is not known"):
        unite(linear("1"), {"one": [0]}, one=(held, {}))


def test_statistics_are_of_a_models_own_rows(unite):
    made = recipe("permute", (ONE, {}))
    made["parents"][0]["statistics"] = MAP
    with pytest.raises(ValueError, match="no row map"):
        unite(made, {"one": [0]}, one=column(1.0))
