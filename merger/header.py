"""The header of a safetensors file, checked before any library opens it, and which files of an artifact hold weights.

Every byte of the data belongs to exactly one tensor, or the file is refused (threat T4).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from pydantic import BaseModel

from merger.manifest import CLOSED, RANK_LIMIT, SIZES, held, utf8
from signing import canonical
from signing.errors import Malformed

# Real headers of models with thousands of tensors stay below 2 MiB; more is an attack on the reader's memory.
HEADER_LIMIT = 8 << 20
NAME_LIMIT = 1024
INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"


class Entry(BaseModel):
    """One tensor as a safetensors header places it: bytes `begin` to `end` of the data."""

    model_config = CLOSED
    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def header(raw: bytes, data_size: int, where: str) -> list[Entry]:
    """Check a safetensors header against its own file and return its tensors in the order of their bytes.

    `raw` is the JSON text, `data_size` the number of bytes that follow it, `where` names the file in errors. Every
    byte of the data belongs to exactly one tensor, or the file is refused before any library opens it (threat T4).
    """
    value = canonical.decode(raw.rstrip(b" "))
    if not isinstance(value, dict):
        raise Malformed(f"{where}: the header is no JSON object")
    metadata = value.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
        raise Malformed(f"{where}: __metadata__ is no object of strings")
    entries = sorted(
        (_entry(where, name, said) for name, said in value.items()), key=lambda e: (e.begin, e.end)
    )
    at = 0
    for entry in entries:
        if entry.begin != at:
            fault = "overlaps what stands before it" if entry.begin < at else "leaves a hole before it"
            raise Malformed(f"{where}: {entry.name} starts at byte {entry.begin}, not {at}: it {fault}")
        at = entry.end
    if at != data_size:
        raise Malformed(f"{where}: its tensors cover {at} bytes of the {data_size} in the file")
    return entries


def weight_files(names: Sequence[str], index: bytes | None) -> dict[str, set[str] | None]:
    """Say which files hold the weights, each with the tensor names the index puts there (None: whatever it holds).

    `names` are the artifact's file names, `index` the bytes of `model.safetensors.index.json` if there is one.
    """
    if index is not None and SINGLE in names:
        raise Malformed(
            f"both {SINGLE} and {INDEX} are there, and programs differ in which of them they load"
        )
    if index is None:
        found = (
            [SINGLE] if SINGLE in names else [n for n in names if n.endswith(".safetensors") and "/" not in n]
        )
        return dict.fromkeys(utf8(found))
    value = canonical.decode(index)
    where = value.get("weight_map") if isinstance(value, dict) else None
    if not isinstance(where, dict) or not all(isinstance(file, str) for file in where.values()):
        raise Malformed(f"{INDEX}: weight_map is no object of file names")
    files: dict[str, set[str] | None] = {file: set() for file in utf8({str(f) for f in where.values()})}
    for tensor, file in where.items():
        if file not in names:
            raise Malformed(f"{INDEX}: {tensor} is said to be in {file}, which is not there")
        placed = files[str(file)]
        if placed is not None:
            placed.add(tensor)
    return files


def _entry(where: str, name: str, said: canonical.Json) -> Entry:
    label = f"{where}: tensor {name!r:.80}"
    if not name or len(name.encode()) > NAME_LIMIT or not name.isprintable():
        raise Malformed(f"{label}: a tensor's name is printable and of 1 to {NAME_LIMIT} bytes")
    if not isinstance(said, dict) or set(said) != {"dtype", "shape", "data_offsets"}:
        raise Malformed(f"{label}: says {said!r:.80}, not dtype, shape and data_offsets")
    dtype, shape, offsets = said["dtype"], said["shape"], said["data_offsets"]
    if not isinstance(dtype, str) or dtype not in SIZES:
        raise Malformed(f"{label}: its type {dtype!r:.40} is none of {' '.join(SIZES)}")
    if not _sizes(shape) or len(shape) > RANK_LIMIT:
        raise Malformed(f"{label}: its shape {shape!r:.80} is no list of at most {RANK_LIMIT} sizes")
    if not _sizes(offsets) or len(offsets) != 2:
        raise Malformed(f"{label}: its data_offsets {offsets!r:.80} are no begin and end")
    begin, end = offsets
    need = math.prod(shape) * SIZES[dtype]
    if end - begin != need or not held(shape, dtype):
        takes = str(need) if held(shape, dtype) else "more than 2^63"
        raise Malformed(
            f"{label}: {dtype} {shape!r:.80} takes {takes} bytes, its data_offsets hold {end - begin}"
        )
    return Entry(name=name, dtype=dtype, shape=tuple(shape), begin=begin, end=end)


def _sizes(value: canonical.Json) -> bool:
    return isinstance(value, list) and all(type(v) is int and v >= 0 for v in value)
