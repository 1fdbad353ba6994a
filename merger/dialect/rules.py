"""From settings to a recipe's numbers: filters become rules, gradients and slices become one value per layer.

mergekit 0.1.5 reads a gradient at t = i / (L - 1) for layer i of a slice with L layers, at t = 1 where a slice has one
layer, and at t = 0 for tensors outside the layers, of which those before the layers belong to the first slice and those
after them to the last; a rule list in which nothing matches falls through to the next level, then to the default.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from merger.by_tensor import Rule, Value
from merger.dialect.schema import Choice, Setting
from merger.numbers import gradient
from signing.errors import Malformed

_DIGITS = re.compile(r"[0-9]+", re.ASCII)
_NUMBER_LAST = re.compile(r"(?:^|.*\.)([0-9]+)", re.ASCII | re.DOTALL)


def chained(settings: Iterable[Setting | None]) -> Setting:
    """Join settings, the most special first, up to the first rule that holds for every tensor."""
    found: list[Choice] = []
    for setting in settings:
        for choice in setting or ():
            found.append(choice)
            if choice.contains is None:
                return tuple(found)
    return tuple(found)


def has_gradient(settings: Iterable[Setting]) -> bool:
    """Say whether a value differs from layer to layer, so that their number matters."""
    return any(len(set(choice.anchors)) > 1 for setting in settings for choice in setting)


def value(place: str, slices: Sequence[tuple[Setting | None, int]]) -> Value:
    """Return a parameter over all layers, from its complete setting in each slice and that slice's layers.

    There is no setting where a parent takes no part in a slice: what stands there is never read.
    """
    texts = [tuple(choice.contains for choice in setting) for setting, _ in slices if setting is not None]
    longest = max(texts, key=len)
    if any(text not in (longest, (None,)) for text in texts):
        raise Malformed(
            f"{place}: slices filter by different texts; give every slice the same filters in the same order"
        )
    rules = []
    for i, contains in enumerate(longest):
        anchors = [
            None if setting is None else setting[i if len(setting) == len(longest) else 0].anchors
            for setting, _ in slices
        ]
        rules.append(_rule(contains, anchors, [layers for _, layers in slices]))
    if len(rules) == 1 and rules[0].by_layer is None:
        return rules[0].value
    return tuple(rules)


def every(value: Value) -> Iterator[str]:
    """Yield every number that a compiled parameter can give."""
    if isinstance(value, str):
        yield value
    else:
        for rule in value:
            yield from rule.values()


def warnings(place: str, setting: Setting, layers: int | None) -> Iterator[str]:
    """Yield what a reader of filters may not expect of substrings."""
    texts = [choice.contains for choice in setting if choice.contains is not None]
    for i, text in enumerate(texts):
        above = next((earlier for earlier in texts[:i] if earlier in text), None)
        if above is not None:
            yield f"{place}: the rule for {text!r} never counts, since {above!r} before it holds wherever it does"
        last = _NUMBER_LAST.fullmatch(text)
        if last and last[1] != "0" and _exists(more := last[1] + "0", layers):
            yield f"{place}: filters match parts of names, so {text!r} also holds for layer {more}; write {text + '.'!r} for layer {last[1]} alone"
        first, dot, _ = text.partition(".")
        if dot and _DIGITS.fullmatch(first) and _exists(more := "1" + first, layers):
            yield f"{place}: filters match parts of names, so {text!r} also holds for layer {more}; write {'.' + text!r} for layer {first} alone"


def _exists(layer: str, layers: int | None) -> bool:
    return layers is None or (len(layer) <= len(str(layers)) and int(layer) < layers)


def _rule(contains: str | None, anchors: Sequence[tuple[str, ...] | None], lengths: Sequence[int]) -> Rule:
    given = [each for each in anchors if each is not None]
    if len({anchor for each in given for anchor in each}) == 1:
        return Rule(contains=contains, value=given[0][0])
    by_layer = [
        number
        for each, layers in zip(anchors, lengths, strict=True)
        for number in gradient(each or given[0][:1], layers)
    ]
    # Outside the layers t is 0: what stands before them has the first slice's start, what stands after them the last's.
    after = (anchors[-1] or anchors[0] or given[0])[0]
    before = (anchors[0] or (after,))[0]
    return Rule(
        contains=contains, by_layer=tuple(by_layer), before=None if before == after else before, value=after
    )
