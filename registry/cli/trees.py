"""Ancestors or descendants as an indented tree, in which each artifact is followed once, however many paths lead to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from rich.markup import escape

from registry.answers import LineageOut, RelativeOut
from registry.cli.answered import heading
from registry.cli.session import called, out, short
from registry.cli.tables import completeness


def tree(answer: LineageOut) -> None:
    """Print the relatives of an artifact below it, each under what it was made from, or what was made from it."""
    heading(answer)
    for line in _lines(answer):
        out.print(line, soft_wrap=True)
    completeness(answer.complete, answer.as_of)


def _lines(answer: LineageOut) -> Iterator[str]:
    relatives = {one.artifact: one for one in answer.relatives}
    nexts: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for edge in answer.edges:
        here, there = (
            (edge.child, edge.parent) if answer.direction == "ancestors" else (edge.parent, edge.child)
        )
        nexts[here][there].add(edge.relation)
    followed = {answer.artifact}
    yield from _below(answer.artifact, relatives, nexts, followed)
    for one, relative in relatives.items():
        if one not in followed:
            # Whatever leads to it was not asked for.
            followed.add(one)
            yield f"  … {_called(relative)}"
            yield from _below(one, relatives, nexts, followed)


def _below(
    start: str, relatives: dict[str, RelativeOut], nexts: dict[str, dict[str, set[str]]], followed: set[str]
) -> Iterator[str]:
    depth = 1 if start not in relatives else 2
    # A stack of its own: chains are deeper than Python's.
    waiting = [(one, how, depth) for one, how in sorted(nexts[start].items(), reverse=True)]
    while waiting:
        here, how, depth = waiting.pop()
        again = here in followed
        seen = " [dim](above)[/]" if again and nexts[here] else ""
        yield f"{'  ' * depth}{', '.join(sorted(how))} {_called(relatives[here])}{seen}"
        if not again:
            followed.add(here)
            waiting += [(one, said, depth + 1) for one, said in sorted(nexts[here].items(), reverse=True)]


def _called(one: RelativeOut) -> str:
    name = escape(called(one.artifact, one.names))
    known = "" if one.seen else " [yellow]never seen[/]"
    hit = " [red]affected[/]" if one.incidents else ""
    return f"{name}  {escape(short(one.artifact))}{known}{hit}"
