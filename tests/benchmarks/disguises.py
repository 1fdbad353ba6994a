"""How weights are published again under another name: what a sketch of them would hold, or the files themselves."""

import json
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from merger.folder import describe, entries, opened
from merger.manifest import Manifest
from merger.sketch import Drawn, Sketch, Values
from merger.weights import header_bytes

Disguise = Callable[[Sketch, Values, int], Sketch]


def _with(one: Sketch, values: Values, dtype: str = "F32") -> Sketch:
    parts = np.split(values.astype("f4"), np.cumsum([len(each.values) for each in one.tensors])[:-1])
    drawn = (Drawn(each.name, dtype, each.shape, part) for each, part in zip(one.tensors, parts, strict=True))
    return Sketch("0" * 64, tuple(drawn))


def _random(number: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(number))


def _noise(size: float) -> Disguise:
    return lambda one, _, number: _with(
        one, one.values + _random(number).standard_normal(len(one.values)) * size
    )


def _relative(size: float) -> Disguise:
    def disguise(one: Sketch, _: Values, number: int) -> Sketch:
        spread = np.array([np.std(one.values[one.places == place]) for place in range(len(one.tensors))])
        return _with(
            one, one.values + _random(number).standard_normal(len(one.values)) * size * spread[one.places]
        )

    return disguise


def _scaled(factor: float) -> Disguise:
    return lambda one, zero, _: _with(one, zero + factor * (one.values - zero))


def _sparse(kept: float) -> Disguise:
    return lambda one, zero, number: _with(
        one, np.where(_random(number).random(len(one.values)) < kept, one.values, zero)
    )


def _rounded(one: Sketch, _: Values, __: int) -> Sketch:
    # As a cast rounds: to nearest, ties to even.
    bits = one.values.astype("f4").view("u4").astype("u8")
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000
    return _with(one, rounded.astype("u4").view("f4").astype("f8"), "BF16")


def _widened(one: Sketch, zero: Values, number: int) -> Sketch:
    return _with(one, _rounded(one, zero, number).values)


def _even(size: float) -> Disguise:
    spread = size * 3**0.5
    return lambda one, _, number: _with(
        one, one.values + _random(number).uniform(-spread, spread, len(one.values))
    )


def _halved(one: Sketch, _: Values, __: int) -> Sketch:
    return _with(one, one.values.astype("f2").astype("f8"), "F16")


DISGUISES: dict[str, Disguise] = {
    "cast to float16": _halved,
    "cast to bfloat16": _rounded,
    "cast to bfloat16, kept as float32": _widened,
    "noise of 1e-4 of each tensor's": _relative(1e-4),
    "noise of 0.5e-4": _noise(5e-5),
    "noise of 1e-4": _noise(1e-4),
    "noise of 1e-4, evenly spread": _even(1e-4),
    "noise of 2e-4": _noise(2e-4),
    "noise of 3e-4": _noise(3e-4),
    "change times 1.5": _scaled(1.5),
    "change times 0.5": _scaled(0.5),
    "change kept in half": _sparse(0.5),
    "change kept in 5 %": _sparse(0.05),
}


# Under these, siblings are looked at, too: they hide what tells them apart.
HIDING = ("cast to float16", "cast to bfloat16", "noise of 1e-4", "noise of 3e-4")


def disguised(one: Sketch, zero: Values, hows: Iterable[str]) -> dict[str, Sketch]:
    """Return an artifact in some disguises."""
    return {f"tunes, {how}": DISGUISES[how](one, zero, number) for number, how in enumerate(hows)}


def resharded(folder: Path, number: int) -> Manifest:
    """Return the manifest of a copy in which every tensor has another name and the shards are others."""
    source = folder / "model.safetensors"
    head, found = entries(opened(folder, source.name), source.name)
    data = source.read_bytes()[len(head) :]
    shards = 2 + number % 5
    with tempfile.TemporaryDirectory(dir="/dev/shm") as temporary:
        where = {}
        for shard in range(shards):
            mine = found[shard::shards]
            named = [(f"m{number}.{one.name}", one.dtype, one.shape, one.end - one.begin) for one in mine]
            body = b"".join(data[one.begin : one.end] for one in mine)
            file = f"part-{shard}.safetensors"
            (Path(temporary) / file).write_bytes(header_bytes(named) + body)
            where |= {name: file for name, *_ in named}
        (Path(temporary) / "model.safetensors.index.json").write_text(json.dumps({"weight_map": where}))
        return describe(Path(temporary)).manifest
