"""Align a model with another: find which of its units are the other's, and register what was found as statistics.

A merge takes them from there (docs/arithmetic.md, "Statistics", permute and transport). How they were found is attested
by whoever signs them, and can be found again by anybody, but nothing promises the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path

import numpy as np

from merger.card import config_of
from merger.folder import Progress
from merger.kernels import narrowing
from merger.manifest import FLOATS
from merger.matching import Read, matched, transported
from merger.product import MOST
from merger.stage import Stage, staged
from merger.statistics import CONFIG, VERSION
from merger.symmetry import Axis, Symmetry, symmetries
from merger.weights import Shard, Weights, opened_weights
from registry.home import Home
from registry.store import refs
from registry.work.add import Added, Declared, add, declarations
from registry.work.shelf import shelved
from signing import canonical
from signing.digest import sha256_hex
from signing.errors import Malformed

FILE = "statistics.safetensors"
_LIBRARIES = ("numpy", "scipy")


@dataclass(frozen=True, slots=True)
class Matched:
    """One symmetry of the models: how many units it has, and how many of them get another place, if not a mixture."""

    name: str
    units: int
    moved: int | None


@dataclass(frozen=True, slots=True)
class Aligned:
    """A registered alignment: the artifact, of which model and onto which, and what moved."""

    added: Added
    onto: str
    model: str
    found: tuple[Matched, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two models of one architecture, opened: `model` is to be aligned onto `onto`."""

    onto: str
    model: str
    weights: Mapping[str, Weights]
    symmetries: tuple[Symmetry, ...]

    @property
    def size(self) -> int:
        """Return the bytes of both models' tensors that are compared."""
        return sum(self.bytes(one) for one in self.symmetries)

    def bytes(self, symmetry: Symmetry) -> int:
        """Return the bytes of both models' tensors that one symmetry is found from."""
        return sum(w.tensors[axis.tensor].size for w in self.weights.values() for axis in symmetry.axes)

    def reader(self, artifact: str) -> Read:
        """Return what reads a tensor of one model, checked against its manifest, in its shape."""
        weights = self.weights[artifact]

        def read(name: str) -> np.ndarray:
            tensor = weights.tensors[name]
            raw = weights.read(name, 0, tensor.blocks, bytearray(tensor.size))
            return narrowing.widen(raw, tensor.dtype).reshape(tensor.shape)

        return read


@contextmanager
def paired(home: Home, onto: str, model: str) -> Iterator[Pair]:
    """Open two registered models by reference, or say by name why they cannot be aligned; reads no weights."""
    with home.store.reading() as connection:
        a, b = (refs.resolve(connection, ref) for ref in (onto, model))
    if a == b:
        raise Malformed(f"{onto} and {model} are one artifact, {a}; a model lies on itself as it is")
    inputs = shelved(home, (a, b))
    known = {artifact: (one.manifest, one.blocks) for artifact, one in inputs.items()}
    with opened_weights({artifact: one.folder for artifact, one in inputs.items()}, known) as weights:
        mine, theirs = (_symmetries(weights[artifact]) for artifact in (a, b))
        _check_alike(weights[a], weights[b], mine, theirs)
        yield Pair(a, b, weights, mine)


def align(
    home: Home,
    pair: Pair,
    target: Path,
    declared: Declared,
    *,
    softness: float | None = None,
    threads: int = 2,
    progress: Progress = lambda _: None,
) -> Aligned:
    """Make statistics of `pair.model` in the new folder `target`, and register them.

    Without `softness` they are a `permutation`, with it a `transport`. `declared` says their name and license.
    """
    with home.store.reading() as connection:
        # They are signed at the end: a name or a license that no statement can hold is refused before the work.
        declarations(home, connection, pair.model, declared.name, declared.license)
    kind = "permutation" if softness is None else "transport"
    said: dict[str, canonical.Json] = {
        "v": VERSION,
        "kind": kind,
        "model": pair.model,
        "onto": pair.onto,
        "libraries": _versions(),
    }
    if softness is not None:
        said["softness"] = repr(softness)
        _check_sizes(pair.symmetries)
    with staged(target, sha256_hex(canonical.encode(said))) as stage:
        try:
            found = _written(pair, stage, softness, progress)
            stage.put(CONFIG, canonical.encode(said) + b"\n")
            stage.check({FILE, CONFIG})
            stage.release(target)
        except BaseException:
            # Nothing here is continued: what is half done would only lie about.
            stage.discard()
            raise
    # An order says something of both models' weights, and whatever is laid by it depends on both.
    made_from = replace(declared, parents=[(pair.model, "extract"), (pair.onto, "extract")])
    return Aligned(add(home, target, made_from, threads=threads), pair.onto, pair.model, tuple(found))


def _written(pair: Pair, stage: Stage, softness: float | None, progress: Progress) -> list[Matched]:
    shard = Shard(stage.files / FILE, _tensors(pair, soft=softness is not None))
    try:
        if softness is None:
            found = _permuted(pair, shard, progress)
        else:
            found = _mixed(pair, shard, softness, progress)
        shard.finish()
    finally:
        shard.close()
    return found


def _versions() -> dict[str, canonical.Json]:
    try:
        return {name: metadata.version(name) for name in _LIBRARIES}
    except metadata.PackageNotFoundError as error:
        raise Malformed(f"aligning models needs {error.name}: pip install 'studbook[align]'") from None


def _symmetries(weights: Weights) -> tuple[Symmetry, ...]:
    found = symmetries(config_of(weights), {t.name: t.shape for t in weights.tensors.values()})
    for axis in (axis for one in found for axis in one.axes):
        stored = weights.tensors[axis.tensor].dtype
        if stored not in FLOATS:
            raise Malformed(f"{axis.tensor} of {weights.folder} holds {stored}; only floats can be compared")
    return found


def _check_alike(
    onto: Weights, model: Weights, mine: tuple[Symmetry, ...], theirs: tuple[Symmetry, ...]
) -> None:
    kinds = [config_of(one).get("model_type") for one in (onto, model)]
    if kinds[0] != kinds[1]:
        raise Malformed(
            f"{onto.folder} is a {kinds[0]} and {model.folder} a {kinds[1]}; only alike can be aligned"
        )
    names = [{axis.tensor for one in found for axis in one.axes} for found in (mine, theirs)]
    for name in sorted(names[0] | names[1]):
        shapes = [one.tensors[name].shape if name in one.tensors else None for one in (onto, model)]
        if shapes[0] != shapes[1]:
            said = ["has no such tensor" if s is None else f"has the shape {list(s)}" for s in shapes]
            raise Malformed(f"{name}: {onto.folder} {said[0]}, {model.folder} {said[1]}")
    if mine != theirs:
        odd = next(one for one, other in zip(mine, theirs, strict=True) if one != other)
        raise Malformed(f"{odd.name}: {onto.folder} and {model.folder} count their heads differently")


def _check_sizes(found: tuple[Symmetry, ...]) -> None:
    for one in found:
        for axis in one.axes:
            size = one.units * axis.unit
            if size > MOST:
                raise Malformed(
                    f"{axis.tensor}: {size} along axis {axis.axis}; a transport has at most {MOST}"
                )


def _tensors(pair: Pair, *, soft: bool) -> list[tuple[str, str, tuple[int, ...]]]:
    sizes = [(_name(axis), one.units * axis.unit) for one in pair.symmetries for axis in one.axes]
    return [(name, "F32", (size, size)) if soft else (name, "I64", (size,)) for name, size in sizes]


def _name(axis: Axis) -> str:
    return f"{axis.tensor}.{axis.axis}"


def _permuted(pair: Pair, shard: Shard, progress: Progress) -> list[Matched]:
    sizes = {one.name: pair.bytes(one) for one in pair.symmetries}
    a, b = pair.reader(pair.onto), pair.reader(pair.model)
    orders = matched(pair.symmetries, a, b, lambda name: progress(sizes[name]))
    for one in pair.symmetries:
        for axis in one.axes:
            shard.write(_name(axis), orders[one.name].along(axis).astype("<i8").tobytes())
    return [Matched(one.name, one.units, orders[one.name].moved()) for one in pair.symmetries]


def _mixed(pair: Pair, shard: Shard, softness: float, progress: Progress) -> list[Matched]:
    found = []
    for one, plan in transported(pair.symmetries, pair.reader(pair.onto), pair.reader(pair.model), softness):
        for axis in one.axes:
            matrix = np.kron(plan, np.eye(axis.width)).astype("<f4")
            shard.write(_name(axis), matrix.tobytes())
        progress(pair.bytes(one))
        found.append(Matched(one.name, one.units, None))
    return found
