"""The one door for JSON that is hashed, signed or received: RFC 8785 out, strict I-JSON in.

Two readers of one signed text must see one value, so whatever JSON parsers are known to read differently is refused:
duplicate keys, NaN and Infinity, numbers beyond 2^53, invalid UTF-8, lone surrogates, deep nesting, trailing data.
What `decode` returns, `encode` can write.
"""

import base64
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TypeAlias, TypeGuard, TypeVar, cast

import rfc8785

from signing.errors import Malformed

Json: TypeAlias = "Mapping[str, Json] | Sequence[Json] | str | int | float | bool | None"

_Number = TypeVar("_Number", int, float)

DEPTH = 64
# The largest integer that has no second spelling as a double (RFC 7493, 2.2).
LARGEST = 2**53 - 1
# A string is one token even if it never closes, or every quote in it would be searched to the end of the text.
_BRACKETS = re.compile(rb'[\[{\]}]|"(?:[^"\\]++|\\.)*+"?', re.DOTALL)


def encode(value: Json) -> bytes:
    """Return the canonical bytes of `value` (RFC 8785)."""
    try:
        return rfc8785.dumps(cast("str", value))
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise Malformed(f"this value has no canonical JSON: {error}") from error


def decode(raw: bytes) -> Json:
    """Return the value of the JSON text `raw`, if every reader would read the same one."""
    _check_depth(raw)
    try:
        value = cast("Json", _READER.decode(text(raw, "JSON")))
    except json.JSONDecodeError as error:
        raise Malformed(f"the text is not JSON: {error}") from error
    if b"\\u" in raw:
        encode(value)  # refuses lone surrogates, which only an escape can smuggle into UTF-8
    return value


def is_integer(value: object) -> TypeGuard[int]:
    """Tell whether a JSON value is an integer; Python counts true and false among them, JSON does not."""
    return isinstance(value, int) and not isinstance(value, bool)


def text(raw: bytes, what: str) -> str:
    """Return `raw` as text; `what` names it in the refusal of what is not UTF-8."""
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise Malformed(f"the {what} is not UTF-8: {error.reason} at byte {error.start}") from error


def to_base64(data: bytes) -> str:
    """Return the one spelling of bytes in our JSON and notes: standard base64, padded (RFC 4648, 4)."""
    return base64.b64encode(data).decode()


def from_base64(spelled: str) -> bytes:
    """Return the bytes that standard, padded base64 spells, in their one spelling."""
    try:
        data = base64.b64decode(spelled, validate=True)
    except ValueError as error:
        raise Malformed(f"{spelled[:40]!r} is not base64: {error}") from error
    # The bits after the last byte would let one signature be written in several ways (RFC 4648, 3.5).
    if to_base64(data) != spelled:
        raise Malformed(f"{spelled[:40]!r} is not base64: the bits after its last byte are not zero")
    return data


def _check_depth(raw: bytes) -> None:
    """Refuse nesting beyond `DEPTH` before a recursive parser meets it."""
    if raw.count(b"[") + raw.count(b"{") <= DEPTH:
        return
    depth = 0
    for token in _BRACKETS.finditer(raw):
        first = raw[token.start()]
        if first in b"[{":
            depth += 1
            if depth > DEPTH:
                raise Malformed(f"the JSON text nests deeper than {DEPTH} levels at byte {token.start()}")
        elif first in b"]}":
            depth -= 1


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) < len(pairs):
        # Counted once for all: to count each key anew would take hours for the object that an envelope has room for.
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise Malformed(f"the key {twice!r} occurs twice in one JSON object")
    return found


def _integer(digits: str) -> int:
    # An integer to some readers, the floating-point number -0.0 to others.
    if digits == "-0":
        raise Malformed("the number -0 is read differently by JSON readers; 0 is written without a sign")
    # Length first: int() of a megabyte of digits is quadratic, and Python refuses it with another error.
    return _in_range(int(digits) if len(digits) <= len(str(-LARGEST)) else LARGEST + 1, digits)


def _float(digits: str) -> float:
    # Beyond 2^53 every double is an integer, and canonical JSON would write it as one.
    return _in_range(float(digits), digits)


def _in_range(value: _Number, digits: str) -> _Number:
    if abs(value) > LARGEST:
        raise Malformed(f"the number {digits[:40]} is beyond 2^53 - 1, where JSON readers disagree")
    return value


def _constant(word: str) -> Json:
    raise Malformed(f"{word} is not JSON")


_READER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant
)
