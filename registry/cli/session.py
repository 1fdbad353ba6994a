"""What every command shares: where the home is, whom to ask, how to print, how to wait.

Answers go to standard output, as tables for people or, with --json, as one JSON value; progress and errors go to
standard error. Exit codes: 0 holds, 1 does not hold, 2 misuse.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from getpass import getpass
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from lineage.authority import TrustedRoot
from registry.home import Home
from registry.settings import Settings, variable
from registry.store import keys
from registry.work.pinned import Pinned, read
from signing import canonical
from signing.canonical import Json
from signing.errors import Malformed, Refused, Untrusted
from signing.keys import PrivateKey

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", help="Home folder; STUDBOOK_HOME or the user's data folder otherwise."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON value instead of tables.")]
RegistryOption = Annotated[
    str | None,
    typer.Option("--registry", metavar="URL", help="Ask a registry over HTTP instead of this home."),
]
RootOption = Annotated[
    Path | None, typer.Option("--root", help="Pinned trusted_root.json; the home's own otherwise.")
]
ThreadsOption = Annotated[
    int,
    typer.Option("--threads", min=1, max=256, help="Threads that hash and compute; never changes a result."),
]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace a signature that is there.")]
ReadOption = Annotated[
    int,
    typer.Option(
        "--read", min=1, max=64, help="Read size in units of 2^19 elements; never changes a result."
    ),
]
MemoryOption = Annotated[
    str | None,
    typer.Option(
        "--memory",
        metavar="SIZE",
        help="What the process may take, such as 200M or 2G: by fewer threads and smaller reads, never by another result.",
    ),
]
EveryOption = Annotated[
    float | None,
    typer.Option("--every", min=1, metavar="SECONDS", help="Go on until stopped, looking again this often."),
]

_UNITS = {"M": 10**6, "G": 10**9}
_SIZE = re.compile(r"([0-9]{1,9})([MG])", re.ASCII)

# No emoji codes: what others wrote, such as `:bug:` in a summary, is printed as they wrote it.
out = Console(highlight=False, soft_wrap=False, emoji=False)
err = Console(stderr=True, highlight=False, emoji=False)


class Fails(typer.Exit):
    """Ends a command whose question was answered with no."""

    def __init__(self) -> None:
        super().__init__(code=1)


def bound(memory: str | None) -> int | None:
    """Return the bytes that `--memory` allows, in powers of ten like all sizes that are printed, if it is given."""
    if memory is None:
        return None
    found = _SIZE.fullmatch(memory)
    if found is None or not int(found[1]):
        raise Malformed(f"--memory {memory} is no size; write a whole number with M or G, such as 200M or 2G")
    return int(found[1]) * _UNITS[found[2]]


def again(look: Callable[[], bool], every: float | None) -> bool:
    """Look once, or again and again: a registry that is away for a while comes back, one that lies does not."""
    while every is not None:
        try:
            look()
        except Refused as error:
            if isinstance(error, Untrusted | Malformed):
                raise
            err.print(f"[yellow]{escape(str(error))}[/]; trying again in {every:g} seconds", soft_wrap=True)
        time.sleep(every)
    return look()


def home_at(path: Path | None) -> Home:
    """Open the home that the option, the environment or the default names."""
    return Home.open(path or Settings().home, ask=passphrase)


@cache
def passphrase(name: str) -> bytes | None:
    """Ask on the terminal, once, for what opens the key with this name; None where there is no terminal."""
    if not sys.stdin.isatty():
        return None
    return getpass(f"passphrase of {name}: ").encode() or None


def new_passphrase() -> str:
    """Ask on the terminal, twice, for a passphrase to seal keys with."""
    if not sys.stdin.isatty():
        raise Malformed("there is no terminal to ask for a passphrase on: set STUDBOOK_PASSPHRASE")
    first = getpass("passphrase for the keys: ")
    if not first or getpass("again: ") != first:
        raise Malformed("the two passphrases differ, or are empty: nothing was made")
    return first


def key_at(reference: str) -> PrivateKey:
    """Return the private key in a file, or in the environment where the reference is env://NAME."""
    name = reference.removeprefix("env://")
    if name == reference:
        return keys.load(Path(reference), _passphrase)
    pem = variable(name)
    if pem is None:
        raise Malformed(f"{reference}: the environment has no {name}")
    return keys.opened(pem.encode(), reference, _passphrase)


def _passphrase(name: str) -> bytes | None:
    said = Settings().passphrase
    return passphrase(name) if said is None else said.get_secret_value().encode()


def pinned(root: Path | None, home: Path | None) -> TrustedRoot:
    """Return the trusted root that the option names, or the one that the home pins."""
    return read(root or (home or Settings().home) / "trusted_root.json")


def warn(pinned: Pinned, name: str) -> None:
    """Say loudly where somebody was believed about themselves."""
    if pinned.taken:
        err.print(
            f"[bold red]INSECURE[/] {escape(name)} was asked which trusted root to judge it by, and version"
            f" {pinned.root.version} for {escape(pinned.root.origin)} is taken by its word alone, and pinned if the log"
            f" holds by it; compare its log key {pinned.root.log().public.id} with somebody you trust",
            soft_wrap=True,
        )


def plain(value: BaseModel | Json | Sequence[BaseModel]) -> Json:
    """Return the JSON value of an answer."""
    if isinstance(value, BaseModel):
        return canonical.decode(value.model_dump_json().encode())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(one) for one in value]
    return value


def say(as_json: bool, value: BaseModel | Json | Sequence[BaseModel], show: Callable[[], None]) -> None:
    """Print an answer in the form that was asked for."""
    if as_json:
        typer.echo(canonical.encode(plain(value)))
    else:
        show()


@contextmanager
def progress(
    what: str, total: int, *, quiet: bool = False, in_bytes: bool = True
) -> Iterator[Callable[[int], None]]:
    """Draw a bar on a terminal while `total` bytes, or pieces, are worked through; yields what to tell about each."""
    sizes = (DownloadColumn(binary_units=True), TransferSpeedColumn())
    columns = (
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        *(sizes if in_bytes else (MofNCompleteColumn(),)),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=quiet or not err.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda size: bar.advance(task, size)


def short(artifact: str) -> str:
    """Return the beginning of an id, long enough to be typed again."""
    head, _, tail = artifact.partition(":")
    return f"{head}:{tail[:12]}" if head == "sha256" else artifact


def moment(time: int) -> str:
    """Return unix seconds as people read them, in UTC."""
    try:
        return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):  # beyond the year 9999, where a key may well end
        return str(time)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural where it is not one."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def kind_of(predicate_type: str) -> str:
    """Return the end of a predicate's URI, which tells people what kind of statement it is."""
    return "/".join(predicate_type.split("/")[-2:])


def called(artifact: str, names: Sequence[str]) -> str:
    """Return what people call an artifact: its newest name, or the beginning of its id."""
    return names[0] if names else short(artifact)


def path_of(way: Sequence[str], names: Mapping[str, Sequence[str]]) -> str:
    """Return a way through the lineage in one line."""
    return " → ".join(called(one, names.get(one, ())) for one in way)
