"""The keys of a home: which there are, and the public half of each for whoever should check signatures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast

import typer
from rich.markup import escape

from lineage.facts import Role
from registry.cli.session import HomeOption, JsonOption, err, home_at, out, say
from registry.home import KEY_FILES, Home
from signing.canonical import Json
from signing.errors import Malformed, Untrusted

app = typer.Typer(help="List a home's keys, and give out their public halves.", no_args_is_help=True)


@app.command(name="list")
def list_keys(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the keys: role, id, kind, operator, file."""
    opened = home_at(home)
    rows = [_row(opened, role) for role in KEY_FILES]

    def show() -> None:
        # Ids and paths are copied, so a line is never broken or cut, however narrow the terminal.
        lines = [("role", "key", "kind", "operator", "file"), *(tuple(row.values()) for row in rows)]
        lines = [tuple(one or "not in the trusted root" for one in line) for line in lines]
        wide = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for line in lines:
            padded = "  ".join(f"{one:{width}}" for one, width in zip(line, wide, strict=True))
            out.print(padded.rstrip(), markup=False, soft_wrap=True)

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


def _row(home: Home, role: Role) -> dict[str, str | None]:
    key = home.keys(role).public
    try:
        operator = home.operator(role)
    except Untrusted:
        operator = None
    return {
        "role": role,
        "key": key.id,
        "kind": key.kind,
        "operator": operator,
        "file": str(home.key_file(role)),
    }
