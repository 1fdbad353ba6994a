"""A terminal over the real command line, in this process, and a small kennel to ask about."""

import io
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from making import floats, write_model

from registry.cli.main import main
from signing import canonical
from signing.digest import sha256_hex

RECIPE = """\
merge_method: linear
models:
  - model: kennel/one
    parameters: {weight: 0.5}
  - model: kennel/two
    parameters: {weight: 0.5}
dtype: float32
"""


@dataclass(frozen=True)
class Said:
    """What a command answered: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return canonical.decode(self.out.encode())


class Terminal:
    """Types commands in a folder; the home is named by the environment, as a user would."""

    def __init__(self, folder: Path, home: Path | None = None) -> None:
        self.folder = folder
        self.home = home or folder / "home"

    def __call__(self, *words: object, columns: int = 250) -> Said:
        out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
        with (
            pytest.MonkeyPatch.context() as patch,
            chdir(self.folder),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            patch.setattr(sys, "argv", ["studbook", *map(str, words)])
            patch.setenv("STUDBOOK_HOME", str(self.home))
            patch.setenv("COLUMNS", str(columns))
            patch.setenv("TERM", "xterm")  # a dumb terminal is 80 wide, whatever it says
            with pytest.raises(SystemExit) as end:
                main()
        said = [stream.buffer.getvalue().decode() for stream in (out, err)]
        assert isinstance(end.value.code, int)
        return Said(end.value.code, *said)

    def holds(self, *words: object) -> Any:
        """Type a command with --json, insist that it holds, and return its value."""
        said = self(*words, "--json")
        assert said.code == 0, said
        return said.json

    def refuses(self, words: tuple[str, ...], code: int, sentences: tuple[str, ...]) -> None:
        """Type a command, for people and for programs, and insist that it refuses and changes nothing."""
        before = self.state()
        said = self(*words)
        assert said.code == code, said
        told = said.out + said.err
        assert "Traceback" not in told
        for sentence in sentences:
            assert sentence in told, said
        if words[:2] != ("log", "prove") and words[0] != "serve":
            machine = self(*words, "--json")
            assert machine.code == code
            canonical.decode((machine.out or machine.err.splitlines()[-1]).encode())
        after = self.state()
        assert {name for name in {*before, *after} if before.get(name) != after.get(name)} == set()

    def state(self) -> dict[str, str]:
        """Everything below the folder that a command could change, with the database by its rows."""
        found = {}
        for path in sorted(self.folder.rglob("*")):
            name = path.relative_to(self.folder).as_posix()
            if path.is_symlink() or not path.is_file():
                found[name] = str(path.readlink()) if path.is_symlink() else ""
            elif path.name == "studbook.db":
                found[name] = _rows(path)
            else:
                found[name] = sha256_hex(path.read_bytes())
        # What SQLite keeps beside the database is its own; the rows are ours.
        return {name: what for name, what in found.items() if not name.endswith(("-wal", "-shm"))}


def _rows(path: Path) -> str:
    try:
        connection = sqlite3.connect(path)
        try:
            return sha256_hex("\n".join(connection.iterdump()).encode())
        finally:
            connection.close()
    except sqlite3.DatabaseError:
        return sha256_hex(path.read_bytes())


def model(folder: Path, shift: float) -> Path:
    values = {"layers.0.weight": ("F32", (4, 4), floats([shift + i / 8 for i in range(16)]))}
    return write_model(folder, values)


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    """An empty folder, without a home."""
    return Terminal(tmp_path)


@pytest.fixture(scope="session")
def kennel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """A base, two tunes of it and their merge, which nobody may change."""
    typed = Terminal(tmp_path_factory.mktemp("kennel"))
    typed.holds("init", "--operator", "kennel")
    for shift, name in enumerate(("base", "one", "two", "spare")):
        model(typed.folder / name, shift)
        tuned = ("--base", "kennel/base") if name in {"one", "two"} else ()
        typed.holds("add", name, "--name", f"kennel/{name}", "--license", "mit", *tuned)
    (typed.folder / "recipe.yaml").write_text(RECIPE)
    typed.holds("merge", "recipe.yaml", "--out", "both", "--name", "kennel/both@v1")
    before = typed.state()
    yield typed
    after = typed.state()
    assert {name for name in {*before, *after} if before.get(name) != after.get(name)} == set()
