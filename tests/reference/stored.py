"""Tensors as they are stored: floating types, safetensors files and the files that hold an artifact's weights."""

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

FLOATS = {"float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16"}
BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}
HOLDS = {
    "F64": {"F64", "F32", "F16", "BF16"},
    "F32": {"F32", "F16", "BF16"},
    "F16": {"F16"},
    "BF16": {"BF16"},
}
LAYOUT = {"F32": (23, 8), "F16": (10, 5), "BF16": (7, 8)}  # stored significand bits, exponent bits


@dataclass(frozen=True)
class Tensor:
    """A tensor as it is stored: type name, shape and little-endian bytes."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes


def need(condition: bool, sentence: str) -> None:
    """Refuse with a sentence where a condition does not hold."""
    if not condition:
        raise ValueError(sentence)


# --- Floating-point types ---------------------------------------------------------------------------------


def widen(stored: str, data: bytes) -> Array:
    """Stored elements as fp64 (F64) or fp32 (all others), exactly."""
    if stored == "BF16":
        return (np.frombuffer(data, "<u2").astype(np.uint32) << np.uint32(16)).view(np.float32)
    if stored == "F16":
        return np.frombuffer(data, "<f2").astype(np.float32)
    return np.frombuffer(data, f"<f{BYTES[stored]}").astype(f"f{BYTES[stored]}")


def narrow(values: Array, to: str) -> bytes:
    """Each element rounded once, to nearest and ties to even, by integers on its fp64 bit pattern."""
    bits = values.astype(np.float64).view(np.uint64)  # fp32 widens exactly
    if to == "F64":
        nan = np.uint64(0x7FF8000000000000)
        return np.where(np.isnan(values), nan, bits).astype("<u8").tobytes()
    fraction, width = LAYOUT[to]
    bias = (1 << (width - 1)) - 1
    infinity = ((1 << width) - 1) << fraction
    field = ((bits >> np.uint64(52)) & np.uint64(0x7FF)).astype(np.int64)
    significand = (bits & np.uint64((1 << 52) - 1)).astype(np.int64) + np.where(field > 0, 1 << 52, 0)
    exponent = np.maximum(field, 1) - 1023
    below = np.maximum((1 - bias) - exponent, 0)  # binades under the smallest normal number
    shift = np.minimum(52 - fraction + below, 60)  # 60 already drops every one of the 53 bits
    kept = significand >> shift
    rest = significand - (kept << shift)
    half = np.int64(1) << (shift - 1)
    kept += (rest > half) | ((rest == half) & (kept % 2 == 1))
    # kept holds the leading one of a normal number, so a carry moves into the exponent by itself
    out = np.where(below > 0, kept, ((exponent + bias - 1) << fraction) + kept)
    out = np.where((out >= infinity) | np.isinf(values), infinity, out)
    out += (bits >> np.uint64(63)).astype(np.int64) << (fraction + width)
    out = np.where(np.isnan(values), infinity + (1 << (fraction - 1)), out)
    return out.astype(f"<u{BYTES[to]}").tobytes()


# --- Files ------------------------------------------------------------------------------------------------


def parse(data: bytes, *, loose: bool = False) -> Any:
    """JSON; its whole numbers lie within ±(2^53 - 1) and its keys stand once, unless it is any JSON."""

    def number(text: str) -> int | float:
        # Choice: a number such as 1e30 is whole too, however it is written
        value = int(text) if re.fullmatch("-?[0-9]{1,17}", text) else float(text)
        need(loose or abs(value) < 1 << 53, f"{text} is beyond the whole numbers of fp64")
        return value

    def constant(text: str) -> None:
        raise ValueError(f"{text} is no JSON number")

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        # Choice: an object with a key twice is no JSON
        need(
            loose or len(dict(pairs)) == len(pairs), f"an object has a key twice: {[key for key, _ in pairs]}"
        )
        return dict(pairs)

    # the product's reader would end the independence
    return json.loads(
        data.decode("utf-8"),
        parse_int=number,
        parse_float=float if loose else number,
        parse_constant=constant,
        object_pairs_hook=members,
    )


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object of a file."""
    need(path.is_file(), f"{path.name} is missing")
    said = parse(path.read_bytes())
    if not isinstance(said, dict):
        raise ValueError(f"{path.name} is no object")  # noqa: TRY004 - one kind of refusal
    return said


def read_file(path: Path) -> dict[str, Tensor]:
    """All tensors of one safetensors file."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 + length or length < 2:
        raise ValueError(f"{path.name} is no safetensors file")
    header, data = parse(content[8 : 8 + length]), content[8 + length :]
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            shape, (begin, end) = tuple(entry["shape"]), entry["data_offsets"]
            fits = (
                math.prod(shape) * BYTES[entry["dtype"]] == end - begin if entry["dtype"] in BYTES else True
            )
            if not 0 <= begin <= end <= len(data) or not fits:
                raise ValueError(f"tensor {name!r} of {path.name} does not fit its shape or its file")
            tensors[name] = Tensor(entry["dtype"], shape, data[begin:end])
    return tensors


def read_weights(folder: Path) -> dict[str, Tensor]:
    """All tensors of an artifact, where every program would load these."""
    index, single = folder / "model.safetensors.index.json", folder / "model.safetensors"
    # Choice: refused even where the index maps every tensor to model.safetensors
    need(not (index.exists() and single.exists()), "index and model.safetensors are both there")
    if index.exists():
        places = read_object(index)["weight_map"]
        paths = [folder / file for file in sorted(set(places.values()))]
    else:
        places = {}
        paths = [single] if single.exists() else sorted(folder.glob("*.safetensors"))
    tensors: dict[str, Tensor] = {}
    held = {}
    for path in paths:
        found = held[path.name] = read_file(path)
        if twice := tensors.keys() & found.keys():
            raise ValueError(f"tensor {min(twice)!r} stands in two files")
        tensors |= found
    if lost := [name for name, file in places.items() if name not in held[file]]:
        raise ValueError(f"tensor {lost[0]!r} is not in the file that the index names")
    if index.exists() and (more := tensors.keys() - places.keys()):
        raise ValueError(f"the index does not place tensor {min(more)!r}")
    return tensors


def read_config(folder: Path) -> dict[str, Any]:
    """A model's config, where programs load the weights that `read_weights` finds."""
    config = read_object(folder / "config.json")
    # Choice: the key alone counts, whatever its value, and only in a model: what else has weights needs no such config
    need("transformers_weights" not in config, "the config says transformers_weights")
    return config
