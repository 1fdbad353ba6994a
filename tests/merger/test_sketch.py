"""Sketches: the same elements of every artifact of one architecture, whatever its tensors are called and how they are stored."""

import base64

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making import floats, safetensors, write_model

from merger.elements import ELEMENTS, LEAST, PLACES, STRETCH, drawn, family
from merger.folder import Changed, describe
from merger.paired import fitted
from merger.sketch import Sketch, content, sketch, stored
from merger.weights import opened_weights
from signing import canonical
from signing.errors import Malformed

RANDOM = np.random.Generator(np.random.PCG64(5))
SHAPES = {"embed": (900, 700), "layers.0.w": (64, 48), "layers.1.w": (64, 48), "norm": (48,), "scale": ()}
VALUES = {name: RANDOM.standard_normal(shape) * 0.05 for name, shape in SHAPES.items()}


def taken(folder):
    found = describe(folder)
    with opened_weights({"a": folder}, {"a": (found.manifest, found.blocks)}) as weights:
        return sketch(weights["a"])


def model(folder, values=VALUES, dtype="F32", names=lambda name: name):
    return write_model(
        folder, {names(name): (dtype, one.shape, floats(one, dtype)) for name, one in values.items()}
    )


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return taken(model(tmp_path_factory.mktemp("plain") / "model"))


def test_a_sketch_holds_the_values_of_the_elements_that_are_drawn(plain):
    due = drawn(SHAPES.values())
    for one in plain.tensors:
        flat = VALUES[one.name].astype("<f4").ravel()
        assert np.array_equal(one.values, flat[due[one.shape]])
    assert {one.name for one in plain.tensors} == SHAPES.keys()
    assert len(plain.values) == len(plain.rounding) == len(plain.places) <= ELEMENTS + LEAST * len(SHAPES)


@given(st.lists(st.lists(st.integers(1, 3000), max_size=3).map(tuple), min_size=1, max_size=6))
@settings(max_examples=40, deadline=None)
def test_law_what_is_drawn_follows_from_the_shapes_and_not_from_their_order(shapes):
    due = drawn(shapes)

    assert family(shapes) == family(reversed(shapes))
    for shape, elements in drawn(reversed(shapes)).items():
        assert np.array_equal(elements, due[shape])
        size = int(np.prod(shape, dtype=object))
        assert len(elements) == len(set(elements.tolist())) >= min(size, LEAST)
        assert (np.diff(elements) > 0).all()
        assert 0 <= elements[0] <= elements[-1] < size


def test_elements_are_spread_over_more_than_the_beginning_of_a_large_tensor():
    elements = drawn([(20_000, 1000)])[20_000, 1000]

    assert len(elements) == ELEMENTS
    assert len(set((elements // STRETCH).tolist())) == PLACES


@pytest.mark.parametrize(("dtype", "off"), [("F64", 2.0**-24), ("BF16", 2.0**-7), ("F16", 2.0**-11)])
def test_weights_of_every_type_are_sketched_in_the_same_places(tmp_path, plain, dtype, off):
    found = taken(model(tmp_path / "model", dtype=dtype))

    assert found.family == plain.family
    assert np.allclose(found.values, plain.values, rtol=off, atol=2.0**-24)
    assert np.array_equal(fitted(found, plain), plain.values)


def test_a_sketch_comes_back_from_its_bytes(plain):
    read = Sketch.parse(plain.encode())

    assert read.encode() == plain.encode()
    assert (read.family, read.content) == (plain.family, plain.content)
    assert np.array_equal(read.values, plain.values)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda it: it.update(v="2"), "version 1"),
        (lambda it: it.update(more="x"), "version 1"),
        (lambda it: it.update(tensors=[]), "version 1"),
        (lambda it: it["tensors"][0].update(dtype="I8"), "no tensor of floats"),
        (lambda it: it["tensors"][0].update(shape=[-1]), "has the shape"),
        (lambda it: it["tensors"][0].update(values="%"), "no fp32 in base64"),
        (
            lambda it: it["tensors"][0].update(values=base64.b64encode(b"\0" * 8).decode()),
            "has 2 values, not",
        ),
        (lambda it: it.update(content="x"), "64 lower-case hex digits"),
        (lambda it: it["tensors"][0].update(shape=[True, 9]), "has the shape"),
        (lambda it: it["tensors"][0].update(shape=[1] * 65), "has the shape"),
        (lambda it: it["tensors"][0].update(shape=[2**53 - 1] * 60), "hold more than 2199023255552 elements"),
        (lambda it: it["tensors"][0].update(name=it["tensors"][1]["name"]), "twice"),
        (lambda it: it["tensors"][0].update(dtype="BF16"), "said to be BF16 and has values that are none"),
        (lambda it: it["tensors"][0].update(dtype="F16"), "said to be F16 and has values that are none"),
    ],
)
def test_what_is_no_sketch_is_refused(plain, change, said):
    value = canonical.decode(plain.encode())
    change(value)

    with pytest.raises(Malformed, match=said):
        Sketch.parse(canonical.encode(value))


def test_how_finely_a_sketch_is_stored_is_told_by_its_values_where_all_were_cast(tmp_path, plain):
    cast = {name: stored(one.astype("f4").ravel(), "BF16").reshape(one.shape) for name, one in VALUES.items()}
    kept = taken(model(tmp_path / "kept", cast))
    mixed = taken(model(tmp_path / "mixed", cast | {"norm": VALUES["norm"]}))

    assert {*kept.grains} == {"BF16"}
    assert {*plain.grains} == {*mixed.grains} == {"F32"}
    assert np.array_equal(kept.rounding, np.abs(kept.values) * 2.0**-8)


def test_other_names_shards_and_orders_have_the_same_content(tmp_path, plain):
    renamed = tmp_path / "renamed"
    model(renamed, names=lambda name: f"model.{name[::-1]}")
    halves = tmp_path / "halves"
    halves.mkdir()
    parts = (("embed", "norm"), ("layers.0.w", "layers.1.w", "scale"))
    for number, some in enumerate(parts):
        (halves / f"{number}.safetensors").write_bytes(
            safetensors({n: ("F32", SHAPES[n], floats(VALUES[n])) for n in some})
        )
    (halves / "model.safetensors.index.json").write_bytes(
        canonical.encode(
            {"weight_map": {n: f"{i}.safetensors" for i, some in enumerate(parts) for n in some}}
        )
    )
    other = model(tmp_path / "other", VALUES | {"norm": VALUES["norm"] + 1})

    for folder in (renamed, halves):
        assert content(describe(folder).manifest) == plain.content
    assert content(describe(other).manifest) != plain.content


def test_tensors_of_other_names_and_another_type_are_paired_by_what_they_hold(tmp_path, plain):
    renamed = taken(model(tmp_path / "model", dtype="BF16", names=lambda name: name.replace("0.w", "9.w")))

    paired = fitted(plain, renamed)

    assert paired is not None
    assert np.allclose(paired, plain.values, rtol=2.0**-7, atol=1e-12)


def test_what_is_of_another_architecture_or_cannot_be_paired_does_not_fit(tmp_path, plain):
    wider = taken(model(tmp_path / "wider", VALUES | {"norm": np.ones(49)}))
    strange = {name: RANDOM.standard_normal(one.shape) for name, one in VALUES.items()}
    unlike = taken(model(tmp_path / "unlike", strange, names=lambda name: f"x.{name}"))

    assert fitted(plain, wider) is None
    assert fitted(plain, unlike) is None


def test_one_tensor_of_a_shape_is_paired_with_another_only_if_they_are_alike(tmp_path):
    one = taken(model(tmp_path / "one", {"a": VALUES["embed"]}))
    other = taken(model(tmp_path / "other", {"b": RANDOM.standard_normal((900, 700)) * 0.05}))

    assert fitted(one, one) is not None
    assert fitted(one, other) is None


def test_two_tensors_that_are_most_like_one_are_not_paired(tmp_path):
    first, strange = VALUES["layers.0.w"], RANDOM.standard_normal((64, 48))
    one = taken(model(tmp_path / "one", {"a": first, "b": first * 1.01}))
    other = taken(model(tmp_path / "other", {"c": first * 1.02, "d": strange + 9 * first}))

    assert fitted(one, other) is None


def test_what_is_drawn_of_an_architecture_is_fixed_for_good():
    """Sketches are kept for years, so another choice would be another version."""
    due = drawn([(900, 700), (64, 48), (2000, 2000), (3,)])

    assert {shape: (len(one), one[:4].tolist()) for shape, one in due.items()} == {
        (900, 700): (2280, [262246, 262272, 262283, 262548]),
        (64, 48): (158, [17, 19, 31, 35]),
        (2000, 2000): (5750, [13, 17, 51, 64]),
        (3,): (3, [0, 1, 2]),
    }


def test_an_artifact_without_floats_has_no_sketch(tmp_path):
    folder = write_model(tmp_path / "model", {"ids": ("I64", (2,), b"\0" * 16)})

    with pytest.raises(Malformed, match="no tensor of floats"):
        taken(folder)


def test_t6_what_is_sketched_is_what_was_signed(tmp_path):
    folder = model(tmp_path / "model")
    found = describe(folder)
    file = folder / "model.safetensors"
    raw = bytearray(file.read_bytes())
    raw[-5] ^= 1
    file.write_bytes(raw)

    with (
        opened_weights({"a": folder}, {"a": (found.manifest, found.blocks)}) as weights,
        pytest.raises(Changed, match="differs from what was signed"),
    ):
        sketch(weights["a"])
