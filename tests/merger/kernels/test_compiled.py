"""Compiled passes: the same bits from code for this processor and for a plain one, and no licence to fuse or reorder."""

import mmap
import os
import platform
import resource
import sys
from dataclasses import replace

import numpy as np
import pytest
from rings import here
from strategies import big, on_disk

from merger.kernels import jit
from merger.kernels.compiled import CompiledKernels
from merger.kernels.draws import philox, window
from merger.methods import METHODS
from merger.select import within

MIXED = ("F16", "F32", "F64")
SHAPES = {"a": (3, 70001), "b": (1 << 16,), "c": ()}


@pytest.fixture
def plain(monkeypatch):
    """Compile for the oldest processor of this kind: no AVX, no fp16, nothing that could fuse."""
    llvm = pytest.importorskip("llvmlite.binding")
    cpu = {"x86_64": "x86-64"}.get(platform.machine(), "generic")

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()

    def machine():
        target = llvm.Target.from_triple(llvm.get_process_triple())
        return target.create_target_machine(cpu=cpu, features="", opt=3)

    caches = (jit._made, jit._engine, jit._machine, jit.half)
    for cache in caches:
        cache.cache_clear()
    monkeypatch.setattr(jit, "_new_machine", machine)
    monkeypatch.setattr(jit, "_features", dict)
    yield
    for cache in caches:
        if hasattr(cache, "cache_clear"):
            cache.cache_clear()


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("method", sorted(METHODS))
@pytest.mark.parametrize("dtypes", here([MIXED], [("BF16", "BF16", "BF16"), MIXED]), ids="-".join)
def test_a_plain_processor_gives_the_same_files(method, dtypes):
    case = big(method, SHAPES, dtypes, out_dtype="float16")
    with on_disk() as disk:
        assert disk.outcome(case, kernels=CompiledKernels) == disk.outcome(case)


@pytest.mark.parametrize("method", sorted(METHODS))
@pytest.mark.parametrize("out", ["float64", "float32", "float16", "bfloat16"])
@pytest.mark.parametrize("through", here([None], [None, "float32", "float16", "bfloat16"]))
def test_every_way_in_and_out_gives_the_files_of_the_reference(method, out, through):
    case = big(method, {"a": (70001,), "b": (7,)}, ("F32", "F16", "BF16"), out_dtype=out, dtype=through)
    case = case.but(dtype=through)
    with on_disk() as disk:
        assert disk.outcome(case, kernels=CompiledKernels) == disk.outcome(case)


NANS = np.array([0x7FFFFFFF, 0xFFFFFFFF, 0x7FFF8000, 0x7F800001, 0xFFC00000, 0x7F800000], np.uint32)


@pytest.mark.parametrize("through", ["float16", "bfloat16", None])
@pytest.mark.parametrize("allowed", [True, False])
def test_no_pattern_of_a_nan_rounds_to_a_number(through, allowed):
    case = big("linear", {"a": (3, 7)}, ("F32", "F32", "F32"), allow_nonfinite=allowed).but(dtype=through)
    for pattern in NANS:
        values = np.ones(21, np.float32)
        values.view(np.uint32)[5] = pattern
        models = (*case.models[:1], {"a": ("F32", (3, 7), values.tobytes())}, *case.models[2:])
        odd = replace(case, models=models)
        with on_disk() as disk:
            assert disk.outcome(odd, kernels=CompiledKernels) == disk.outcome(odd)
            assert (disk.outcome(odd) == "refused") != allowed


@pytest.mark.parametrize("method", here(["dare_linear", "ties"], ["model_stock", "dare_linear", "ties"]))
def test_more_parents_than_a_call_takes_are_merged_by_the_kernels(method):
    case = big(method, {"a": (1 << 16,)}, ("F32", "F32", "F32"))
    case = case.but(parents=[case.parents[i % 2] for i in range(60)])
    many = replace(case, models=(case.models[0], *(case.models[1 + i % 2] for i in range(60))))
    named = [parent | {"model": str(1 + i)} for i, parent in enumerate(many.parents)]
    # Models of equal bytes are one artifact: each gets a value of its own.
    models = [many.models[0]]
    for i in range(60):
        values = np.frombuffer(many.models[1 + i]["a"][2], np.float32).copy()
        values[0] = i
        models.append({"a": ("F32", (1 << 16,), values.tobytes())})
    many = replace(many.but(parents=named), models=tuple(models))
    with on_disk() as disk:
        assert disk.outcome(many, kernels=CompiledKernels) == disk.outcome(many) != "refused"


@pytest.mark.parametrize(
    "method", sorted(m for m in METHODS if METHODS[m].sums and not METHODS[m].parents[1])
)
def test_one_parent_many_times_is_merged_by_the_kernels(method):
    case = big(method, {"a": (1 << 16,)}, ("F32", "F32", "F32"))
    case = case.but(parents=[case.parents[0]] * 50)
    case = case.shared(rescale="l1") if "rescale" in case.recipe["parameters"] else case
    with on_disk() as disk:
        assert disk.outcome(case, kernels=CompiledKernels) == disk.outcome(case) != "refused"


def test_no_instruction_may_be_fused_reordered_or_guessed(monkeypatch):
    written = []
    real = jit.compiled
    monkeypatch.setattr(jit, "compiled", lambda text, pointers: written.append(text) or real(text, pointers))
    with on_disk() as disk:
        for method in sorted(METHODS):
            disk.make(big(method, SHAPES, ("BF16", "F32", "F32")), kernels=CompiledKernels)
    words = {word for text in written for word in text.replace(",", " ").split()}
    assert words.isdisjoint({"fast", "nnan", "ninf", "nsz", "arcp", "contract", "afn", "reassoc"})
    assert not any("@llvm." in text or "declare" in text for text in written)
    assert len(written) >= len(METHODS)


def test_a_window_holds_what_lies_in_it_in_order():
    run = jit.compiled(window("F32"), 4)
    magnitudes = np.array([5, 1, 9, 5, 7, 3, 9], np.uint32)
    for low, high in ((0, 1), (5, 8), (0, 1 << 31), (9, 9)):
        inside, found = np.zeros(7, np.uint32), np.zeros(2, np.int64)
        given = np.array([low, high], np.uint32)
        run(7, *(one.ctypes.data for one in (magnitudes, given, inside, found)))
        above, between = within(magnitudes, low, high)
        assert (found[0], inside[: found[1]].tolist()) == (above, between.tolist())


def test_equal_texts_are_compiled_once():
    assert jit.compiled(philox(), 2) is jit.compiled(philox(), 2)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only there is the compiler let go")
def test_files_of_any_name_may_lie_in_memory_while_loops_are_made(tmp_path):
    name = tmp_path / os.fsdecode(b"\xff\xfe libllvmlite.so")
    with name.open("wb+") as file:
        file.write(bytes(4096))
        file.flush()
        with mmap.mmap(file.fileno(), 4096, mmap.MAP_PRIVATE, mmap.PROT_READ):
            assert jit.compiled(window("F64") + "\n; once more", 4)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only there is the compiler let go")
def test_loops_are_made_where_no_file_can_be_opened():
    jit.compiled(philox(), 2)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        assert jit.compiled(window("F64") + "\n; and again", 4)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
