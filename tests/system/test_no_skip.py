"""Where `STUDBOOK_NO_SKIP=1` stands, a skip is a failure that says what was skipped."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from processes import ROOT, environment

SKIPS = """
import pytest

@pytest.mark.skip(reason="marked")
def test_marked(): pass

def test_inside(): pytest.skip("inside")

@pytest.fixture
def missing(): pytest.skip("in a fixture")

def test_fixture(missing): pass

@pytest.mark.xfail(reason="known")
def test_expected(): assert False

def test_sound(): pass
"""


@pytest.mark.system
@pytest.mark.parametrize(("setting", "code", "ending"), [("1", 1, "failed"), ("", 0, "3 skipped")])
def test_a_skip_is_a_failure_where_nothing_may_be_skipped(
    tmp_path: Path, setting: str, code: int, ending: str
) -> None:
    (tmp_path / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    (tmp_path / "test_skips.py").write_text(SKIPS)
    settings = environment(
        STUDBOOK_NO_SKIP=setting, PYTHONPATH=os.pathsep.join(map(str, (ROOT, ROOT / "tests")))
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", tmp_path, tmp_path],
        cwd=tmp_path, env=settings, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stdout
    assert ending in done.stdout
    assert "1 xfailed" in done.stdout
    if setting:
        for reason in ("marked", "inside", "in a fixture"):
            assert f"this was skipped: Skipped: {reason}" in done.stdout or reason in done.stdout
