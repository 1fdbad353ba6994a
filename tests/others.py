"""Other people's programs, unmodified, each in an environment of its own: what they need is none of this project's."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from processes import ROOT, environment

Run = Callable[..., str]


def installed(place: Path, *requirements: str) -> Run:
    """Install `requirements` at `place`; return what runs a program there, and gives what it said."""
    settings = environment()
    del settings["PYTHONPATH"]

    def run(*words: object, code: int = 0, program: str = "python") -> str:
        done = subprocess.run(
            [place / "bin" / program, *map(str, words)],
            env=settings, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == code, (words, done.stdout[-4000:], done.stderr[-4000:])
        return done.stdout + done.stderr

    subprocess.run([sys.executable, "-m", "venv", place], check=True)
    # Their other dependencies are pinned where everything is.
    pip = ("-m", "pip", "--disable-pip-version-check", "install", "--quiet")
    run(*pip, "-c", ROOT / "constraints.txt", *requirements)
    return run
