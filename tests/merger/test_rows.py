"""Rows known whole: cut by chunks or not, each is what it would be alone, and longer ones than fit are refused."""

import numpy as np
import pytest
from filling import filled, packed, values
from hypothesis import given, settings
from hypothesis import strategies as st
from rings import here
from strategies import LAW, Case, big, cases, on_disk

from merger import plan as planning
from merger import rows
from merger.cost import cost
from merger.folder import describe
from merger.kernels.blocks import NumpyKernels
from merger.kernels.compiled import CompiledKernels
from merger.methods import METHODS
from merger.reading import CHUNK
from merger.recipe import Recipe
from merger.reduce import SPAN, block_sum, row_sums, total
from signing.errors import Malformed

ROWED = sorted(m for m in METHODS if METHODS[m].rows)
BY_ROW = sorted(m for m in ROWED if any(p.name == "by" for p in METHODS[m].parameters))
# Rows that chunks and spans cut, of less than a span, of more than a span, of more than a chunk.
CUT = {"a": (CHUNK // 1000 + 30, 1001), "b": (3, CHUNK // 2 - 5), "c": (2, 1, CHUNK + 77), "d": (70000, 1)}
BF16 = ("BF16", "BF16", "BF16")
CUT_BY_ROW = CUT | {"d": (300, 1)}


def rowed(method, shapes, dtypes, **members):
    case = big(method, shapes, dtypes, **members)
    return case.shared(by="row") if method in BY_ROW else case


@pytest.mark.parametrize("method", here(["model_stock", "nuslerp"], ROWED))
@pytest.mark.parametrize("dtypes", here([BF16], [BF16, ("F32", "F64", "F16")]), ids="-".join)
def test_rows_that_chunks_cut_are_the_same_every_way(method, dtypes):
    device = pytest.importorskip("merger.kernels.device")
    case = rowed(method, CUT_BY_ROW if method in BY_ROW else CUT, dtypes, out_dtype="float32")
    with on_disk() as disk:
        want = disk.make(case, threads=1).result
        ways = [(2, 2, NumpyKernels), (4, 1, device.TorchKernels), (2, 1, CompiledKernels)]
        for threads, factor, kernels in ways:
            found = disk.make(case, threads=threads, factor=factor, kernels=kernels).result
            assert (found.artifact, found.account) == (want.artifact, want.account)


@pytest.mark.parametrize("method", BY_ROW)
@given(data=st.data())
@settings(LAW, max_examples=20)
def test_by_row_is_by_tensor_of_every_row(method, data):
    shape = data.draw(st.sampled_from([(3, 5), (2, 2, 4), (7, 1), (1, 9)]))
    count = shape[-1]
    names = [f"r{i}" for i in range(int(np.prod(shape)) // count)]
    case = data.draw(cases(method, odd=False, dtype="F32", rules=False))
    first = filled(data.draw(st.integers(0, 999)), "F32", shape)
    tuned = [
        filled(data.draw(st.integers(0, 999)), "F32", shape, near=first) for _ in range(len(case.models) - 1)
    ]

    def apart(stored):
        parts = np.frombuffer(stored[2], np.uint8).reshape(len(names), -1)
        return {name: (stored[0], (count,), part.tobytes()) for name, part in zip(names, parts, strict=True)}

    def merged(disk, by, models):
        made = disk.outcome(Case(tuple(models), case.shared(by=by).recipe))
        return made if made == "refused" else disk.tensors(Case(tuple(models), case.shared(by=by).recipe))

    with on_disk() as disk:
        whole = merged(disk, "row", [{"w": one} for one in (first, *tuned)])
        rows = merged(disk, "tensor", [apart(one) for one in (first, *tuned)])
        if whole == "refused":
            assert rows == "refused"
        else:
            # A row that no parent changes is copied, if it stands alone, with the sign of its zeros.
            joined = b"".join(packed(values(rows[name]) + 0.0, rows[name][0])[2] for name in names)
            assert packed(values(whole["w"]) + 0.0, whole["w"][0])[2] == joined


@given(rows=st.integers(0, 5), size=st.sampled_from([1, 2, 3, 100, SPAN - 1, SPAN, SPAN + 1, 2 * SPAN + 5]))
@settings(LAW, max_examples=25)
def test_the_sum_of_a_row_is_the_sum_of_a_tensor(rows, size):
    table = np.random.Generator(np.random.PCG64(rows)).normal(size=(rows, size))
    table[:, ::3] = -0.0
    alone = [total([block_sum(row[start : start + SPAN]) for start in range(0, size, SPAN)]) for row in table]
    assert row_sums(table).tobytes() == np.array(alone, np.float64).tobytes()


@pytest.mark.parametrize("method", ROWED)
def test_a_row_that_is_too_long_is_refused_by_name(method, monkeypatch):
    monkeypatch.setattr(planning, "LONGEST_ROW", 8)
    fits = rowed(method, {"w": (9, 8), "v": ()}, ("F32", "F32", "F32"))
    long = rowed(method, {"w": (8, 9)}, ("F32", "F32", "F32"))
    with on_disk() as disk:
        assert disk.outcome(fits) != "refused"
        with pytest.raises(
            Malformed, match=f"w: its rows hold 9 elements, and {method} takes rows of at most 8"
        ):
            disk.make(long)
        if method in BY_ROW:
            assert disk.outcome(long.shared(by="tensor")) != "refused"


def test_what_is_known_of_rows_is_forgotten_beyond_its_room(monkeypatch):
    case = rowed("arcee_fusion", {"w": (5 * CHUNK // 16, 16)}, ("F32", "F32"))
    with on_disk() as disk:
        want = disk.make(case).result
        monkeypatch.setattr(rows, "HELD", 200_000)
        assert disk.make(case).result == want


def test_the_cost_counts_what_is_read_of_rows_that_chunks_cut():
    case = rowed("nuslerp", {"a": (CHUNK // 1000 + 30, 1001), "b": (4, CHUNK)}, ("BF16", "F32", "F32"))
    with on_disk() as disk:
        recipe = Recipe.of(disk.recipe(case))
        known = {artifact: describe(disk.folders[artifact]) for artifact in recipe.artifacts()}
        manifests = {artifact: found.manifest for artifact, found in known.items()}
        with disk.opened(case) as (chunks, steps):
            plan = planning.Plan(recipe, steps, ())
            read = 0
            for step in steps:
                for number in chunks.numbers(step):
                    stretch = chunks._reading.stretch(step, step.sources, number, step.row)
                    read += (stretch.end - stretch.begin) * (2 + 4 + 4)
    found = cost(plan, manifests)
    assert found.passes == (1, 1)
    assert found.reads == (read, read)
    assert read > 10 * sum(planning.elements(step) for step in steps)
