"""Hooks: who is told of incidents by signed webhooks, what of it arrived, and what is to be sent again."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from registry.cli import tables
from registry.cli.session import EveryOption, HomeOption, JsonOption, again, home_at, moment, out, say
from registry.home import Home
from registry.store import hooks
from registry.store.hooks import Delivery, Hook
from registry.work import hooks as work
from signing.canonical import Json
from signing.errors import Malformed

app = typer.Typer(
    help="Tell others of incidents by signed webhooks (Standard Webhooks).", no_args_is_help=True
)
Which = Annotated[str, typer.Argument(metavar="HOOK", help="Id of the hook.")]


@app.command()
def add(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where to send: https://host/path.")],
    operator: Annotated[
        str | None, typer.Option(help="Tell what is affected of what this operator registered.")
    ] = None,
    artifact: Annotated[
        str | None, typer.Option(metavar="REF", help="Tell when this artifact is affected.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Tell of every incident.")] = False,
    secret: Annotated[
        str | None,
        typer.Option(metavar="env://NAME", help="Where the secret is; one is made and printed otherwise."),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell an address of incidents from now on; the secret that it checks them with is printed this once."""
    asked = {"operator": operator, "artifact": artifact, "all": "" if every else None}
    chosen = [(scope, about) for scope, about in asked.items() if about is not None]
    if len(chosen) != 1:
        raise Malformed("say of what to tell: one of --operator OPERATOR, --artifact REF and --all")
    opened = home_at(home)
    hook, made = work.add(opened, url, *chosen[0], secret)

    def show() -> None:
        out.print(f"[bold]{hook.id}[/]  {escape(_scope(hook))}  {escape(hook.url)}", soft_wrap=True)
        if made is not None:
            out.print(f"  secret {made}", soft_wrap=True)
            out.print("  give it to whoever receives; it is not shown again", soft_wrap=True)

    say(as_json, {**_hook(hook), "secret": made}, show)


@app.command("list")
def list_all(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the hooks, and what of each is delivered, waits or was given up."""
    opened = home_at(home)
    with opened.store.reading() as connection:
        found = [(one, hooks.deliveries(connection, one.id)) for one in hooks.hooks(connection)]
    say(
        as_json,
        [{**_hook(one), "deliveries": [_delivery(sent) for sent in sent_to]} for one, sent_to in found],
        lambda: _show(found),
    )


@app.command()
def remove(which: Which, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Forget a hook, with its secret and what was sent to it."""
    work.remove(home_at(home), which)
    say(as_json, {"removed": which}, lambda: out.print(f"removed {which}"))


@app.command()
def deliver(every: EveryOption = None, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Send what is due, as `studbook serve` does by itself."""
    opened = home_at(home)

    def look() -> bool:
        sent = work.deliver(opened)
        say(as_json, [_delivery(one) for one in sent], lambda: _sent(sent))
        return True

    again(look, every)


@app.command()
def replay(
    which: Which,
    since: Annotated[
        int | None,
        typer.Option(
            min=0, metavar="ENTRY", help="From this entry on, told before or not; all it was told otherwise."
        ),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a hook again what it was told, under the same ids, so that whoever has a message knows it."""
    opened = home_at(home)
    work.replay(opened, which, since)
    waiting = _waiting(opened, which)
    say(
        as_json,
        {"hook": which, "waiting": waiting},
        lambda: out.print(f"{waiting} to be sent to {which}; `studbook hooks deliver` sends them now"),
    )


def _waiting(home: Home, which: str) -> int:
    with home.store.reading() as connection:
        return sum(one.due is not None for one in hooks.deliveries(connection, which))


def _show(found: list[tuple[Hook, tuple[Delivery, ...]]]) -> None:
    if not found:
        out.print("there are no hooks")
        return
    for one, sent_to in found:
        state = "" if one.ended is None else f"  [red]ended[/]: {escape(one.ended)}"
        out.print(f"[bold]{one.id}[/]  {escape(_scope(one))}  {escape(one.url)}{state}", soft_wrap=True)
        _sent(sent_to)


def _sent(sent: tuple[Delivery, ...]) -> None:
    if not sent:
        out.print("  nothing to send")
        return
    table = tables.headed("entry", "hook", "state", "attempts", "next", "said")
    for one in sent:
        due = "" if one.due is None else moment(one.due)
        table.add_row(str(one.entry), one.hook, one.state, str(one.attempts), due, escape(one.said))
    tables.put(table)


def _scope(hook: Hook) -> str:
    return f"{hook.scope} {hook.about}".strip()


def _hook(hook: Hook) -> dict[str, Json]:
    return {"hook": hook.id, "url": hook.url, "scope": hook.scope, "about": hook.about, "ended": hook.ended}


def _delivery(sent: Delivery) -> dict[str, Json]:
    return {
        "hook": sent.hook,
        "entry": sent.entry,
        "state": sent.state,
        "attempts": sent.attempts,
        "due": sent.due,
        "said": sent.said,
    }
