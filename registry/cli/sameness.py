"""The command that says what an artifact is upstream: same."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from lineage import sameness
from registry.cli.asking import Ref
from registry.cli.session import HomeOption, JsonOption, home_at, out, say
from registry.work import sameness as saying
from signing.canonical import Json

app = typer.Typer()


@app.command()
def same(
    ref: Ref,
    upstream: Annotated[
        str, typer.Argument(metavar="STUB", help="What it is upstream: hf:owner/name\\[@commit].")
    ],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say that an artifact of yours is what is called otherwise upstream, so that incidents that name either reach both; both stay in the log."""
    found = saying.say(home_at(home), ref, upstream)

    def show() -> None:
        out.print(
            f"[bold]{escape(ref)}[/] is {escape(upstream)}  logged as entry {found.index}", soft_wrap=True
        )
        if found.by == "owner":
            out.print(
                f"  said in the name of {escape(sameness.namespace(upstream))}: an incident that names either reaches what is made of both;"
                " one on a range of stubs does not name the artifact",
                soft_wrap=True,
            )
        else:
            out.print(
                f"  by its publisher's word alone: what reaches {escape(upstream)} reaches it, and not the other way; no key here"
                f" speaks for {escape(sameness.namespace(upstream))}",
                soft_wrap=True,
            )

    value: dict[str, Json] = {
        "artifact": found.artifact,
        "upstream": found.upstream,
        "by": found.by,
        "entry": found.entry,
        "index": found.index,
    }
    say(as_json, value, show)
