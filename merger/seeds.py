"""Seeds: which elements a random mask keeps, from the recipe alone.

docs/arithmetic.md, "Random masks": a counter-based generator (Philox-4x64-10, Salmon et al. 2011) lets any block of any
tensor be drawn by itself, in any order, on any number of threads.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

# One Philox counter step yields four 64-bit words, which are sixteen 16-bit lanes.
STEP = 16


def mask_key(seed: str, tensor: str, parent: str, occurrence: int) -> int:
    """Return the 128-bit Philox key of one parent's mask on one output tensor."""
    digest = hashlib.sha256()
    for field in ("studbook/mask/1", seed, tensor, parent, str(occurrence)):
        data = field.encode()
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return int.from_bytes(digest.digest()[:16], "little")


def lanes(key: int, start: int, count: int) -> NDArray[np.uint16]:
    """Return the 16-bit lanes of elements `start` to `start + count - 1`; `start` is a multiple of 16."""
    stream = np.random.Philox(counter=0, key=key)
    stream.advance(start // STEP)
    words = stream.random_raw(-(-count // 4))
    return np.asarray(words).astype("<u8", copy=False).view("<u2")[:count]


def words(key: int, count: int) -> NDArray[np.uint64]:
    """Return the first `count` 64-bit words of a key's stream."""
    return np.asarray(np.random.Philox(counter=0, key=key).random_raw(count), dtype=np.uint64)
