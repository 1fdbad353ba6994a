"""From settings to a recipe's numbers: filters become rules, gradients and slices become one value per layer.

mergekit 0.1.5 reads a gradient at t = i / (L - 1) for layer i of a slice with L layers, at t = 1 where a slice has one
layer, and at t = 0 for tensors outside the layers, of which those before the layers belong to the first slice and those
after them to the last; a rule list in which nothing matches falls through to the next level, then to the default.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from merger.dialect.schema import Choice, Setting
from merger.numbers import gradient
from merger.recipe import Rule, Value
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


def value(place: str, slices: Sequence[tuple[Setting, int]]) -> Value:
    """Return a parameter over all layers, from its complete setting in each slice and that slice's layers."""
    texts = [tuple(choice.contains for choice in setting) for setting, _ in slices]
    longest = max(texts, key=len)
    if any(text not in (longest, (None,)) for text in texts):
        raise Malformed(
            f"{place}: slices filter by different texts; give every slice the same filters in the same order"
        )
    columns = [setting if len(setting) == len(longest) else setting * len(longest) for setting, _ in slices]
    lengths = [layers for _, layers in slices]
    rules = [
        _rule(place, contains, [column[i].anchors for column in columns], lengths)
        for i, contains in enumerate(longest)
    ]
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


def _rule(
    place: str, contains: str | None, anchors: Sequence[tuple[str, ...]], lengths: Sequence[int]
) -> Rule:
    if len({anchor for each in anchors for anchor in each}) == 1:
        return Rule(contains=contains, value=anchors[0][0])
    outside = anchors[0][0], anchors[-1][0]
    if outside[0] != outside[1]:
        raise Malformed(
            f"{place}: tensors before the layers would take {outside[0]} from the first slice and those after them {outside[1]} from the last; a recipe has one value for both"
        )
    by_layer = [
        number for each, layers in zip(anchors, lengths, strict=True) for number in gradient(each, layers)
    ]
    return Rule(contains=contains, by_layer=tuple(by_layer), value=outside[0])
