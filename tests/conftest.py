"""Fixtures every test may ask for."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """Data that others made: vectors, recipes, cards. A test that needs it skips where it is absent."""
    folder = Path(os.environ.get("STUDBOOK_SHARED", Path(__file__).parents[2] / "shared"))
    if not (folder / "vectors").is_dir():
        pytest.skip(f"the vectors are not at {folder}; set STUDBOOK_SHARED to where they are")
    return folder


@pytest.fixture
def world(tmp_path: Path):
    """A home of its own over the real code, with a clock that the test sets."""
    from world import World

    return World(tmp_path)
