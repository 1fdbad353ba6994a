"""Sketches: the same few thousand elements of every artifact of one architecture, by which two are compared without their files.

Which elements these are follows from the architecture alone (`merger.elements`), so anybody who has the weights makes the same sketch, byte
for byte, and sketches made years apart fit together.
"""

from __future__ import annotations

import base64
import binascii
import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from merger.elements import Shape, drawn, family
from merger.kernels.narrowing import narrow, widen
from merger.manifest import BLOCK, FLOATS, RANK_LIMIT, SIZES, Manifest, Tensor
from signing import canonical
from signing.digest import check_hex, sha256_hex
from signing.errors import Malformed

if TYPE_CHECKING:  # who serves a registry compares sketches, and opens no weights
    from merger.weights import Weights

VERSION = "1"
# A file that says more than two million million elements is no sketch of anything that there is.
LARGEST = 1 << 41
# Half a unit in the last place, relative to the value: what storing it may have changed.
ROUNDING = {"F64": 2.0**-53, "F32": 2.0**-24, "F16": 2.0**-11, "BF16": 2.0**-8}
# Coarser than sketches are.
COARSE = frozenset({"BF16", "F16"})

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
    def grains(self) -> tuple[str, ...]:
        """Return how finely each tensor is stored: by its type, or by the type that all values were cast to before they were written in it."""
        for dtype in sorted(COARSE):
            if all(
                np.array_equal(stored(one.values, dtype), one.values, equal_nan=True) for one in self.tensors
            ):
                return (dtype,) * len(self.tensors)
        return tuple(one.dtype for one in self.tensors)

    @cached_property
    def rounding(self) -> Values:
        """Return by how much storing it may have changed each value."""
        each = [
            np.abs(one.values.astype(np.float64)) * max(ROUNDING[grain], ROUNDING["F32"])
            for one, grain in zip(self.tensors, self.grains, strict=True)
        ]
        return np.concatenate(each)

    @cached_property
    def half(self) -> Values | None:
        """Return half a unit in the last place of each value; None if all are stored as finely as they are sketched."""
        if not COARSE & {*self.grains}:
            return None
        _, exponents = np.frexp(self.values)
        sizes = [max(ROUNDING[grain], ROUNDING["F32"]) for grain in self.grains]
        return np.asarray(np.ldexp(np.array(sizes)[self.places], exponents - 1))

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
                check_hex(content, "the content of a sketch")
                found = cls(content, tuple(map(_drawn, tensors)))
            case _:
                raise Malformed("a sketch is version 1, a content and a list of tensors")
        _check(found)
        return found


def content(manifest: Manifest) -> str:
    """Return one digest (64 hex) for all tensors: the same for whoever renames, reorders or shards them anew."""
    listed: list[canonical.Json] = [*sorted(one.digest for one in manifest.tensors)]
    return sha256_hex(canonical.encode(listed))


def sketched(manifest: Manifest) -> tuple[Tensor, ...]:
    """Return the tensors that a sketch is made of: those of floats that hold anything."""
    return tuple(one for one in manifest.tensors if one.dtype in FLOATS and one.elements)


def stored(values: NDArray[np.float32], dtype: str) -> NDArray[np.float32]:
    """Return what remains of values that are stored in a type: each rounded once, to nearest even."""
    return widen(narrow(values, dtype).tobytes(), dtype).astype(np.float32)


def rounded(child: Sketch, values: Values) -> Values:
    """Return values in the order of an artifact's tensors as they would be if they were stored as it is."""
    found = values.astype(np.float32)
    for dtype in COARSE & {*child.grains}:
        here = np.array([grain == dtype for grain in child.grains])[child.places]
        found[here] = stored(found[here], dtype)
    return found.astype(np.float64)


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


def _check(found: Sketch) -> None:
    """Refuse what no artifact is sketched as: elements that are not due, names or values that its tensors cannot have."""
    names = [one.name for one in found.tensors]
    if len({*names}) < len(names):
        raise Malformed(f"sketch: it names {max(names, key=names.count)!r:.80} twice")
    # What is drawn of a tensor takes memory in proportion to its size, which here is somebody's word.
    large = max(found.tensors, key=lambda one: math.prod(one.shape))
    if sum(math.prod(shape) for shape in {one.shape for one in found.tensors}) > LARGEST:
        raise Malformed(
            f"sketch: with {large.name!r:.80} of {large.shape!r:.80} its tensors hold more than {LARGEST} elements"
        )
    due = drawn(one.shape for one in found.tensors)
    for one in found.tensors:
        if len(one.values) != len(due[one.shape]):
            raise Malformed(
                f"sketch: {one.name!r:.80} of {one.shape!r:.80} has {len(one.values)} values, not {len(due[one.shape])}"
            )


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
    # One NaN as another: some are signals to whoever converts them.
    found[np.isnan(found)] = np.nan
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
    if len(shape) > RANK_LIMIT or not all(type(size) is int and size > 0 for size in shape):
        raise Malformed(f"sketch: {name!r:.80} has the shape {shape!r:.80}")
    try:
        data = base64.b64decode(text, validate=True)
        values = np.frombuffer(data, dtype="<f4").astype(np.float32)
    except (binascii.Error, ValueError):
        raise Malformed(f"sketch: the values of {name!r:.80} are no fp32 in base64") from None
    if dtype in COARSE and not np.array_equal(stored(values, dtype), values, equal_nan=True):
        raise Malformed(f"sketch: {name!r:.80} is said to be {dtype} and has values that are none")
    values[np.isnan(values)] = np.nan
    return Drawn(name, dtype, tuple(int(str(size)) for size in shape), values)
