"""Sketches: the same few thousand elements of every artifact of one architecture, by which two are compared without their files.

Which elements these are follows from the architecture alone, by the generator that masks are drawn with (`merger.seeds`), so anybody
who has the weights makes the same sketch, byte for byte, and sketches made years apart fit together. They are spread over all
tensors in proportion to the square root of each one's size: by size alone a vocabulary would have them all. Names play no
part in the choice, so that an artifact whose tensors were renamed is still sketched in the same places.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from merger.manifest import BLOCK, FLOATS, SIZES, Manifest, Tensor
from merger.seeds import words
from merger.weights import Weights
from signing import canonical
from signing.digest import sha256_hex
from signing.errors import Malformed

VERSION = "1"
# How many elements are drawn in all, and of each tensor at least.
ELEMENTS, LEAST = 8192, 8
# A large tensor is read in so many places of so many elements, and not from end to end.
PLACES, STRETCH = 2, 1 << 18
# Half a unit in the last place, relative to the value: what storing it may have changed.
ROUNDING = {"F64": 2.0**-53, "F32": 2.0**-24, "F16": 2.0**-11, "BF16": 2.0**-9}

Shape = tuple[int, ...]
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Drawn:
    """The elements that were drawn of one tensor, as fp32."""

    name: str
    dtype: str
    shape: Shape
    values: NDArray[np.float32]


@dataclass(frozen=True)
class Sketch:
    """What is kept of an artifact's tensors: `content` is what all their digests come to, in whatever order and by whatever names."""

    content: str
    tensors: tuple[Drawn, ...]

    @cached_property
    def family(self) -> str:
        """Return what artifacts of one architecture have in common, names apart (64 hex digits)."""
        return family(one.shape for one in self.tensors)

    @cached_property
    def values(self) -> Values:
        """Return all values, tensor after tensor."""
        return np.concatenate([one.values for one in self.tensors]).astype(np.float64)

    @cached_property
    def rounding(self) -> Values:
        """Return by how much storing it may have changed each value."""
        each = [
            np.abs(one.values.astype(np.float64)) * max(ROUNDING[one.dtype], ROUNDING["F32"])
            for one in self.tensors
        ]
        return np.concatenate(each)

    @cached_property
    def places(self) -> NDArray[np.int64]:
        """Return for each value the number of its tensor."""
        return np.repeat(np.arange(len(self.tensors)), [len(one.values) for one in self.tensors])

    def encode(self) -> bytes:
        """Return the canonical bytes (RFC 8785)."""
        tensors: list[canonical.Json] = [
            {
                "name": one.name,
                "dtype": one.dtype,
                "shape": list(one.shape),
                "values": base64.b64encode(one.values.astype("<f4").tobytes()).decode(),
            }
            for one in self.tensors
        ]
        return canonical.encode({"v": VERSION, "content": self.content, "tensors": tensors})

    @classmethod
    def parse(cls, raw: bytes) -> Sketch:
        """Read a sketch, strictly."""
        match canonical.decode(raw):
            case {"v": "1", "content": str(content), "tensors": [_, *_] as tensors, **rest} if not rest:
                found = cls(content, tuple(map(_drawn, tensors)))
            case _:
                raise Malformed("a sketch is version 1, a content and a list of tensors")
        due = drawn(one.shape for one in found.tensors)
        for one in found.tensors:
            if len(one.values) != len(due[one.shape]):
                raise Malformed(
                    f"sketch: {one.name} of {one.shape} has {len(one.values)} values, not {len(due[one.shape])}"
                )
        return found


def content(manifest: Manifest) -> str:
    """Return one digest (64 hex) for all tensors: the same for whoever renames, reorders or shards them anew."""
    listed: list[canonical.Json] = [*sorted(one.digest for one in manifest.tensors)]
    return sha256_hex(canonical.encode(listed))


def sketched(manifest: Manifest) -> tuple[Tensor, ...]:
    """Return the tensors that a sketch is made of: those of floats that hold anything."""
    return tuple(one for one in manifest.tensors if one.dtype in FLOATS and one.elements)


def family(shapes: Iterable[Shape]) -> str:
    """Return what names an architecture by the shapes of its tensors alone (64 hex digits)."""
    return sha256_hex(canonical.encode([list(shape) for shape in sorted(shapes)]))


def drawn(shapes: Iterable[Shape]) -> Mapping[Shape, NDArray[np.int64]]:
    """Return, for an architecture of these shapes, which elements of a tensor of each shape are drawn, in order."""
    every = list(shapes)
    own = family(every)
    whole = sum(math.isqrt(math.prod(shape)) for shape in every)
    return {
        shape: _elements(own, shape, max(LEAST, ELEMENTS * math.isqrt(math.prod(shape)) // max(whole, 1)))
        for shape in dict.fromkeys(every)
    }


def sketch(weights: Weights) -> Sketch:
    """Return the sketch of an artifact, whose blocks are checked against its signed manifest as they are read.

    Raises `Malformed` for an artifact without tensors of floats, `Changed` for files that are not those that were signed.
    """
    tensors = sketched(weights.manifest)
    if not tensors:
        raise Malformed("it holds no tensor of floats, so there is nothing to sketch")
    due = drawn(one.shape for one in tensors)
    buffer = bytearray(BLOCK)
    return Sketch(
        content(weights.manifest),
        tuple(
            Drawn(one.name, one.dtype, one.shape, _read(weights, one, due[one.shape], buffer))
            for one in tensors
        ),
    )


def _elements(own: str, shape: Shape, count: int) -> NDArray[np.int64]:
    """Draw about `count` elements of a tensor of this shape, or all if it has no more, in order."""
    size = math.prod(shape)
    if size <= count:
        return np.arange(size)
    if size <= 4 * count:
        return np.sort(np.argsort(words(_key(own, shape, "elements"), size), kind="stable")[:count])
    stretches = -(-size // STRETCH)
    chosen = np.argsort(words(_key(own, shape, "places"), stretches), kind="stable")[:PLACES]
    within = min(size, len(chosen) * STRETCH)
    # The last stretch may be short: what would lie beyond its end is passed over, like what is drawn twice.
    at = (words(_key(own, shape, "elements"), 4 * count) % np.uint64(within)).astype(np.int64)
    elements = np.sort(chosen)[at // STRETCH] * STRETCH + at % STRETCH
    elements = elements[elements < size]
    _, first = np.unique(elements, return_index=True)
    return np.sort(elements[np.sort(first)[:count]])


def _key(own: str, shape: Shape, what: str) -> int:
    said = canonical.encode({"family": own, "shape": list(shape), "what": f"studbook/sketch/1/{what}"})
    return int.from_bytes(hashlib.sha256(said).digest()[:16], "little")


def _read(
    weights: Weights, tensor: Tensor, elements: NDArray[np.int64], buffer: bytearray
) -> NDArray[np.float32]:
    """Read these elements, block by block."""
    each = BLOCK // SIZES[tensor.dtype]
    found = np.empty(len(elements), dtype=np.float32)
    blocks = elements // each
    for block in np.unique(blocks).tolist():
        here = blocks == block
        data = weights.read(tensor.name, block, 1, buffer)
        found[here] = _widened(data, tensor.dtype)[elements[here] % each]
    return found


@np.errstate(over="ignore")
def _widened(data: memoryview, dtype: str) -> NDArray[np.float32]:
    if dtype == "BF16":
        return (np.frombuffer(data, dtype="<u2").astype(np.uint32) << 16).view(np.float32)
    return np.frombuffer(data, dtype={"F64": "<f8", "F32": "<f4", "F16": "<f2"}[dtype]).astype(np.float32)


def _drawn(value: canonical.Json) -> Drawn:
    match value:
        case {
            "name": str(name),
            "dtype": "F64" | "F32" | "F16" | "BF16" as dtype,
            "shape": [*shape],
            "values": str(text),
            **rest,
        } if not rest:
            pass
        case _:
            raise Malformed(f"sketch: {canonical.encode(value)[:80]!r} is no tensor of floats")
    if not all(isinstance(size, int) and size > 0 for size in shape):
        raise Malformed(f"sketch: {name!r:.80} has the shape {shape!r:.80}")
    try:
        data = base64.b64decode(text, validate=True)
        values = np.frombuffer(data, dtype="<f4").astype(np.float32)
    except (binascii.Error, ValueError):
        raise Malformed(f"sketch: the values of {name!r:.80} are no fp32 in base64") from None
    return Drawn(name, dtype, tuple(int(str(size)) for size in shape), values)
