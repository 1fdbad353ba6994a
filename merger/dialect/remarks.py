"""What a document's slices, models and modules come to that its author may not expect: one sentence each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from merger.by_tensor import Value
from merger.dialect import rules
from merger.dialect.layout import Layout
from merger.dialect.schema import Slice


def repeated(slices: Sequence[Slice]) -> Iterator[str]:
    """Note models that a slice lists more than once."""
    for s in slices:
        for model, times in Counter(source.model for source in s.sources).items():
            if times > 1:
                yield f"{model} is listed {times} times and each counts; mergekit itself keeps only the first"


def renumbered(found: Layout, slices: Sequence[Slice]) -> Iterator[str]:
    """Note filters by layer number on models whose layers get other numbers."""
    if found.slices is None:
        return
    for source in (source for s in slices for source in s.sources):
        for name, setting in source.parameters.items():
            for text in (choice.contains for choice in setting if choice.contains is not None):
                if any(map(str.isdigit, text.split("."))):
                    yield f"{source.place}.parameters.{name}: {text!r} is looked for in the result's names, with the result's layer numbers; mergekit looks in the model's own"


def alike(modules: Sequence[str]) -> Iterator[str]:
    """Note that named parts of a model are merged as all of it is."""
    if set(modules) - {"default"}:
        yield f"modules {', '.join(modules)} are merged alike, and so is every other tensor of the models: which of them a module has is not looked up, and values by layer go by the layer's number everywhere"


def pruned(parents: Sequence[Mapping[str, Value]]) -> Iterator[str]:
    """Note densities at which an epsilon says nothing."""
    for values in parents:
        if "1" in rules.every(values.get("density", "0")) and values.get("epsilon", "0") != "0":
            yield "where density is 1 every element is kept, and epsilon changes nothing, as in mergekit"
