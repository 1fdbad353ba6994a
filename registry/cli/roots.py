"""Who may say what: show the trusted root, add and end keys, and gather the signatures that a change needs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, cast, get_args

import typer
from rich.markup import escape
from rich.table import Table

from lineage import succession
from lineage.authority import TrustedRoot
from lineage.facts import Role
from lineage.predicates.root import Key
from registry.cli import proposals
from registry.cli.proposals import OutOption, change
from registry.cli.session import HomeOption, JsonOption, counted, err, home_at, moment, out, say
from registry.home import Home
from registry.selected import moment as place
from registry.settings import Settings
from registry.store import Absent, log, trust
from registry.work import roots
from signing import canonical
from signing.canonical import Json
from signing.errors import Malformed
from signing.keys import PublicKey
from signing.log import Leaf

app = typer.Typer(help="Who may say what: the trusted root and its keys.", no_args_is_help=True)
app.registered_commands += proposals.app.registered_commands


@app.command()
def show(
    version: Annotated[int | None, typer.Option(min=1, help="An earlier version.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the trusted root in force: which key may say what, for whom, from when to when."""
    opened = home_at(home)
    with opened.store.reading() as connection:
        found = {one.version: one for one in trust.roots(connection)}
    root = found.get(version) if version else opened.root()
    if root is None:
        raise Absent(f"the log has versions 1 to {len(found)} of the trusted root, and no {version}")

    def table() -> None:
        out.print(
            f"version {root.version} of {root.origin}; {counted(root.threshold, 'operator')} must sign the next",
            soft_wrap=True,
        )
        grid = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
        for column in ("key", "operator", "roles", "names", "from", "until"):
            grid.add_column(column, overflow="fold", no_wrap=column in ("key", "from", "until"))
        for key in root.keys:
            end = key.valid_for.end
            grid.add_row(
                key.public.id[:12],
                key.operator,
                "\n".join(key.roles),
                "\n".join(key.namespaces) or "none",
                moment(key.valid_for.start),
                "" if end is None else moment(end),
            )
        out.print(grid)

    say(as_json, canonical.decode(root.encode()), table)


@app.command()
def init(
    holder: Annotated[
        list[str] | None,
        typer.Option(metavar="OPERATOR=FILE", help="Who else holds a root key, and their public key in PEM."),
    ] = None,
    threshold: Annotated[int, typer.Option(min=1, help="How many holders must sign a change.")] = 1,
    operator: Annotated[str | None, typer.Option(help="Who this home signs as; local if not given.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a home whose trusted root several operators hold together; `studbook init` makes one for yourself."""
    held = dict(map(_holder, holder or ()))
    settings = Settings()
    path = home or settings.home
    opened = Home.create(path, operator, settings=settings)
    if opened.root().version > 1:
        raise Malformed(
            f"{path} has a trusted root already, version {opened.root().version}; change that one"
        )
    added = [_added(opened, name, ["root"], public) for name, public in held.items()]
    change(opened, succession.following(opened.root(), add=added, threshold=threshold), None, as_json=as_json)


@app.command("add-key")
def add_key(
    pem: Annotated[
        Path, typer.Argument(help="Public key in PEM; openssl and `studbook keys export` write such.")
    ],
    operator: Annotated[str, typer.Option(help="Who holds it.")],
    role: Annotated[list[str], typer.Option(help=", ".join(get_args(Role)))],
    namespace: Annotated[
        list[str] | None,
        typer.Option(help="Which names it may bind; * for all; hf:OWNER to speak for an owner at the hub."),
    ] = None,
    contact: Annotated[
        str | None, typer.Option(help="How to reach the operator; its name otherwise.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="WHEN", help="Until when it is good.")] = None,
    to: OutOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a key to the trusted root, good from now on."""
    opened = home_at(home)
    public = PublicKey.parse(pem.read_bytes())
    end = None if until is None else when(opened, until)
    added = _added(opened, operator, role, public, namespace or (), contact, end)
    change(opened, succession.following(opened.root(), add=[added]), to, as_json=as_json)


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(help="Id of the key, or its beginning.")],
    at: Annotated[
        str,
        typer.Option(
            metavar="WHEN",
            help="The last time it was good: now, unix seconds, 2026-01-31T12:00:00Z, or entry:INDEX for that entry's time.",
        ),
    ],
    to: OutOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a key. What it signed after WHEN counts no longer, with all that follows from it; this cannot be taken back."""
    opened = home_at(home)
    root = opened.root()
    change(opened, succession.following(root, end={key_of(root, key): when(opened, at)}), to, as_json=as_json)


@app.command()
def threshold(
    operators: Annotated[int, typer.Argument(min=1, help="How many operators must sign a change.")],
    to: OutOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set how many operators with a root key must sign the next version."""
    opened = home_at(home)
    change(opened, succession.following(opened.root(), threshold=operators), to, as_json=as_json)


@app.command()
def rotate(
    role: Annotated[str, typer.Argument(help="root, publisher, builder, rebuilder or security")],
    to: OutOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make this home a new key for a role and end the old one now; stopped anywhere, the same command goes on."""
    if role not in get_args(Role):
        raise Malformed(f"{role!r} is no role; choose one of {', '.join(get_args(Role))}")
    opened, which = home_at(home), cast("Role", role)
    following = roots.rotated(opened, which)
    if following is not None and not change(opened, following, to, as_json=as_json):
        err.print(f"once it is submitted, run `studbook root rotate {role}` again to use the new key")
        return
    new = roots.adopt(opened, which)
    err.print(f"{escape(str(opened.key_file(which)))} is now the key {new.id}", soft_wrap=True)


def _holder(said: str) -> tuple[str, PublicKey]:
    operator, equals, file = said.partition("=")
    if not (operator and equals and file):
        raise Malformed(
            f"{said!r} names no holder; write OPERATOR=FILE, the file being their public key in PEM"
        )
    return operator, PublicKey.parse(Path(file).read_bytes())


def _added(
    home: Home,
    operator: str,
    roles: Sequence[str],
    public: PublicKey,
    namespaces: Sequence[str] = (),
    contact: str | None = None,
    end: int | None = None,
) -> Key:
    """Return a key as a document lists it, good from now on."""
    fields: dict[str, Json] = {
        "operator": operator,
        "roles": list(roles),
        "namespaces": list(namespaces),
        "contact": contact or operator,
        "pem": public.pem().decode(),
        "validFor": {"start": str(roots.moment(home)), "end": None if end is None else str(end)},
    }
    return Key.read(fields)


def key_of(root: TrustedRoot, beginning: str) -> str:
    """Return the id of the one key of a trusted root that begins so."""
    found = [key.public.id for key in root.keys if key.public.id.startswith(beginning)]
    if len(found) != 1 or len(beginning) < 8:
        raise Absent(
            f"{beginning!r} names {counted(len(found), 'key')} of version {root.version}; write 8 or more digits of one id"
        )
    return found[0]


def when(home: Home, said: str) -> int:
    """Return the unix seconds that a word for a time means."""
    if said == "now":
        return roots.moment(home)
    found = place(said)
    if found is None:
        raise Malformed(
            f"{said!r} is no time: write now, unix seconds, 2026-01-31T12:00:00Z with its zone, or entry:INDEX"
        )
    if found.of == "time":
        return found.value
    with home.store.reading() as connection:
        return Leaf.parse(log.read(connection, found.value).leaf).time
