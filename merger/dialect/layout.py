"""Which models a document merges, in which order, and which layers of them make which layers of the result.

mergekit takes the base model for no task vector even where it is listed with a weight, and in slerp for the end t = 0
whatever the order of the two models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from merger.dialect.models import Models
from merger.dialect.schema import Slice, Source, parts
from merger.method import Method
from signing.canonical import Json
from signing.errors import Malformed

Column = tuple[Source | None, ...]
"""One parent: its source in every slice, None where it takes no part."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The parents, the base, and the slices where the recipe needs them, with what to tell about all that."""

    base: str | None
    """The recipe's base, as written."""
    donor: str | None
    """The base model as written, whose tokenizer files go with the result even where the recipe has no base."""
    columns: tuple[Column, ...]
    slices: tuple[dict[str, Json], ...] | None
    """The recipe's slices; None where whole models are merged."""
    notes: tuple[str, ...]

    @property
    def depth(self) -> int:
        """Return the number of layers that slices make."""
        return sum(int(str(s["count"])) for s in self.slices or ())


@dataclass(frozen=True, slots=True)
class _Row:
    """One slice with its sources that are parents, in order, and where its base model is listed, if it is."""

    slice: Slice
    sources: tuple[Source, ...]
    listed: Source | None
    order: tuple[int, ...] = ()


def lay_out(method: Method, slices: Sequence[Slice], base: str | None, models: Models) -> Layout:
    """Return the layout of a document, or say which slice does not fit."""
    bases = _bases(method, slices, base)
    notes: list[str] = []
    rows, columns = [], dict[tuple[tuple[str, str | None], int], list[Source | None]]()
    for at, (s, its_base) in enumerate(zip(slices, bases, strict=True)):
        row = _row(method, s, its_base, models, notes)
        pairs = [models.pair(source.model) for source in row.sources]
        # A model that a slice lists twice is two parents.
        keys = [(pair, pairs[:i].count(pair)) for i, pair in enumerate(pairs)]
        for key, source in zip(keys, row.sources, strict=True):
            columns.setdefault(key, [None] * len(slices))[at] = source
        order = tuple(list(columns).index(key) for key in keys)
        rows.append(_Row(s, row.sources, row.listed, order))
    chosen = bases[0] if method.base != "none" else None
    found = tuple(tuple(column) for column in columns.values())
    if _whole(rows, len(found), chosen, models):
        return Layout(chosen, bases[0], found, None, tuple(notes))
    sliced = tuple(_sliced(row, chosen, notes) for row in rows)
    first, last = (" and ".join(source.model for source in row.sources) for row in (rows[0], rows[-1]))
    whole = Layout(chosen, bases[0], found, sliced, ())
    notes.append(
        f"the result has {whole.depth} layers; embeddings are made as {slices[0].place} says, from {first}, final norm and head as {slices[-1].place} says, from {last}"
    )
    return Layout(chosen, bases[0], found, sliced, tuple(notes))


def model_of(column: Column) -> str:
    """Return a parent as it is written."""
    return next(source.model for source in column if source is not None)


def statistics_of(column: Column) -> str | None:
    """Return the statistics of a parent as they are written, on which its sources in all slices agree."""
    sources = [source for source in column if source is not None]
    for source in sources:
        if source.statistics != sources[0].statistics:
            raise Malformed(
                f"{source.place}: statistics is {source.statistics}, and {sources[0].statistics} in {sources[0].place}; a "
                f"model that is one parent has one"
            )
    return sources[0].statistics


def _bases(method: Method, slices: Sequence[Slice], base: str | None) -> list[str | None]:
    """Return each slice's base model; only slerp, which walks from it, may change it on the way."""
    found = [s.base or base for s in slices]
    if len(set(found)) > 1 and method.id != "slerp":
        raise Malformed(
            f"slices have different base models, {' and '.join(map(str, dict.fromkeys(found)))}; a recipe has one"
        )
    if None in found and (method.base == "needed" or method.id == "slerp"):
        raise Malformed(f"base_model is missing, and {method.id} needs one")
    if method.base != "none" and found[0] is not None and parts(found[0])[1] is not None:
        raise Malformed(
            f"base_model is {found[0]}; a base takes no adapter, so merge that into a model of its own first"
        )
    return found


def _row(method: Method, s: Slice, base: str | None, models: Models, notes: list[str]) -> _Row:
    if base is None:
        return _Row(s, s.sources, None)
    same = [models.pair(source.model) == models.pair(base) for source in s.sources]
    if method.base != "none":
        rest = tuple(source for source, is_base in zip(s.sources, same, strict=True) if not is_base)
        listed = [source for source, is_base in zip(s.sources, same, strict=True) if is_base]
        if not rest:
            where = "" if s.span is None else f"{s.place}: "
            raise Malformed(f"{where}only the base model {base} is listed, and nothing to merge onto it")
        if listed and method.merges == "adapters":
            raise Malformed(
                f"{listed[0].place}.model is {listed[0].model}, the base model; {method.id} merges adapters, and a base is the model they are for"
            )
        notes += [_left_out(source, base) for source in listed]
        return _Row(s, rest, listed[0] if listed else None)
    if True not in same and (s.span is None or method.id == "slerp"):
        raise Malformed(
            f"base_model {base} is not among the models, and {method.id} merges only those; list it or name one of them"
        )
    sources = list(s.sources)
    if method.id == "slerp":
        sources.insert(0, sources.pop(same.index(True)))
    return _Row(s, tuple(sources), None)


def _whole(rows: Sequence[_Row], parents: int, base: str | None, models: Models) -> bool:
    """Say whether slices are all layers of the same models in order, each once, so that the recipe needs none."""
    listed = [source for row in rows for source in row.slice.sources]
    for source in listed:
        if source.span is not None and source.span[1] > models.depth(source.model):
            raise Malformed(
                f"{source.place} takes layers {source.span[0]} to {source.span[1] - 1} of {source.model}, which has {models.depth(source.model)}"
            )
    end = 0
    for row in rows:
        span = row.slice.span
        if row.order != tuple(range(parents)) or any(source.span != span for source in row.slice.sources):
            return False
        if span is None:
            return True
        if span[0] != end:
            return False
        end = span[1]
    named = [*(source.model for source in listed), *([base] if base else [])]
    return all(models.depth(model) == end for model in named)


def _sliced(row: _Row, base: str | None, notes: list[str]) -> dict[str, Json]:
    """Return one of the recipe's slices."""
    starts = [_start(source) for source in row.sources]
    found: dict[str, Json] = {
        "count": str(row.slice.length),
        "sources": [
            {"parent": str(parent), "first": str(start)}
            for parent, start in zip(row.order, starts, strict=True)
        ],
    }
    if base is None:
        return found
    if row.listed is not None:
        return found | {"base_first": str(_start(row.listed))}
    if len(set(starts)) > 1:
        raise Malformed(
            f"{row.slice.place} merges layers of different depth and does not say which of the base model {base}; list it with its layer_range"
        )
    notes.append(
        f"{row.slice.place}: the base model {base} is not listed, so the same layers of it are taken, from {starts[0]} on"
    )
    return found | {"base_first": str(starts[0])}


def _start(source: Source) -> int:
    return source.span[0] if source.span else 0


def _left_out(source: Source, base: str) -> str:
    ignored = f", and no {' or '.join(sorted(source.parameters))} of its counts" if source.parameters else ""
    # mergekit compares what is written, not what is meant.
    other = (
        "mergekit does the same"
        if source.model == base
        else f"mergekit itself takes it for another model than {base}"
    )
    return f"{source.model} is the base model, so it is no parent{ignored}; {other}"
