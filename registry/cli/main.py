"""The `studbook` command.

Every refusal ends here, as one sentence on standard error: exit 1 where something does not hold, exit 2 where the
question itself was wrong.
"""

from __future__ import annotations

import sys
from importlib import metadata
from typing import Annotated

import click
import typer

from registry.cli import asking, incidents, logs, making, running
from registry.cli.session import err
from signing import canonical
from signing.errors import Refused, Untrusted

app = typer.Typer(
    name="studbook",
    help="Signed merge lineage for model weights: what is it made of, can it be made again, is any of it poisoned?",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
for part in (making.app, asking.app, running.app):
    app.registered_commands += part.registered_commands
app.add_typer(incidents.app, name="incident")
app.add_typer(logs.app, name="log")


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
        code = app(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        err.print("stopped; what is finished is kept, and the same command goes on from there")
        code = 130
    except Refused as error:
        _refuse(str(error))
        code = 1 if isinstance(error, Untrusted) else 2
    except OSError as error:
        _refuse(f"{error.filename or 'the system'}: {error.strerror or error}")
        code = 2
    sys.exit(code if isinstance(code, int) else 0)


def _refuse(sentence: str) -> None:
    if "--json" in sys.argv:
        sys.stderr.write(canonical.encode({"error": sentence}).decode() + "\n")
    else:
        err.print(f"[bold red]studbook:[/] {sentence}", markup=True, soft_wrap=True)
