"""Comparing two derivations: the same, or where, how far and by name."""

import numpy as np
import pytest
from making import floats, write_model

from merger.folder import describe
from merger.replay import Difference, Differs, Same, compare
from merger.weights import opened_weights

MIB = 1 << 20


@pytest.fixture
def compared(tmp_path):
    def run(one, other, weights=True, configs=({}, {})):
        folders = {
            str(i): write_model(tmp_path / str(i), m, c)
            for i, (m, c) in enumerate(zip((one, other), configs, strict=True))
        }
        described = {name: describe(folder) for name, folder in folders.items()}
        manifests = [d.manifest for d in described.values()]
        if not weights:
            return compare(*manifests)
        with opened_weights(folders, {n: (d.manifest, d.blocks) for n, d in described.items()}) as opened:
            return compare(*manifests, tuple(opened.values()))

    return run


def test_the_same_is_the_same(compared):
    model = {"a": ("F32", (2,), floats([1, 2])), "e": ("F32", (0,), b"")}
    assert compared(model, model) == Same()


WIDTHS = {"F64": "<u8", "F32": "<u4", "F16": "<u2", "BF16": "<u2"}


@pytest.mark.parametrize("dtype", WIDTHS)
def test_a_difference_is_placed_and_measured_in_units_of_the_last_place(compared, dtype):
    kind = np.dtype(WIDTHS[dtype])
    size = 2 * MIB // kind.itemsize + 5
    one = np.full(size, 1 << (kind.itemsize * 8 - 3), kind)
    other = one.copy()
    place = MIB // kind.itemsize + 2
    other[place] += 3
    other[-1] -= 7
    found = compared({"w": (dtype, (size,), one.tobytes())}, {"w": (dtype, (size,), other.tobytes())})
    assert found == Differs((Difference("w", place, 7),), ("model.safetensors",))


def test_zeros_of_both_signs_are_one_apart_and_the_ends_far(compared):
    def ulp(one, other):
        return np.float32(one).tobytes(), np.float32(other).tobytes()

    pairs = {"zero": ulp(-0.0, 0.0), "over": ulp(-1e-45, 1e-45), "far": ulp(-np.inf, np.inf)}
    models = [{n: ("F32", (), pair[i]) for n, pair in pairs.items()} for i in (0, 1)]
    found = {d.tensor: d.ulp for d in compared(*models).tensors}
    assert found == {"zero": 1, "over": 3, "far": 2 * 0x7F800000 + 1}


def test_what_cannot_be_measured_is_named(compared):
    one = {
        "kind": ("F32", (1,), bytes(4)),
        "shape": ("F32", (1,), bytes(4)),
        "gone": ("F32", (1,), bytes(4)),
        "ids": ("I64", (2,), bytes(16)),
    }
    other = {
        "kind": ("I32", (1,), bytes(4)),
        "shape": ("F32", (), bytes(4)),
        "new": ("F32", (1,), bytes(4)),
        "ids": ("I64", (2,), bytes(15) + b"\1"),
    }
    found = compared(one, other)
    assert found.tensors == (
        Difference("gone", None, None),
        Difference("ids", 1, None),
        Difference("kind", None, None),
        Difference("new", None, None),
        Difference("shape", None, None),
    )
    assert found.names() == ("gone", "ids", "kind", "new", "shape", "model.safetensors")


def test_digests_alone_tell_what_differs_but_not_how_far(compared):
    one, other = ({"w": ("F32", (1,), floats([value]))} for value in (1.0, 2.0))
    assert compared(one, other, weights=False) == Differs(
        (Difference("w", None, None),), ("model.safetensors",)
    )


def test_files_beside_the_tensors_count(compared):
    model = {"w": ("F32", (1,), floats([1.0]))}
    assert compared(model, model, configs=({}, {"x": 1})) == Differs((), ("config.json",))
