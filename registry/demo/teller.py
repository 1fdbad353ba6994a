"""Who tells the demo's story: by acts, and by commands typed into processes of their own."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from signing import canonical
from signing.errors import Refused

screen = Console(highlight=False)


@dataclass(slots=True)
class Teller:
    """Where the demo lives, and how it types commands."""

    folder: Path
    acts: int = 0
    spent: dict[str, float] = field(default_factory=dict)

    def act(self, title: str) -> None:
        """Open the next act."""
        self.acts += 1
        screen.print()
        screen.rule(f"[bold]{self.acts}. {title}", align="left")

    def studbook(self, *words: str, holds: bool = True) -> None:
        """Type a command into a process of its own, show what it says, and insist on whether it holds."""
        screen.print(f"[bold cyan]$ studbook {shlex.join(words)}[/]", soft_wrap=True)
        command = self._command(*words)
        code = subprocess.run(command, cwd=self.folder, check=False).returncode  # noqa: S603 - our own command
        if code != (0 if holds else 1):
            raise Refused(f"studbook {words[0]} ended with exit code {code}, not {0 if holds else 1}")

    def asked(self, *words: str) -> Any:
        """Return the JSON value that a command answers with."""
        done = subprocess.run(  # noqa: S603 - our own command
            self._command(*words, "--json"), cwd=self.folder, check=False, stdout=subprocess.PIPE
        )
        if done.returncode != 0:
            raise Refused(f"studbook {words[0]} ended with exit code {done.returncode}, not 0")
        return canonical.decode(done.stdout)

    def _command(self, *words: str) -> list[str]:
        return [sys.executable, "-P", "-m", "registry", *words, "--home", str(self.folder / "home")]

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Note how long a part took."""
        start = time.monotonic()
        yield
        self.spent[what] = self.spent.get(what, 0) + time.monotonic() - start
