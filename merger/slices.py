"""Slices: the part of a recipe that says which layers of which parents make which layers of the result.

docs/arithmetic.md, "Slices". Frankenmerges, depth up-scaling and merges whose parameters or parents change with depth
are slices; a recipe without any merges whole models layer by layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from merger.method import Method
from signing.errors import Malformed

# Ten times deeper than any model; a plan's size, and the time to make it, grow with this number.
MOST_LAYERS = 10_000
# What names of tensors before the layers contain, over the architectures that people merge.
BEFORE = ("embed", "wte", "wpe", "shared", "rotary", "relative_pe", "project_in")
# GPT-NeoX calls its head so.
_HEAD = "embed_out"


def _counting(text: str) -> str:
    if not (text.isascii() and text.isdigit() and (text == "0" or text[0] != "0") and len(text) <= 20):
        raise Malformed(f"{text[:40]!r} is no whole number written in digits")
    return text


Whole = Annotated[str, AfterValidator(_counting)]
_CLOSED = ConfigDict(extra="forbid", frozen=True, strict=True)


class SliceSource(BaseModel):
    """One parent's part in a slice: which parent, and its first layer there."""

    model_config = _CLOSED
    parent: Whole
    first: Whole


class Slice(BaseModel):
    """So many layers of the result, each merged from the layer of every source that stands at its place."""

    model_config = _CLOSED
    count: Whole
    sources: tuple[SliceSource, ...] = Field(min_length=1, max_length=1000)
    base_first: Whole | None = None


def check_slices(slices: Sequence[Slice], method: Method, parents: int, *, based: bool) -> None:
    """Refuse slices that do not fit a method, the number of parents, or whether the recipe has a base."""
    few, many = method.parents
    used = set()
    for at, s in enumerate(slices):
        named = [int(source.parent) for source in s.sources]
        if int(s.count) < 1:
            raise Malformed(f"slices.{at}: count is 0; a slice has at least one layer")
        if (s.base_first is not None) != based:
            raise Malformed(f"slices.{at}: base_first {'is missing' if based else 'has no base to count in'}")
        for parent in named:
            if parent >= parents:
                raise Malformed(f"slices.{at} names parent {parent}, and the recipe has 0 to {parents - 1}")
            if named.count(parent) > 1:
                raise Malformed(f"slices.{at} names parent {parent} twice; list it among the parents twice")
        if not few <= len(named) <= (many or len(named)):
            raise Malformed(f"slices.{at}: {method.id} merges {method.wanted}, not {len(named)}")
        used.update(named)
    idle = set(range(parents)) - used
    if idle:
        raise Malformed(f"parents.{min(idle)} takes part in no slice; leave it out")
    total = sum(int(s.count) for s in slices)
    if total > MOST_LAYERS:
        raise Malformed(f"slices make {total} layers; at most {MOST_LAYERS} are supported")


def is_layer(word: str) -> bool:
    """Say whether a component of a tensor's name is the number of its layer."""
    return word.isascii() and word.isdigit()


def layer_of(tensor: str) -> int | None:
    """Return a tensor's layer: the first component of its dotted name that is all digits, if any."""
    return next((int(word) for word in tensor.split(".") if is_layer(word)), None)


def stands_before(tensor: str) -> bool:
    """Say whether a tensor without a layer stands before the layers, as embeddings do, or after them."""
    return any(word in tensor for word in BEFORE) and _HEAD not in tensor
