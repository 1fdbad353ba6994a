"""Real processes, real weights: what the tests of this folder share."""

import subprocess
import sys
from pathlib import Path

import pytest
from processes import environment

from registry.demo import base


@pytest.fixture(scope="session")
def typed():
    """Type a `studbook` command in a fresh process; returns the finished process."""

    def run(
        folder: Path, *words: object, code: int = 0, python: Path | str = sys.executable, **settings: str
    ):
        command = [str(python), "-m", "registry", *map(str, words)]
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment(**{"STUDBOOK_HOME": str(folder / "home")} | settings),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
        return done

    return run


@pytest.fixture(scope="session")
def minilm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real base, pinned by its digest: 22.7 million parameters."""
    return base.base(tmp_path_factory.mktemp("base")).folder
