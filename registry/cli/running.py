"""Commands around the registry itself: serve, doctor, demo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from merger.methods import METHODS
from registry.cli import tables
from registry.cli.session import Fails, HomeOption, JsonOption, err, home_at, out, say
from registry.settings import Settings
from registry.work.doctor import examine
from signing.canonical import Json
from signing.errors import Malformed

app = typer.Typer()


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8420,
    names: Annotated[
        list[str] | None,
        typer.Option(
            "--host-name", help="Name that requests may ask for; on a public address, any if none is given."
        ),
    ] = None,
    home: HomeOption = None,
) -> None:
    """Serve this home over HTTP; /openapi.json describes the API."""
    from registry.serve import run  # noqa: PLC0415 - fastapi takes half a second to load

    opened = home_at(home)
    err.print(
        f"serving {escape(str(opened.path))} at http://{host}:{port}; /openapi.json describes its API",
        soft_wrap=True,
    )
    run(opened, host, port, names=names or ())


@app.command()
def doctor(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Is this installation sound? Says which files were replaced or shadowed, and by what. Exit 1 if any were."""
    findings = examine(home or Settings().home)

    def show() -> None:
        for one in findings:
            mark = "[green]ok  [/]" if one.sound else "[red]bad [/]"
            out.print(f"{mark} {one.about}: {escape(one.said)}", soft_wrap=True)

    say(as_json, [{"about": f.about, "sound": f.sound, "said": f.said} for f in findings], show)
    if not all(one.sound for one in findings):
        raise Fails


@app.command()
def methods(as_json: JsonOption = False) -> None:
    """Which merge methods are there, and what does each take?"""
    value: Json = [
        {
            "method": one.id,
            "summary": one.summary,
            "merges": one.merges,
            "base": one.base,
            "statistics": one.statistics.kind if one.statistics else None,
            "clip": one.clips,
            "parameters": [
                {
                    "name": p.name,
                    "kind": p.kind,
                    "per_parent": p.per_parent,
                    "help": p.help,
                    "allowed": p.allowed,
                }
                for p in one.parameters
            ],
        }
        for one in METHODS.values()
    ]
    say(as_json, value, lambda: tables.methods(tuple(METHODS.values())))


@app.command()
def demo(
    folder: Annotated[
        Path | None, typer.Option("--dir", help="Folder for models and the demo's own home.")
    ] = None,
) -> None:
    """Run the whole story on real weights: fine-tune, poison, merge, rebuild, report, find every descendant."""
    try:
        from registry.demo.story import tell  # noqa: PLC0415 - torch takes seconds to load
    except ModuleNotFoundError as error:
        raise Malformed(f"the demo needs {error.name}: pip install 'studbook[demo]'") from None
    tell(folder or Settings().home.with_name("studbook-demo"))
