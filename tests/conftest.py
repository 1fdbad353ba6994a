"""Fixtures every test may ask for."""

import os
from pathlib import Path

import hypothesis
import pytest

# How many times as many examples every law draws as it says: `make test`, which people wait for, has a quarter of them, `make
# system` draws all those of the arithmetic and the cores, and `make soak` many times as many.
SOAK = float(os.environ.get("STUDBOOK_SOAK", "1"))

# A verdict on a commit is the same each time it is asked for; `make soak` draws other examples each time.
hypothesis.settings.register_profile("verdict", derandomize=SOAK <= 1)
hypothesis.settings.load_profile("verdict")

# `make system` and continuous integration set it: what is skipped there has silently stopped being tested.
NO_SKIP = os.environ.get("STUDBOOK_NO_SKIP") == "1"


def unskipped(report):
    """Turn a skip into a failure that says why it was skipped; an expected failure stays what it is."""
    if NO_SKIP and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"STUDBOOK_NO_SKIP=1, and this was skipped: {reason}"
    return report


def pytest_collection_modifyitems(config, items):
    """Leave out what is about the database in which no log lies here; let laws that name their number of examples, as all do, draw more or fewer."""
    other = "sqlite" if os.environ.get("STUDBOOK_TEST_ON") == "postgresql" else "postgresql"
    config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker(other)])
    items[:] = [item for item in items if item.get_closest_marker(other) is None]
    if SOAK == 1:
        return
    for test in {getattr(item, "obj", None) for item in items}:
        # Where hypothesis keeps what `@settings` said; a profile would not reach laws that say a number.
        said = getattr(test, "_hypothesis_internal_use_settings", None)
        if said is not None:
            drawn = max(1, round(said.max_examples * SOAK))
            test._hypothesis_internal_use_settings = hypothesis.settings(
                said, max_examples=drawn, deadline=None
            )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    return unskipped((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report():
    return unskipped((yield))


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
