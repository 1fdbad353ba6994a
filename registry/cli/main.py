"""The `studbook` command.

Every refusal ends here, as one sentence on standard error: exit 1 where something does not hold, exit 2 where the
question itself was wrong.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import metadata
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.markup import escape

from merger.recipe import sentence
from registry.cli import (
    agreeing,
    aligning,
    asking,
    assessing,
    attesting,
    attributing,
    auditing,
    comparing,
    conflicts,
    cosigning,
    disputing,
    dossiers,
    exporting,
    hooking,
    importing,
    incidents,
    keys,
    kinship,
    licensing,
    logs,
    making,
    notifying,
    parenting,
    proposing,
    reaching,
    rebuilding,
    recipes,
    registering,
    remedying,
    reporting,
    roots,
    running,
    sameness,
    sharing,
    showing,
    signatures,
    simulating,
    stats,
    tokenizers,
    triaging,
    verifying,
    waiving,
)
from registry.cli.session import err
from registry.settings import Settings
from signing import canonical
from signing.errors import Malformed, Refused, Untrusted

# What typer ends with after an interrupt, as shells do: 128 and the number of the signal.
_INTERRUPTED = 130

app = typer.Typer(
    name="studbook",
    help="Signed merge lineage for model weights: what is it made of, can it be made again, is any of it poisoned?",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
# What `--help` lists together: the apps whose commands stand alone, and the groups of commands by their names.
_PANELS: dict[str, tuple[tuple[typer.Typer, ...], dict[str, typer.Typer]]] = {
    "Register": (
        (registering.app, sameness.app, importing.app, signatures.app),
        {},
    ),
    "Merge and rebuild": (
        (making.app, aligning.app, tokenizers.app, attributing.app, sharing.app),
        {
            "recipe": recipes.app,
            "stats": stats.app,
            "rebuilder": rebuilding.rebuilder,
            "rebuilds": agreeing.rebuilds,
        },
    ),
    "Ask about a lineage": (
        (asking.app, kinship.app, comparing.app, reaching.app, triaging.app, parenting.app),
        {"simulate": simulating.app},
    ),
    "Licenses": ((licensing.app,), {"license": licensing.group}),
    "Incidents": ((), {"incident": incidents.app, "hooks": hooking.app, "remedy": remedying.app}),
    "Prove and pass on": (
        (verifying.app, attesting.app, exporting.app, dossiers.app, agreeing.app),
        {"keys": keys.app, "log": logs.app, "root": roots.app},
    ),
    "This installation": ((running.app,), {}),
}
logs.app.registered_commands += auditing.app.registered_commands
for part in (proposing.app, conflicts.app, waiving.app):
    licensing.group.registered_commands += part.registered_commands
for part in (showing.app, reporting.app, cosigning.app, disputing.app, assessing.app, notifying.app):
    incidents.app.registered_commands += part.registered_commands
for panel, (alone, groups) in _PANELS.items():
    for command in [one for part in alone for one in part.registered_commands]:
        command.rich_help_panel = panel
        app.registered_commands.append(command)
    for name, group in groups.items():
        app.add_typer(group, name=name, rich_help_panel=panel)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"studbook {metadata.version('studbook')}")
        raise typer.Exit


@app.callback()
def _root(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line and leave with its exit code."""
    try:
        _check_words(sys.argv)
        code = app(standalone_mode=False)
    except typer.TyperException as error:
        said = error.format_message().rstrip(".")
        if said:  # a command without its words has printed its help already
            _refuse(f"{said}; `studbook --help` lists commands and what they take")
        code = error.exit_code
    except ValidationError as error:
        if error.title != Settings.__name__:
            raise
        _refuse(sentence("a setting in the environment, STUDBOOK_…", error))
        code = 2
    except Refused as error:
        _refuse(str(error))
        code = 1 if isinstance(error, Untrusted) else 2
    except OSError as error:
        _refuse(f"{error.filename or 'the system'}: {error.strerror or error}")
        code = 2
    if code == _INTERRUPTED:
        err.print("stopped; what was recorded stands, and the same command may be given again")
    sys.exit(code if isinstance(code, int) else 0)


def _refuse(said: str) -> None:
    if "--json" in sys.argv:
        sys.stderr.write(canonical.encode({"error": said}).decode() + "\n")
    else:
        err.print(f"[bold red]studbook:[/] {escape(said)}", soft_wrap=True)


def _check_words(words: Sequence[str]) -> None:
    """Refuse a word that is no text: neither the database nor JSON could hold it."""
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError:
            raise Malformed(
                f"{word!r} is not UTF-8; rename it, since what is logged has to be text"
            ) from None
