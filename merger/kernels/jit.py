"""Machine code for loops in LLVM's language, made in this process and kept in its memory.

Nothing is written to a disk and read back as code later: what runs is what this process compiled from what it traced.
Only optimisations that keep IEEE 754 results are allowed: no fast-math flag appears in the text.
"""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path

import llvmlite.binding as llvm

Compiled = Callable[..., int]

_ALONE = threading.Lock()
# MADV_DONTNEED of madvise(2).
_DONTNEED = 4
# A process that makes more loops than a merge does needs the compiler all the time.
FEW = 32


@cache
def half() -> bool:
    """Say whether the processor converts fp16 by itself; elsewhere LLVM would call a library that is not there."""
    return llvm.get_process_triple().startswith("aarch64") or _features().get("f16c", False)


def compiled(text: str, pointers: int) -> Compiled:
    """Return the function `loop` of an LLVM module as one of (count, address, …), which says whether anything is odd."""
    with _ALONE:
        return _made(text, pointers)


@cache
def _made(text: str, pointers: int) -> Compiled:
    name = f"loop{_made.cache_info().misses}"
    module = llvm.parse_assembly(text.replace("@loop(", f"@{name}("))
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = True
    builder = llvm.create_pass_builder(_machine(), options)
    builder.getModulePassManager().run(module, builder)
    engine = _engine()
    engine.add_module(module)
    engine.finalize_object()
    if _made.cache_info().misses < FEW:
        _let_go()
    shape = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_int64, *[ctypes.c_void_p] * pointers)
    return shape(engine.get_function_address(name))


def _let_go() -> None:
    """Take the compiler's own code out of this process's memory: it is most of a merge's otherwise, and used for moments.

    Of a file's pages that nobody can write, the system keeps a copy, and brings it back when a loop is compiled again.
    """
    for first, length in _code():
        ctypes.CDLL(None).madvise(ctypes.c_void_p(first), ctypes.c_size_t(length), _DONTNEED)


@cache
def _code() -> tuple[tuple[int, int], ...]:
    """Return where the compiler's code lies in memory, as (address, length); nothing where a system does not say it."""
    if not sys.platform.startswith("linux"):
        return ()
    try:
        lines = Path("/proc/self/maps").read_bytes().splitlines()
    except OSError:
        return ()
    found = []
    for line in lines:
        # Names are bytes of any encoding.
        place, rights, *_, name = line.split(maxsplit=5)
        if rights == b"r-xp" and name.rpartition(b"/")[2].startswith(b"libllvmlite"):
            first, last = (int(end, 16) for end in place.split(b"-"))
            found.append((first, last - first))
    return tuple(found)


@cache
def _features() -> dict[str, bool]:
    return dict(llvm.get_host_cpu_features())


@cache
def _engine() -> llvm.ExecutionEngine:
    # An engine takes its machine for itself, so the pass builder has another.
    return llvm.create_mcjit_compiler(llvm.parse_assembly(""), _new_machine())


@cache
def _machine() -> llvm.TargetMachine:
    return _new_machine()


def _new_machine() -> llvm.TargetMachine:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_triple(llvm.get_process_triple())
    features = llvm.get_host_cpu_features().flatten()
    return target.create_target_machine(cpu=llvm.get_host_cpu_name(), features=features, opt=3)
