"""Which models a document merges, in which order and over which layers.

mergekit takes the base model for no task vector even where it is listed with a weight, and in slerp for the end t = 0
whatever the order of the two models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from merger.dialect.schema import Slice, Source
from merger.methods import Method
from signing.errors import Malformed

# No model is deeper, and a gradient over more would only cost memory.
MOST_LAYERS = 1000

Column = tuple[Source, ...]
"""One parent: its source in every slice."""


@dataclass(frozen=True, slots=True)
class Models:
    """What a caller knows of the models: the artifact each reference stands for, and each artifact's depth."""

    artifacts: Mapping[str, str]
    layers: Mapping[str, int]

    def artifact(self, model: str) -> str:
        """Return the artifact that a reference stands for."""
        if model not in self.artifacts:
            raise Malformed(f"{model} is not resolved to an artifact")
        return self.artifacts[model]

    def depth(self, models: Sequence[str]) -> int:
        """Return the number of layers, on which all of `models` agree."""
        counts = {}
        for model in models:
            if self.artifact(model) not in self.layers:
                raise Malformed(f"{model}: its number of layers is not known; gradients and slices need it")
            counts[model] = self.layers[self.artifact(model)]
        first = models[0]
        for model, count in counts.items():
            if count != counts[first]:
                raise Malformed(
                    f"{first} has {counts[first]} layers and {model} has {count}; they cannot be merged"
                )
            if not 0 < count <= MOST_LAYERS:
                raise Malformed(f"{model} has {count} layers; 1 to {MOST_LAYERS} are supported")
        return counts[first]


def base_of(method: Method, slices: Sequence[Slice], base: str | None) -> str | None:
    """Return the one base model of all slices."""
    named = dict.fromkeys(s.base or base for s in slices)
    if len(named) > 1:
        raise Malformed(
            f"slices have different base models, {' and '.join(map(str, named))}; a recipe has one"
        )
    (found,) = named
    if found is None and (method.needs_base or method.id == "slerp"):
        raise Malformed(f"base_model is missing, and {method.id} needs one")
    return found


def columns(
    method: Method, slices: Sequence[Slice], base: str | None, models: Models
) -> tuple[list[Column], list[str]]:
    """Return the parents in recipe order, and what to tell about a base model among them."""
    listed = [[models.artifact(source.model) for source in s.sources] for s in slices]
    for s, others in zip(slices, listed, strict=True):
        if others != listed[0]:
            raise Malformed(
                f"{s.place} merges other models than {slices[0].place}; putting layers of different models one after another is not supported by this version"
            )
    found = list(zip(*(s.sources for s in slices), strict=True))
    if base is None:
        return found, []
    same = [artifact == models.artifact(base) for artifact in listed[0]]
    if method.needs_base:
        rest = [column for column, is_base in zip(found, same, strict=True) if not is_base]
        if not rest:
            raise Malformed(f"only the base model {base} is listed, and nothing to merge onto it")
        dropped = [column for column, is_base in zip(found, same, strict=True) if is_base]
        return rest, [_left_out(column, base) for column in dropped]
    if True not in same:
        raise Malformed(
            f"base_model {base} is not among the models, and {method.id} merges only those; list it or name one of them"
        )
    if method.id == "slerp":
        found.insert(0, found.pop(same.index(True)))
    return found, []


def check_spans(slices: Sequence[Slice], models: Models) -> None:
    """Refuse slices that are not all layers in order, each once."""
    end = 0
    for s in slices:
        if s.span is None:
            return
        if s.span[0] != end:
            raise Malformed(
                f"{s.place} starts at layer {s.span[0]} where layer {end} is due; leaving out, repeating and reordering layers is not supported by this version"
            )
        end = s.span[1]
    depth = models.depth([source.model for source in slices[0].sources])
    if end != depth:
        raise Malformed(
            f"slices end at layer {end} of {depth}; leaving out layers is not supported by this version"
        )


def _left_out(column: Column, base: str) -> str:
    given = sorted({name for source in column for name in source.parameters})
    ignored = f", and no {' or '.join(given)} of its counts" if given else ""
    model = column[0].model
    # mergekit compares what is written, not what is meant.
    other = (
        "mergekit does the same"
        if model == base
        else f"mergekit itself takes it for another model than {base}"
    )
    return f"{model} is the base model, so it is no parent{ignored}; {other}"
