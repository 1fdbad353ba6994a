"""Fixtures of the merger's tests: small models on a disk that forgets."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from making import add_all, floats, write_model

_MEMORY = Path("/dev/shm")


@pytest.fixture(autouse=True)
def _in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Merges sync every file to the disk; thousands of tiny ones would measure the disk alone.

    For the time of one test: a folder that outlives it, or another package's, would fill the machine's memory.
    """
    if _MEMORY.is_dir():
        monkeypatch.setattr(tempfile, "tempdir", str(_MEMORY))


@pytest.fixture
def tmp_path(_in_memory: None) -> Iterator[Path]:
    """A folder that is gone after the test."""
    with tempfile.TemporaryDirectory(prefix="studbook-") as folder:
        yield Path(folder)


@pytest.fixture
def pair(tmp_path: Path) -> dict[str, Path]:
    """Two models of two tensors, by artifact id."""
    one = {"a": ("F32", (2, 2), floats([1, 2, 3, 4])), "b": ("F32", (3,), floats([5, 6, 7]))}
    two = {"a": ("F32", (2, 2), floats([2, 4, 6, 8])), "b": ("F32", (3,), floats([0, 6, -7]))}
    return add_all([write_model(tmp_path / "one", one), write_model(tmp_path / "two", two)])


@pytest.fixture
def linear(pair: dict[str, Path]) -> dict[str, object]:
    """A recipe over the pair."""
    return {
        "arithmetic": "1",
        "method": "linear",
        "parents": [{"model": artifact, "parameters": {"weight": "0.5"}} for artifact in pair],
        "parameters": {"normalize": True},
        "shard_bytes": "5000000000",
        "allow_nonfinite": False,
    }


@pytest.fixture(scope="session")
def golden() -> dict[str, str]:
    """The ids that `fresh.py` prints, by method: they change with Merge Arithmetic 2 and not before."""
    return json.loads(Path(__file__).with_name("golden.json").read_text())
