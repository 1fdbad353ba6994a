"""This machine and this process, as far as a merge has to know them: what is held, what is allowed, how fast it works."""

from __future__ import annotations

import hashlib
import os
import resource
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from blake3 import blake3

from merger.cost import Rates, fitted
from merger.plan import Plan
from merger.weights import Weights
from registry.work.engine import Computer

# What a backend comes to hold besides blocks once it works: code that it compiles, libraries that it loads. Seen, not proven.
_LATER = {"compiled": 60_000_000, "numpy": 12_000_000, "torch": 150_000_000}
# Long enough to tell rates from the clock's noise, three of them still a fraction of a second.
_SAMPLE = 1 << 24
_TURNS = 3


def room(
    plan: Plan,
    weights: Mapping[str, Weights],
    computer: Computer,
    memory: int | None,
    *,
    threads: int,
    factor: int,
) -> tuple[int, int]:
    """Return the threads and the read size to work with: those wanted, or what fits into `memory` bytes.

    Raises `Malformed` where nothing fits, with the smallest size that would do.
    """
    if memory is None:
        return threads, factor
    manifests = {artifact: one.manifest for artifact, one in weights.items()}
    return fitted(plan, manifests, memory, program(computer), threads=threads, factor=factor)


def program(computer: Computer) -> int:
    """Return how many bytes this process holds and will hold, without what threads work with."""
    return _resident() + _LATER[computer.components["backend"]]


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def rates() -> Rates:
    """Measure what one thread does here and now, in a fraction of a second."""
    # Memory that was written: pages of zeros are one page, which no copy has to fetch.
    data, target = os.urandom(1 << 16) * (_SAMPLE >> 16), bytearray(_SAMPLE)

    def copied() -> None:
        target[:] = data

    works = (lambda: hashlib.sha256(data).digest(), lambda: blake3(data).digest(), copied)
    return Rates(*(_SAMPLE / _fastest(work) for work in works))


def _fastest(work: Callable[[], object]) -> float:
    """Return the seconds of the fastest of some turns: what others do meanwhile only adds."""
    found = []
    for _ in range(_TURNS):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return max(min(found), 1e-9)


def _resident() -> int:
    held = Path("/proc/self/statm")
    if held.exists():
        return int(held.read_text().split()[1]) * resource.getpagesize()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
