"""Changing JSON as JSON: a fuzzer that changes bytes alone spends its time on texts that are none.

Half of the changes are libFuzzer's own. Of the rest each takes one place of the value: it is left out, repeated, renamed,
exchanged for a value from elsewhere in it, or its text is changed by libFuzzer and written again, base64 and JSON inside it
included.
"""

import base64
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

Mutate = Callable[[bytes, int], bytes]

_ODD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2**53 - 1, 2**53, -(2**63), 0.5, 1e308, [], {}, [[]]),
    *["", "0", "1", "-1", "0.5", "é", "\x1b", "\u202e", "a/b", "../a"],
    *("1" * 64, "sha256:" + "1" * 64, "x" * 300),
)


def mutator(mutate: Mutate) -> Callable[[bytes, int, int], bytes]:
    """Return libFuzzer's custom mutator, given its own way of changing bytes."""

    def changed(data: bytes, longest: int, seed: int) -> bytes:
        draw = random.Random(seed)
        if draw.random() < 0.5:
            return mutate(data, longest)
        try:
            value = json.loads(data)
            found = json.dumps(_changed(value, draw, mutate), ensure_ascii=draw.random() < 0.2).encode()
        except (ValueError, RecursionError):
            return mutate(data, longest)
        return found if len(found) <= longest else mutate(data, longest)

    return changed


def _changed(value: Any, draw: random.Random, mutate: Mutate) -> Any:
    places = list(_places(value))
    if not places:
        return draw.choice(_ODD)
    inside, at = draw.choice(places)
    match draw.randrange(6):
        case 0:
            del inside[at]
        case 1:
            other, there = draw.choice(places)
            inside[at] = other.get(there) if isinstance(other, dict) else other[there]
        case 2:
            inside[at] = draw.choice(_ODD)
        case 3 if isinstance(inside, list):
            inside.insert(draw.randrange(len(inside) + 1), inside[at])
        case 3:
            inside[_text(at, draw, mutate)] = inside[at]
        case _:
            inside[at] = _inner(inside[at], draw, mutate)
    # What was put into a second place is a copy from here on.
    return json.loads(_written(value))


def _inner(value: Any, draw: random.Random, mutate: Mutate) -> Any:
    if isinstance(value, str):
        return _text(value, draw, mutate)
    if isinstance(value, int | float):
        return draw.choice((value + 1, value - 1, -value, value * 2, float(value), str(value)))
    return draw.choice(_ODD)


def _text(value: str, draw: random.Random, mutate: Mutate) -> str:
    """Change a text; where it spells JSON, or base64 of something, change that and spell it again."""
    try:
        if value[:1] in ("{", "["):
            return _written(_changed(json.loads(value), draw, mutate))
        if len(value) >= 8 and draw.random() < 0.8:
            return base64.b64encode(_bytes(base64.b64decode(value, validate=True), draw, mutate)).decode()
    except ValueError:
        pass
    return mutate(value.encode(), len(value.encode()) + 16).decode(errors="replace")


def _bytes(raw: bytes, draw: random.Random, mutate: Mutate) -> bytes:
    if raw[:1] == b"{":
        return _written(_changed(json.loads(raw), draw, mutate)).encode()
    return mutate(raw, len(raw) + 16)


def _written(value: Any) -> str:
    # As our own canonical JSON writes it, but for odd numbers and keys.
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place in a JSON value: what it lies in, and its key or index there."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        keys = list(one) if isinstance(one, dict) else range(len(one)) if isinstance(one, list) else ()
        for key in keys:
            yield one, key
            waiting.append(one[key])
