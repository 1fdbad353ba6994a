"""What benchmarks share: a home to run commands in, what a command took, and the floor under a merge."""

import hashlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from blake3 import blake3

MIB = 1 << 20
# How often each of several questions is asked: a server has been asked before, and has not been asked the same just now.
ROUNDS = 3
_PROBE = (
    "import resource,subprocess,sys;c=subprocess.run(sys.argv[1:],capture_output=True,text=True);"
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss);c.returncode and sys.exit(c.stderr[-2000:])"
)


class Home:
    """A home of its own, and the command line on it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.run("init")

    def words(self, *words: str) -> list[str]:
        """Return a command as a list of words."""
        return [sys.executable, "-m", "registry", *words, "--home", str(self._path)]

    def run(self, *words: str) -> None:
        """Run a command, or stop."""
        subprocess.run(self.words(*words), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def timed(words: Sequence[str]) -> tuple[float, float]:
    """Return wall seconds and peak resident MB of a command and its children."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _PROBE, *words], stdout=subprocess.PIPE, text=True, check=True
    )
    return time.perf_counter() - start, int(done.stdout) / 1024


def floor(read: Sequence[Path], written: Sequence[Path], copy: Path) -> float:
    """Return the seconds that a merge's bytes take without its arithmetic: inputs checked, outputs hashed and written."""
    start = time.perf_counter()
    with ThreadPoolExecutor(2) as pool:
        for _ in pool.map(_checked, read):
            pass
        hashing = pool.submit(_hashed, written)
        with copy.open("wb") as target:
            for data in _pieces(written):
                blake3(data).digest()
                target.write(data)
            target.flush()
            os.fsync(target.fileno())
        hashing.result()
    took = time.perf_counter() - start
    copy.unlink()
    return took


def _checked(path: Path) -> None:
    for data in _pieces([path]):
        blake3(data).digest()


def _hashed(paths: Sequence[Path]) -> None:
    whole = hashlib.sha256()
    for data in _pieces(paths):
        whole.update(data)


def _pieces(paths: Sequence[Path]):
    buffer = memoryview(bytearray(MIB))
    for path in paths:
        with path.open("rb", buffering=0) as file:
            while got := file.readinto(buffer):
                yield buffer[:got]


def median(ask: Callable[[], object], n: int) -> float:
    """Return the median of `n` runs, in milliseconds, after one that warms up."""
    return over([ask] * (n + 1))


def over(asks: Sequence[Callable[[], object]]) -> float:
    """Return the median of these, each run once, in milliseconds, after the first of them, which warms up."""
    asks[0]()
    return 1e3 * statistics.median(map(once, asks[1:]))


def once(ask: Callable[[], object]) -> float:
    start = time.perf_counter()
    ask()
    return time.perf_counter() - start
