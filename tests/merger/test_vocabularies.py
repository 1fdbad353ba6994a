"""Vocabularies that differ are merged by a row map: what is taken, what is lent, and what is refused."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making import CONFIG
from strategies import LAW, packed, tensors, values
from vocabularies import BIAS, EMBEDDING, HEAD, Worded, worded

from merger.kernels.blocks import NumpyKernels
from merger.kernels.compiled import CompiledKernels
from merger.methods import METHODS
from signing import canonical

METHOD = pytest.mark.parametrize("method", sorted(METHODS))
LINEAR: dict[str, Any] = {
    "arithmetic": "1",
    "method": "linear",
    "parameters": {"normalize": False},
    "shard_bytes": "5000000000",
    "allow_nonfinite": False,
}


def fresh() -> Path:
    return Path(tempfile.mkdtemp())


def parents(*weights: str, first: int = 0) -> list[dict[str, Any]]:
    return [{"model": str(i), "parameters": {"weight": w}} for i, w in enumerate(weights, first)]


def table(*rows: list[float]) -> tuple[str, tuple[int, ...], bytes]:
    return packed(np.array(rows), "F32")


# Two models that both know "a" and "b", in other places; "c" is the first one's and "d" the second's alone.
A, B = table([1, 1], [2, 2], [3, 3]), table([40, 40], [10, 10], [20, 20], [0, 0])
VECTORS = {"0": [0, 1, 2, -1, -2], "1": [1, 2, -1, 0, -2]}
TWO = Worded(({EMBEDDING: A}, {EMBEDDING: B}), VECTORS, LINEAR | {"parents": parents("1", "1")})


def test_rows_merge_by_what_they_stand_for(tmp_path: Path) -> None:
    found = TWO.tensors(tmp_path)[EMBEDDING]
    # a: 1 + 10; b: 2 + 20; c: 3, and 3 lent to the second; d: 40 lent to the first, and 40; nobody's: +0.
    assert found[:2] == ("F32", (5, 2))
    assert values(found).tolist() == [11, 11, 22, 22, 6, 6, 80, 80, 0, 0]


def test_a_token_that_a_parent_lacks_is_the_base_s_and_adds_nothing(tmp_path: Path) -> None:
    tuned = {**TWO.vectors, "2": [0, -1, -1, 1, -2]}
    recipe = {**LINEAR, "method": "task_arithmetic", "base": "0", "parents": parents("1", "1", first=1)}
    recipe["parameters"] = {"normalize": False, "lambda": "1"}
    case = Worded((*TWO.models, {EMBEDDING: table([5, 5], [44, 44])}), tuned, recipe)
    found = values(case.tensors(tmp_path)[EMBEDDING]).reshape(5, 2)[:, 0]
    # a: 1 + 9 + 4; b: 2 + 18 + 0; c: 3 + 0 + 0; d: the base takes 40 of the first parent that has it: 40 + 0 + 4.
    assert found.tolist() == [14, 20, 3, 44, 0]


def test_the_config_counts_the_rows_and_finds_its_tokens_again(tmp_path: Path) -> None:
    ids = {"bos_token_id": 2, "eos_token_id": [0, 1], "pad_token_id": -1, "sep_token_id": None}
    case = replace(TWO, configs={1: ids, 0: ids}, vectors={"0": [2, 1, 0], "1": [0, 1, 1]})
    said = canonical.decode(case.files(tmp_path)["config.json"])
    assert said == CONFIG | {
        "vocab_size": 3, "_name_or_path": "0", "bos_token_id": 0, "eos_token_id": [2, 1], "pad_token_id": -1, "sep_token_id": None
    }  # fmt: skip


@pytest.mark.parametrize("method", sorted(m for m in METHODS if not METHODS[m].draws))
@given(data=st.data())
@settings(LAW, max_examples=12)
def test_a_merge_by_a_row_map_is_one_of_models_that_have_these_rows(method: str, data: st.DataObject) -> None:
    case = data.draw(worded(method))
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        by_map = case.files(Path(one))
        taken = case.gathered().files(Path(other), mapped=False)
    assert by_map == taken


@METHOD
@given(data=st.data())
@settings(LAW, max_examples=6)
def test_neither_threads_nor_backends_are_seen_in_gathered_rows(method: str, data: st.DataObject) -> None:
    device = pytest.importorskip("merger.kernels.device")
    case = data.draw(worded(method))
    ways = [
        {"kernels": NumpyKernels, "threads": 1},
        {"kernels": CompiledKernels, "factor": 2},
        {"kernels": device.TorchKernels, "threads": 3},
    ]
    found = []
    for how in ways:
        with tempfile.TemporaryDirectory() as root:
            found.append(case.files(Path(root), **how))
    assert all(one == found[0] for one in found)


@METHOD
@given(data=st.data())
@settings(LAW, max_examples=6)
def test_the_map_that_changes_nothing_changes_nothing(method: str, data: st.DataObject) -> None:
    case = data.draw(worded(method))
    names = [n for n in (EMBEDDING, HEAD, BIAS) if n in case.models[0]]
    same = tuple(
        {**m, **{n: case.models[0][n] for n in names}} if data.draw(st.booleans()) else m for m in case.models
    )
    size = case.size(0)
    same = tuple(
        m if m[EMBEDDING][1][0] == size else {**m, **{n: case.models[0][n] for n in names}} for m in same
    )
    straight = replace(case, models=same, vectors={place: list(range(size)) for place in case.vectors})
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        assert straight.files(Path(one)) == straight.files(Path(other), mapped=False)


@given(st.randoms(use_true_random=False), st.sampled_from(["linear", "ties", "slerp", "task_arithmetic"]))
@settings(LAW, max_examples=10)
def test_models_whose_rows_were_shuffled_merge_to_the_same(random: Any, method: str) -> None:
    size, width = 37, 5
    models = [
        {
            EMBEDDING: packed(
                np.array([[random.gauss(0, 1) for _ in range(width)] for _ in range(size)]), "BF16"
            )
        }
        for _ in range(3)
    ]
    orders = [random.sample(range(size), size) for _ in models]
    shuffled = []
    for model, order in zip(models, orders, strict=True):
        dtype, shape, raw = model[EMBEDDING]
        shuffled.append(
            {EMBEDDING: (dtype, shape, np.frombuffer(raw, "<u2").reshape(shape)[order].tobytes())}
        )
    places = {str(i): np.argsort(order).tolist() for i, order in enumerate(orders)}
    how = METHODS[method]
    own = {p.name: "0.5" for p in how.parameters if p.per_parent}
    shared = {
        p.name: p.default if p.default is not None else "0.3" for p in how.parameters if not p.per_parent
    }
    recipe = LINEAR | {"method": method, "parents": [{"model": p, "parameters": own} for p in ("1", "2")]}
    recipe |= {"parameters": shared} | ({"base": "0"} if how.base == "needed" else {})
    plain = Worded(tuple(models), {}, recipe)
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        mapped = Worded(tuple(shuffled), places, recipe).files(Path(one))
        assert mapped == plain.files(Path(other), mapped=False)


def test_vocabularies_of_several_chunks_in_any_order(tmp_path: Path) -> None:
    device = pytest.importorskip("merger.kernels.device")
    random = np.random.Generator(np.random.PCG64(5))
    sizes, width, rows = (5003, 4099), 333, 4507
    models = tuple(
        {
            EMBEDDING: packed(random.normal(size=(size, width)), "BF16"),
            BIAS: packed(random.normal(size=size), "F32"),
        }
        for size in sizes
    )
    vectors = {"0": [*range(4000), *random.integers(-2, 5003, 507)], "1": [*random.integers(0, 4099, 4507)]}
    vectors["0"] = [int(e) for e in vectors["0"]]
    recipe = LINEAR | {"parents": parents("0.25", "-1.5"), "out_dtype": "float32", "shard_bytes": "100000"}
    case = Worded(models, vectors, recipe)
    want = case.gathered().files(tmp_path / "taken", mapped=False)
    assert want != "refused"
    assert {n: t[1] for n, t in tensors(want).items()} == {EMBEDDING: (rows, width), BIAS: (rows,)}
    ways = [(1, 1, NumpyKernels), (2, 3, CompiledKernels), (4, 1, device.TorchKernels)]
    for at, (threads, factor, kernels) in enumerate(ways):
        assert case.files(tmp_path / str(at), threads=threads, factor=factor, kernels=kernels) == want
