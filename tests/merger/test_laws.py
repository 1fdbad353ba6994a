"""The bit laws: neither threads nor read sizes nor the backend nor the implementation can be seen in a result."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import LAW, big, cases, on_disk

from merger.kernels.blocks import NumpyKernels
from merger.kernels.compiled import CompiledKernels
from merger.methods import METHODS

METHOD = pytest.mark.parametrize("method", sorted(METHODS))


@METHOD
@given(data=st.data())
@settings(LAW, max_examples=20)
def test_the_second_implementation_makes_the_same_files(method, data):
    case = data.draw(cases(method))
    with on_disk() as disk:
        assert disk.outcome(case) == disk.second(case)


@METHOD
@given(data=st.data())
@settings(LAW, max_examples=8)
def test_threads_and_read_sizes_leave_no_trace(method, data):
    case = data.draw(cases(method))
    with on_disk() as disk:
        first = disk.outcome(case, threads=1)
        assert all(disk.outcome(case, threads=n, factor=f) == first for n, f in [(2, 2), (4, 1)])


@METHOD
@given(data=st.data())
@settings(LAW, max_examples=15)
def test_compiled_passes_make_the_same_files(method, data):
    case = data.draw(cases(method))
    with on_disk() as disk:
        assert disk.outcome(case, kernels=CompiledKernels) == disk.outcome(case)


@METHOD
@given(data=st.data())
@settings(LAW, max_examples=12)
def test_torch_makes_the_same_files(method, data):
    device = pytest.importorskip("merger.kernels.device")
    case = data.draw(cases(method))
    with on_disk() as disk:
        assert disk.outcome(case, kernels=device.TorchKernels) == disk.outcome(case)


# More than 2^16 and more than 2^19 elements: several spans, several chunks, the last of each cut short.
LARGE = {"a": (3, 5, 7), "b": ((1 << 19) + (1 << 16) + 77,), "c": ((1 << 16) + 1,), "d": ()}


@pytest.mark.parametrize("method", sorted(METHODS))
@pytest.mark.system
@pytest.mark.parametrize("dtypes", [("BF16", "BF16", "BF16"), ("F32", "F64", "F16")], ids="-".join)
def test_tensors_of_several_chunks_are_the_same_every_way(method, dtypes):
    device = pytest.importorskip("merger.kernels.device")
    case = big(method, LARGE, dtypes, out_dtype="float32", shard_bytes="1000000")
    with on_disk() as disk:
        want = disk.second(case)
        assert want != "refused"
        ways = [
            (1, 1, NumpyKernels),
            (2, 2, NumpyKernels),
            (4, 1, device.TorchKernels),
            (2, 1, CompiledKernels),
        ]
        for threads, factor, kernels in ways:
            assert disk.outcome(case, threads=threads, factor=factor, kernels=kernels) == want


def test_the_largest_of_a_model_are_the_same_every_way():
    device = pytest.importorskip("merger.kernels.device")
    case = big("ties", LARGE, ("BF16", "BF16", "BF16"), shard_bytes="100000").shared(scope="model")
    with on_disk() as disk:
        want = disk.second(case)
        assert disk.outcome(case, threads=1) == want
        assert disk.outcome(case, threads=4, factor=2, kernels=device.TorchKernels) == want
        assert disk.outcome(case, threads=2, kernels=CompiledKernels) == want


@pytest.mark.parametrize("method", sorted(m for m in METHODS if METHODS[m].ranks))
@given(data=st.data())
@settings(LAW, max_examples=35)
def test_one_scope_over_the_model_is_the_same_in_both_implementations(method, data):
    case = data.draw(cases(method, rules=False, dtype=data.draw(st.sampled_from([None, "F32", "BF16"]))))
    case = case.shared(scope="model")
    with on_disk() as disk:
        assert disk.outcome(case) == disk.second(case)


@METHOD
def test_the_account_is_as_reproducible_as_the_files(method):
    device = pytest.importorskip("merger.kernels.device")
    case = big(method, {"a": (70000,), "b": (5,)}, ("F32", "F32", "F32"))
    with on_disk() as disk:
        first = disk.make(case, threads=1).result
        assert disk.make(case, threads=4, factor=3).result == first
        assert disk.make(case, kernels=CompiledKernels).result == first
        assert disk.make(case, kernels=device.TorchKernels).result == first
