"""The dialect's parts: sources, slices and parameter settings, each read from a closed schema.

What is unknown is refused with its place, because mergekit itself drops unknown keys and parameters without a word:
its users merge with `lamda: 0.85` and get lambda 1.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from merger.dialect.text import Plain
from merger.method import Method
from merger.numbers import canonical
from merger.parameters import Parameter
from signing.errors import Malformed

LONGEST_REFERENCE = 1024
# One letter and a colon is a drive; more is a scheme.
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_ARTIFACT = re.compile(r"sha256:[0-9a-f]{8,64}")
_REVISION = re.compile(r"[A-Za-z0-9._/-]+")


@dataclass(frozen=True, slots=True)
class Choice:
    """One rule of a setting: for tensors whose name contains a text, a number, or anchors to interpolate between."""

    contains: str | None
    anchors: tuple[str, ...]


Setting = tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """One model of a slice, as written, with its own parameters and the layers `start` to `end` that are taken of it."""

    place: str
    model: str
    parameters: Mapping[str, Setting] = field(default_factory=dict)
    span: tuple[int, int] | None = None
    statistics: str | None = None
    """A reference to statistics of the model, as written, where the method needs them."""


@dataclass(frozen=True, slots=True)
class Slice:
    """As many layers of every source (all, where there are no ranges), merged with each other."""

    place: str
    sources: tuple[Source, ...]
    parameters: Mapping[str, Setting] = field(default_factory=dict)
    base: str | None = None

    @property
    def span(self) -> tuple[int, int] | None:
        """Return the first source's layers."""
        return self.sources[0].span

    @property
    def length(self) -> int:
        """Return how many layers it makes; 0 where it does not say so."""
        return self.span[1] - self.span[0] if self.span else 0


def mapping(place: str, value: Plain, known: Sequence[str]) -> dict[str, Plain]:
    """Return a mapping whose keys are all known, without those that hold nothing."""
    if not isinstance(value, dict):
        raise Malformed(f"{place} is {shown(value)}; write keys and values")
    for key in value:
        if key not in known:
            raise Malformed(f"{place}: the key {key!r:.80} is unknown{meant(key, known)}")
    return {key: inner for key, inner in value.items() if inner is not None}


def sequence(place: str, value: Plain) -> list[Plain]:
    """Return a list that is not empty."""
    if not isinstance(value, list) or not value:
        raise Malformed(f"{place} is {shown(value)}; write a list")
    return value


def reference(place: str, value: Plain) -> str:
    """Return a model as written, or `model+adapter`: each `ns/name`, `ns/name@revision`, a folder or an artifact id."""
    if isinstance(value, dict):
        raise Malformed(f"{place} is a mapping; write the model as one text")
    if not isinstance(value, str) or not value.strip() or value != value.strip():
        raise Malformed(f"{place} is {shown(value)}; write a model as text")
    if len(value) > LONGEST_REFERENCE or not value.isprintable():
        raise Malformed(
            f"{place} is {shown(value)}; a model is named by at most {LONGEST_REFERENCE} printable characters"
        )
    if _ARTIFACT.fullmatch(value):
        return value
    if "+" in value and "://" not in value:
        if value.count("+") > 1:
            raise Malformed(f"{place} is {shown(value)}; a model takes one adapter: write model+adapter")
        return "+".join(reference(place, part) for part in value.split("+"))
    path, at, revision = value.partition("@")
    if (
        "://" in value
        or _SCHEME.match(value)
        or value.startswith(("//", "\\\\"))
        or (at and not (path and _REVISION.fullmatch(revision)))
    ):
        raise Malformed(
            f"{place} is {shown(value)}; models are not fetched by address: write ns/name, ns/name@revision, a folder or sha256:<id>"
        )
    return value


def parts(model: str) -> tuple[str, str | None]:
    """Return a reference's model, and the adapter that is applied to it, if one is."""
    alone, plus, adapter = model.partition("+")
    return alone, adapter if plus else None


def flag(place: str, value: Plain) -> bool:
    """Return true or false, and nothing that merely looks like it."""
    if not isinstance(value, bool):
        raise Malformed(f"{place} is {shown(value)}; write true or false")
    return value


def setting(place: str, parameter: Parameter, value: Plain) -> Setting:
    """Read a number, a gradient over the layers, or a list of {filter, value} rules."""
    if isinstance(value, dict):
        raise Malformed(
            f"{place} is a single rule, which mergekit does not execute; write a list of rules that ends with one without filter"
        )
    if not (isinstance(value, list) and any(isinstance(item, dict) for item in value)):
        return (Choice(None, _anchors(place, parameter, value)),)
    choices = []
    for i, item in enumerate(value):
        rule = mapping(f"{place}.{i}", item, ("filter", "value"))
        if "value" not in rule:
            raise Malformed(f"{place}.{i}: 'value' is missing")
        text = rule.get("filter", "*")
        if not isinstance(text, str) or not text:
            raise Malformed(f"{place}.{i}.filter is {shown(text)}; write a part of a tensor's name")
        choices.append(
            Choice(None if text == "*" else text, _anchors(f"{place}.{i}.value", parameter, rule["value"]))
        )
    everything = next((i for i, choice in enumerate(choices[:-1]) if choice.contains is None), None)
    if everything is not None:
        raise Malformed(
            f"{place}.{everything} holds for every tensor, so no rule after it ever counts; put it last"
        )
    return tuple(choices)


def parameters(
    place: str, method: Method, value: Plain, allowed: Iterable[Parameter], elsewhere: Iterable[str]
) -> dict[str, Setting]:
    """Read the parameters of one model or slice, all of which are numbers."""
    by_name = {parameter.name: parameter for parameter in allowed}
    if not isinstance(value, dict):
        raise Malformed(f"{place} is {shown(value)}; write keys and values")
    for name in value:
        if name in elsewhere and name not in by_name:
            raise Malformed(f"{place}.{name} holds for the whole merge; move it to the top-level parameters")
        check_name(place, method, name, by_name)
    return {
        name: setting(f"{place}.{name}", by_name[name], inner)
        for name, inner in value.items()
        if inner is not None
    }


def check_name(place: str, method: Method, name: str, known: Iterable[str]) -> None:
    """Refuse a parameter that a method does not have, and say which it has."""
    names = tuple(known)
    if name not in names:
        takes = ", ".join(names) or "none"
        raise Malformed(
            f"{place}: {method.id} has no parameter {name!r:.80}{meant(name, names)}; it takes {takes}"
        )


def meant(word: str, known: Iterable[str]) -> str:
    """Return a question that offers the known word closest to `word`, or nothing."""
    close = difflib.get_close_matches(word[:80], known, n=1, cutoff=0.7)
    return f" (did you mean {close[0]!r}?)" if close else ""


def shown(value: Plain) -> str:
    """Show a value as far as an error needs it."""
    match value:
        case None:
            return "empty"
        case bool():
            return "true" if value else "false"
        case dict():
            return "a mapping"
        case list():
            return "a list" if value else "an empty list"
        case _:
            return f"{value!r:.100}"


def _anchors(place: str, parameter: Parameter, value: Plain) -> tuple[str, ...]:
    many = isinstance(value, list)
    found = []
    for i, number in enumerate(sequence(place, value) if many else [value]):
        where = f"{place}.{i}" if many else place
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise Malformed(f"{where} is {shown(number)}; write a number")
        try:
            text = canonical(number)
        except Malformed as error:
            raise Malformed(f"{where}: {error}") from None
        parameter.check(where, text)
        found.append(text)
    return tuple(found)
