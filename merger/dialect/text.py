"""Strict YAML: what a recipe's text says, and nothing a YAML library might make of it.

YAML 1.2's core types are read, without octal, hexadecimal and sexagesimal numbers, timestamps and `yes`: these stay
texts, and whoever expects a number or a flag refuses them. Tags, anchors, aliases, merge keys and duplicate keys are
refused, because a reviewer would have to resolve them in mind to see what is signed (threat T20).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeAlias

import yaml

from signing.errors import Malformed

Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"

# Recipes that people write hold a few KiB, nested six deep; the rest is room, and a bound on the reader's work.
LONGEST_TEXT = 1 << 17
DEEPEST = 16
MOST_DOCUMENTS = 64
LONGEST_NUMBER = 64

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)", re.ASCII)
_DIGIT = re.compile(r"[-+.0]*[1-9]", re.ASCII)
_FLOAT = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?", re.ASCII)


def documents(text: str) -> list[Plain]:
    """Return the values of all YAML documents in `text`, or say in a sentence what is wrong and where."""
    if len(text) > LONGEST_TEXT:
        raise Malformed(f"the text has {len(text)} characters; a recipe has at most {LONGEST_TEXT}")
    found: list[Plain] = []
    events = _events(text)
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            if len(found) == MOST_DOCUMENTS:
                raise Malformed(f"the text holds more than {MOST_DOCUMENTS} documents")
            found.append(_value(events, next(events), DEEPEST))
    return found


def _events(text: str) -> Iterator[yaml.Event]:
    """Yield the parser's events one by one, so that reading stops at the first thing refused."""
    try:
        yield from yaml.parse(text, Loader=yaml.SafeLoader)
    except yaml.reader.ReaderError as error:
        raise Malformed(
            f"position {error.position}: the character {error.character!r} is not allowed"
        ) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "somewhere"
        if mark and text[mark.index : mark.index + 1] == "\t":
            raise Malformed(f"{where}: there is a tab; YAML is indented with spaces") from None
        raise Malformed(f"{where}: {error.problem or error.context}") from None
    except (ValueError, OverflowError) as error:
        # PyYAML converts escapes and version numbers without checking their range.
        raise error if isinstance(error, Malformed) else Malformed(f"no YAML: {error}") from None


def _value(events: Iterator[yaml.Event], event: yaml.Event, depth: int) -> Plain:
    where = _line(event)
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
        raise Malformed(f"{where}: there is an anchor or alias; write the value out where it counts")
    if getattr(event, "tag", None) is not None:
        raise Malformed(f"{where}: there is a YAML tag; a recipe holds numbers, flags and texts only")
    if depth == 0:
        raise Malformed(f"{where}: values are nested deeper than {DEEPEST}")
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(where, event)
    if isinstance(event, yaml.SequenceStartEvent):
        items: list[Plain] = []
        while not isinstance(inner := next(events), yaml.SequenceEndEvent):
            items.append(_value(events, inner, depth - 1))
        return items
    found: dict[str, Plain] = {}
    while not isinstance(inner := next(events), yaml.MappingEndEvent):
        key = _key(inner)
        if key in found:
            raise Malformed(f"{_line(inner)}: the key {key!r} is written twice")
        found[key] = _value(events, next(events), depth - 1)
    return found


def _key(event: yaml.Event) -> str:
    where = _line(event)
    if not isinstance(event, yaml.ScalarEvent) or event.tag is not None or event.anchor is not None:
        raise Malformed(f"{where}: a key is a plain text, without tag, anchor or alias")
    if event.value == "<<":
        raise Malformed(f"{where}: there is a merge key; write the values out where they count")
    return _whole(where, event.value)


def _scalar(where: str, event: yaml.ScalarEvent) -> Plain:
    text = _whole(where, event.value)
    if event.style is not None:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if len(text) <= LONGEST_NUMBER and _INTEGER.fullmatch(text):
        return int(text)
    if len(text) <= LONGEST_NUMBER and _FLOAT.fullmatch(text):
        return _number(where, text)
    return text


def _number(where: str, text: str) -> float:
    number = float(text)
    # Not by a `Decimal`: that has a smallest exponent, too.
    if number == 0 and _DIGIT.match(text):
        raise Malformed(f"{where}: {text} is too small a number: it would count as 0")
    return number


def _line(event: yaml.Event) -> str:
    return f"line {event.start_mark.line + 1}" if event.start_mark else "somewhere"


def _whole(where: str, text: str) -> str:
    # An escape such as "\ud800" makes half a character, which no file can hold.
    if any("\ud800" <= c <= "\udfff" for c in text):
        raise Malformed(f"{where}: a text holds half of a surrogate pair")
    return text
