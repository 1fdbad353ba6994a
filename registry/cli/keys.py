"""The keys of a home: which there are, and the public half of each for whoever should check signatures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, cast

import typer
from rich.markup import escape

from lineage.facts import Role
from registry.cli.session import HomeOption, JsonOption, err, home_at, out, say
from registry.home import KEY_FILES, Home
from registry.store import keys
from signing.canonical import Json
from signing.errors import Malformed, Untrusted
from signing.keys import PublicKey

app = typer.Typer(help="List a home's keys, and give out their public halves.", no_args_is_help=True)


@app.command(name="list")
def list_keys(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the keys: role, id, kind, operator, file. Sealed ones stay closed unless STUDBOOK_PASSPHRASE is set.

    Of those the id is the one that the trusted root names, and `opened` is false: whether the file holds it is not known.
    """
    opened = home_at(home)
    rows = [_row(opened, role) for role in KEY_FILES]

    def show() -> None:
        # Ids and paths are copied, so a line is never broken or cut, however narrow the terminal.
        lines = [("role", "key", "kind", "operator", "file"), *(_cells(row) for row in rows)]
        wide = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for line in lines:
            padded = "  ".join(f"{one:{width}}" for one, width in zip(line, wide, strict=True))
            out.print(padded.rstrip(), markup=False, soft_wrap=True)
        closed = [str(row["role"]) for row in rows if not row["opened"]]
        if closed:
            err.print(
                f"note: the files of {', '.join(closed)} are sealed and were not opened: these are the keys that version"
                f" {opened.root().version} of the trusted root names for {escape(opened.root().log().operator)}",
                soft_wrap=True,
            )

    say(as_json, {"keys": cast("Json", rows)}, show)


@app.command()
def export(
    role: Annotated[str, typer.Argument(help=f"Whose key: {', '.join(KEY_FILES)}.")],
    public: Annotated[
        bool, typer.Option("--public", help="The public half: the only one given out.")
    ] = False,
    to: Annotated[
        Path | None, typer.Option("--out", help="New file for the PEM; standard output otherwise.")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the public key of a role as PEM, as `model_signing` and openssl read it."""
    if role not in KEY_FILES:
        raise Malformed(f"{role!r} is no role of a home; choose one of {', '.join(KEY_FILES)}")
    opened = home_at(home)
    if not public:
        raise Malformed(
            f"a private key is not given out: add --public; private keys lie in {opened.path / 'keys'}, to be backed up there"
        )
    key = opened.keys(role).public
    if to is not None:
        with to.open("xb") as file:  # what is there might be somebody's private key
            file.write(key.pem())
        err.print(f"{role} key {key.id} written to {escape(str(to))}", soft_wrap=True)
    if to is None or as_json:
        value = {**_row(opened, role), "pem": key.pem().decode()}
        say(as_json, value, lambda: typer.echo(key.pem().decode(), nl=False))


def _row(home: Home, role: Role) -> dict[str, str | bool | None]:
    file = home.key_file(role)
    opened = home.settings.passphrase is not None or not keys.sealed(file)
    key = home.keys(role).public if opened else _named(home, role)
    try:
        operator = home.operator(role) if opened else home.root().log().operator
    except Untrusted:
        operator = None
    return {
        "role": role,
        "key": None if key is None else key.id,
        "kind": None if key is None else key.kind,
        "operator": operator,
        "file": str(file),
        "opened": opened,
    }


def _named(home: Home, role: Role) -> PublicKey | None:
    """Return the one key that the trusted root in force names for whoever keeps this log, in this role, if it is one."""
    root = home.root()
    held = {
        key.public
        for key in root.keys
        if role in key.roles and key.operator == root.log().operator and key.valid(home.now())
    }
    return held.pop() if len(held) == 1 else None


def _cells(row: Mapping[str, str | bool | None]) -> tuple[str, ...]:
    lacks = "not in the trusted root" if row["opened"] else "unknown"
    return tuple(str(row[column] or lacks) for column in ("role", "key", "kind", "operator", "file"))
