"""Search: which artifacts hold the tensors that incidents name, by the manifests that are here."""

from __future__ import annotations

import re
from collections.abc import Sequence

import typer

from registry.cli.session import Fails, HomeOption, JsonOption, counted, home_at, out, progress, say, short
from registry.home import Home
from registry.store import Absent, artifacts, flagging, refs
from registry.work import tensors
from registry.work.shelf import described
from registry.work.tensors import Found
from signing.canonical import Json
from signing.errors import Malformed

_DIGEST = re.compile("[0-9a-f]{64}")
_PREFIX = "tensor:"

app = typer.Typer()


@app.command()
def search(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Look in every manifest that is here for the tensors that incidents name, and flag what holds one.

    What this home registers is looked at as it comes in; what others send by HTTP has its manifest sent later.
    """
    opened = home_at(home)
    with opened.store.reading() as connection:
        selectors = [one for each in flagging.incidents(connection) for one in each.selectors]
    wanted = list(dict.fromkeys(one.removeprefix(_PREFIX) for one in selectors if one.startswith(_PREFIX)))
    found = look(opened, wanted, quiet=as_json)
    if found.statements:
        opened.say_all(found.statements)

    def show() -> None:
        out.print(f"looked for {counted(len(wanted), 'tensor')} in {counted(found.read, 'manifest')}")
        for tensor, holders in found.holders.items():
            for artifact in holders:
                out.print(f"  {artifact} holds tensor {tensor[:12]}, and is flagged now", soft_wrap=True)
        show_unread(found)

    value: Json = {
        "tensors": wanted,
        "holders": {tensor: list(holders) for tensor, holders in found.holders.items()},
        "read": found.read,
        "unread": list(found.unread),
    }
    say(as_json, value, show)
    if found.unread:
        raise Fails


def tensor_of(home: Home, written: str) -> str:
    """Return the digest of a tensor that is given by it, or by an artifact and the tensor's name there."""
    if _DIGEST.fullmatch(written):
        return written
    ref, _, name = written.rpartition(":")
    if ref in {"", "sha256", "hf"}:
        raise Malformed(f"{written!r} is no tensor: write REF:NAME, or the 64 hex digits of its digest")
    with home.store.reading() as connection:
        manifest, _ = described(home, connection, refs.resolve(connection, ref))
    for one in manifest.tensors:
        if one.name == name:
            return one.digest
    raise Absent(f"{ref} has no tensor {name!r}; it has {counted(len(manifest.tensors), 'tensor')}")


def look(home: Home, wanted: Sequence[str], *, quiet: bool) -> Found:
    """Look for tensors, by their digests, in every manifest that is here, with a bar."""
    if not wanted:
        return Found({}, 0, ())
    with home.store.reading() as connection:
        total = len({artifact for artifact, _ in artifacts.described(connection)})
    with progress("manifests", total, quiet=quiet, in_bytes=False) as step:
        return tensors.look(home, wanted, step)


def show_unread(found: Found) -> None:
    """Say of which artifacts nobody could look at the tensors."""
    if found.unread:
        shown = ", ".join(map(short, found.unread[:3])) + (" and more" if len(found.unread) > 3 else "")
        out.print(
            f"  [yellow]unknown[/]: of {counted(len(found.unread), 'artifact')} no manifest can be read here, so nobody looked: {shown}",
            soft_wrap=True,
        )
