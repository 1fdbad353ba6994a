"""A world whose home another process serves on this machine."""

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import httpx
import pytest
from world import World

SCRIPT = """
import sys
from pathlib import Path
from registry.deps import Limits
from registry.home import Home
from registry.serve import run
run(Home.open(Path(sys.argv[1])), port=int(sys.argv[2]), grace=float(sys.argv[3]), limits=Limits(stall_seconds=5))
"""


@dataclass
class Serving:
    process: subprocess.Popen
    url: str
    port: int
    log: IO[str]
    said: list[str] = field(default_factory=list)

    def ends(self, signal: int) -> int:
        """Send the signal and return the exit code; what the process wrote is in `said`."""
        self.process.send_signal(signal)
        out, _ = self.process.communicate(timeout=30)
        assert out == ""
        self.log.seek(0)
        self.said = self.log.read().splitlines()
        return self.process.returncode


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def served(home: Path, grace: float = 20, port: int | None = None) -> Iterator[Serving]:
    port = port or free_port()
    root = Path(__file__).parents[3]
    # A pipe that nobody reads would fill, and stop the process.
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(home), str(port), str(grace)],
            cwd=root,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        url = f"http://127.0.0.1:{port}"
        try:
            for _ in range(600):
                try:
                    httpx.get(f"{url}/health").raise_for_status()
                    break
                except httpx.TransportError:
                    assert process.poll() is None, "the process ended"
                    time.sleep(0.05)
            yield Serving(process, url, port, log)
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """One world for a whole file: starting a process takes seconds, and its stories only add to the log."""
    return World(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def serving(world: World) -> Iterator[Serving]:
    """A process that no story ends."""
    with served(world.home.path) as one:
        yield one


@pytest.fixture
def start():
    """Start a process that the story ends itself."""
    return served
