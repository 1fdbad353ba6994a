"""A PostgreSQL server of the tests' own: made in a folder of its own, reached through a socket there, gone afterwards."""

import atexit
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import pytest

# `make system` sets it: every world keeps its log in a database of this server.
ON_POSTGRESQL = os.environ.get("STUDBOOK_TEST_ON") == "postgresql"

_NUMBERS = count()
# Nothing here has to outlive the machine; what PostgreSQL does about that is not ours to test.
_HASTY = "-c fsync=off -c full_page_writes=off -c max_connections=1000"


class Cluster:
    def __init__(self, bin: Path, options: str = _HASTY) -> None:  # noqa: A002 - PostgreSQL's own word
        self._bin = bin
        self._owner: Any = None
        self.folder = Path(tempfile.mkdtemp(prefix="studbook-pg-"))
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(self.folder, self._user)
        self._run(
            "initdb",
            "-D",
            str(self.folder / "data"),
            "-A",
            "trust",
            "-U",
            "studbook",
            "-E",
            "UTF8",
            "--locale=C",
        )
        options += f" -c listen_addresses= -c unix_socket_directories={self.folder}"
        self._run(
            "pg_ctl",
            "-D",
            str(self.folder / "data"),
            "-o",
            options,
            "-l",
            str(self.folder / "log"),
            "-w",
            "start",
        )

    def url(self, database: str) -> str:
        return f"postgresql://studbook@/{database}?host={self.folder}"

    def create(self, *clauses: str) -> str:
        """Create a database; return its name."""
        name = f"log{next(_NUMBERS)}"
        self.say(f"CREATE DATABASE {name} {' '.join(clauses)}")
        return name

    def drop(self, database: str) -> None:
        self.say(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    def say(self, sql: str) -> None:
        """Run a statement as the server's owner, over the one connection that is kept for it."""
        if self._owner is None:
            import psycopg

            self._owner = psycopg.connect(self.url("postgres"), autocommit=True)
        self._owner.execute(sql)

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> str:
        command: Sequence[str] = [str(self._bin / program), *arguments]
        done = subprocess.run(
            command,
            user=self._user,
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{program} ended with {done.returncode}: {done.stderr or done.stdout}")
        return done.stdout


@cache
def cluster() -> Cluster:
    """Start the server on first use; a test that needs it skips where PostgreSQL is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("PostgreSQL is not installed: Debian's package is called postgresql")
    started = Cluster(found[-1].parent)
    atexit.register(started.stop)
    return started
