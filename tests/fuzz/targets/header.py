"""Safetensors headers: what is accepted covers the data exactly, and the library that others load with reads the same.

An input is the size of the data in decimal digits, a newline, and the JSON text of the header.
"""

import math

import safetensors
from fuzz.words import JSON, marks, members, texts

from merger.header import header
from merger.manifest import SIZES
from merger.weights import header_bytes
from signing.errors import Malformed

MINUTES, LONGEST = 10, 65536
WORDS = (
    *members("dtype shape data_offsets __metadata__"),
    *texts(SIZES),
    *marks("[0,0] [0,4] [9007199254740991, ,0]"),
    *JSON,
)
# What the library reads is held in memory.
_SMALL = 1 << 16


def read(data: bytes) -> None:
    digits, _, raw = data.partition(b"\n")
    if not (digits.isdigit() and len(digits) <= 19):
        raise Malformed("an input begins with the size of the data")
    size = int(digits)
    found = header(raw, size, "a file")
    assert [e.begin for e in found] == [0, *(e.end for e in found)][: len(found)]
    assert (found[-1].end if found else 0) == size
    assert all(e.end - e.begin == math.prod(e.shape) * SIZES[e.dtype] for e in found)
    names = {e.name for e in found}
    assert len(names) == len(found)
    written = header_bytes([(e.name, e.dtype, e.shape, e.end - e.begin) for e in found])[8:]
    assert header(written, size, "a file") == found
    if size <= _SMALL:
        theirs = safetensors.deserialize(len(raw).to_bytes(8, "little") + raw + bytes(size))
        assert {(name, tuple(told["shape"]), len(told["data"])) for name, told in theirs} == {
            (e.name, e.shape, e.end - e.begin) for e in found
        }
