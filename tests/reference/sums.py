"""Sums over a tensor, the largest k and random masks."""

import hashlib
import math
import struct
from fractions import Fraction
from typing import Any

import numpy as np
from reference.stored import Array

BLOCK = 1 << 16


def added(terms: list[Any]) -> Any:
    """Σ from the first term on, in order."""
    result = terms[0]
    for term in terms[1:]:
        result = result + term
    return result


def total(values: Array) -> float:
    """The sum over a tensor: halved 16 times within each block, then block after block."""
    blocks = []
    for start in range(0, values.size, BLOCK):
        block = np.zeros(BLOCK)
        part = values[start : start + BLOCK].astype(np.float64)
        block[: part.size] = part
        while block.size > 1:
            block = block[: block.size // 2] + block[block.size // 2 :]
        blocks.append(block[0])
    return float(added(blocks)) if blocks else 0.0


def dot(x: Array, y: Array) -> float:
    """The sum over a tensor of products in fp64."""
    return total(x.astype(np.float64) * y.astype(np.float64))


def magnitude_bits(values: Array) -> Array:
    """|x| as the unsigned integer that is its bit pattern; any NaN as the one NaN."""
    unsigned, nan = (np.uint32, 0x7FC00000) if values.dtype == np.float32 else (np.uint64, 0x7FF8000000000000)
    return np.where(np.isnan(values), unsigned(nan), np.abs(values).view(unsigned))


def largest(values: Array, density: str, gamma: str = "0") -> Array:
    """Which elements are among the k of largest magnitude, the lowest index first among equals, s skipped."""
    kept = np.zeros(values.size, bool)
    if values.size:
        k = max(1, math.floor(Fraction(density) * values.size))
        s = min(math.floor(Fraction(gamma) * values.size), values.size - k)
        kept[np.argsort(~magnitude_bits(values), kind="stable")[s : s + k]] = True
    return kept


def largest_term(terms: list[Array]) -> Array:
    """The term of largest magnitude at each element, the first among equals."""
    found = terms[0]
    for term in terms[1:]:
        found = np.where(np.abs(term) > np.abs(found), term, found)
    return found


def mask_key(seed: str, name: str, parent: str, occurrence: int) -> int:
    """The key of a random mask's stream."""
    fields = [text.encode() for text in ("studbook/mask/1", seed, name, parent, str(occurrence))]
    digest = hashlib.sha256(b"".join(struct.pack("<Q", len(field)) + field for field in fields)).digest()
    return int.from_bytes(digest[:16], "little")


def lanes(key: int, count: int) -> Array:
    """The first `count` 16-bit lanes of a mask's stream."""
    stream = np.random.Philox(counter=0, key=key)
    words = stream.random_raw((count + 3) // 4)
    return np.frombuffer(words.astype("<u8").tobytes(), "<u2")[:count].astype(np.int64)


def threshold(density: str) -> int:
    """The lane value t below which an element is kept."""
    t = math.floor(Fraction(density) * 65536)
    if t == 0:
        raise ValueError(f"density {density} keeps nothing: it is below 1/65536")
    return t
