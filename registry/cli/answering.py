"""Whom a command asks: this home, or a registry at a URL, which has to be the one that it was before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

from lineage.authority import TrustedRoot
from registry.answers import Answers
from registry.cli.session import err, home_at
from registry.home import Home
from registry.settings import Settings, now
from registry.work.memory import Notebook
from registry.work.reader import Reader

if TYPE_CHECKING:
    from registry.client import Remote


def asked(home: Path | None, registry: str | None, root: TrustedRoot | None = None) -> Answers:
    """Return whoever answers: the registry at a URL, judged by `root` where one is pinned for it, or the home."""
    return answers_of(home_at(home)) if registry is None else remote_at(registry, home, root)


def answers_of(home: Home) -> Answers:
    """Return what answers from an opened home."""
    # networkx is only needed for this, and takes a tenth of a second to load.
    from registry.local import Local  # noqa: PLC0415

    return Local(home.store, now, stops=home.settings.not_affected_stops)


def remote_at(url: str, home: Path | None, root: TrustedRoot | None = None) -> Remote:
    """Return the registry at a URL, unless its log does not continue what was seen of it before."""
    # httpx is only needed for this, and takes a tenth of a second to load.
    from registry.client import Remote  # noqa: PLC0415

    remote = Remote(url)
    follow(remote, home, root)
    return remote


def follow(remote: Remote, home: Path | None, root: TrustedRoot | None = None) -> None:
    """Look at a registry's log, remember it beside the home, and let no other log answer in its name from now on."""
    from registry.tlog import RemoteLog  # noqa: PLC0415 - see above

    notebook = Notebook.beside(home or Settings().home, remote.shown)
    reader = Reader(RemoteLog(remote.site), notebook, root)
    remote.follow(reader.admit, reader.judge)
    if reader.first:
        err.print(
            f"note: {escape(remote.shown)} was not asked from here before: the log {escape(reader.origin)} is remembered"
            " as it is now, by its own word, and one that does not continue it is refused",
            soft_wrap=True,
        )
