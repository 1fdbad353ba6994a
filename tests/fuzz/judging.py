"""What is asked of every parser, whatever it is handed: it reads, or it refuses in one sentence, and soon.

A target is a file in `targets/`: `MINUTES` (how long `make fuzz` takes for it), `LONGEST` (bytes of an input), `WORDS` (what
its format is made of) and `read(data)`, which hands `data` to the parser and checks what must hold of whatever it accepts.
Fuzzer and replay call the same `judge`.
"""

import importlib
import time
from pathlib import Path
from typing import Protocol

from signing.errors import LONGEST, Refused

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
# Of processor time, so that a busy machine is no finding. What is read here takes some milliseconds.
SECONDS = 1.0


class Target(Protocol):
    """What a file in `targets/` offers."""

    MINUTES: int
    LONGEST: int
    WORDS: tuple[bytes, ...]

    def read(self, data: bytes) -> None:
        """Read `data`, and check what holds of it; raise `Refused` if it is not accepted."""


def names() -> list[str]:
    return sorted(path.stem for path in (HERE / "targets").glob("*.py"))


def target(name: str) -> Target:
    return importlib.import_module(f"fuzz.targets.{name}")


def judge(of: Target, data: bytes, seconds: float = SECONDS) -> bool:
    """Tell whether the target accepts `data`; fail if it does neither that nor refuse it as it should."""
    start = time.thread_time()
    refusal = None
    try:
        of.read(data)
    except Refused as error:
        refusal = str(error)
    spent = time.thread_time() - start
    assert spent <= seconds, f"{len(data)} bytes took {spent:.2f} s"
    if refusal is not None:
        check_sentence(refusal)
        assert len(refusal) <= LONGEST, f"a sentence of {len(refusal)} characters"
    return refusal is None


def check_sentence(said: str) -> None:
    """Fail if a sentence cannot be shown as it is, on one line."""
    assert said, "a refusal says nothing"
    assert said.isprintable(), f"a sentence holds what cannot be shown: {said!r:.300}"
