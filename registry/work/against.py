"""Compare a merge that was made elsewhere with what its recipe says: make it again, and measure how far they are apart.

The folder need not be registered, and nothing is logged: other engines round in another order and draw other masks, and
what that comes to is a measurement, no verdict on anybody's statement.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from merger.chunks import Chunks
from merger.execute import Result, execute
from merger.folder import Description, Progress, describe
from merger.foreign import Explained, explain, rescales
from merger.header import INDEX
from merger.kernels.blocks import NumpyKernels
from merger.manifest import BLOCK, FLOATS, SIZES, Manifest, Tensor, utf8
from merger.plan import Plan
from merger.replay import distances
from merger.stage import staged
from merger.steps import Compute, elements
from merger.weights import Weights, opened_weights
from registry.home import Home
from registry.work.engine import NUMPY, Computer, engine
from registry.work.make import planned, stage_key
from registry.work.prepared import Prepared
from registry.work.room import room
from signing.errors import Malformed


@dataclass(frozen=True, slots=True)
class Apart:
    """How far one tensor is from what the recipe makes: in how many elements, from which on, at most how many ulps.

    `odd` says why the two cannot be compared element by element, where they cannot.
    """

    tensor: str
    elements: int
    differing: int = 0
    first: int | None = None
    ulp: int | None = None
    odd: str | None = None
    made: bool = True
    """Whether the recipe makes such a tensor at all."""


@dataclass(frozen=True, slots=True)
class Masks:
    """Whether unknown masks explain a tensor, with what is kept rescaled so; parents by their place in the recipe."""

    tensor: str
    rescale: str
    parents: tuple[int, ...]
    explained: Explained


@dataclass(frozen=True, slots=True)
class Against:
    """What a comparison found: the tensors that differ of so many, other files that differ, what masks explain."""

    artifact: str
    tensors: int
    apart: tuple[Apart, ...]
    files: tuple[tuple[str, str], ...]
    masks: tuple[Masks, ...]
    unexplained: str | None
    """Why masks were not looked for, where the method draws some."""

    @property
    def same(self) -> bool:
        """Say whether every weight is bit-identical."""
        return not self.apart

    def within(self, ulp: int) -> bool:
        """Say whether every weight is at most so many ulps away."""
        return all(one.ulp is not None and one.ulp <= ulp for one in self.apart)


def compare(
    home: Home,
    prepared: Prepared,
    folder: Path,
    computer: Computer = NUMPY,
    *,
    threads: int = 2,
    factor: int = 1,
    memory: int | None = None,
    progress: Progress = lambda _: None,
) -> Against:
    """Execute a recipe in a place of its own, compare the tensors with those in `folder`, and remove what was made.

    Killed anywhere, the same comparison continues from the finished shards.
    """
    theirs = describe(folder, threads, progress)
    if not theirs.manifest.tensors:
        raise Malformed(f"{folder} holds no safetensors weights to compare")
    recipe = prepared.recipe
    folders = {artifact: one.folder for artifact, one in prepared.inputs.items()}
    known = {artifact: (one.manifest, one.blocks) for artifact, one in prepared.inputs.items()}
    target = home.path / "rebuilds" / f"against-{recipe.digest[:16]}"
    with opened_weights(folders, known) as weights:
        plan = planned(recipe, weights)
        threads, factor = room(plan, weights, computer, memory, threads=threads, factor=factor)
        with staged(target, stage_key(recipe, engine().computing(computer))) as stage:
            made = execute(
                plan, weights, stage, computer.kernels, threads=threads, factor=factor, progress=progress
            )
            both = {"made": (made.manifest, made.blocks), "foreign": (theirs.manifest, theirs.blocks)}
            with opened_weights({"made": stage.files, "foreign": folder}, both) as opened:
                pair = opened["made"], opened["foreign"]
                apart = tuple(_apart(made.manifest, theirs.manifest, *pair, progress))
                masks, why = _masks(plan, weights, opened["foreign"], apart, progress)
            stage.discard()
    return Against(made.artifact, len(made.manifest.tensors), apart, _files(made, theirs), masks, why)


def _apart(
    mine: Manifest, theirs: Manifest, one: Weights, other: Weights, progress: Progress
) -> Iterator[Apart]:
    here, there = ({t.name: t for t in manifest.tensors} for manifest in (mine, theirs))
    for name in utf8(here.keys() | there.keys()):
        x, y = here.get(name), there.get(name)
        if x is None or y is None:
            odd = "missing in the folder" if x else "not made by the recipe"
            yield Apart(name, (here | there)[name].elements, odd=odd, made=x is not None)
        elif (x.dtype, x.shape) != (y.dtype, y.shape):
            made, found = (f"{t.dtype} of shape {list(t.shape)}" for t in (x, y))
            yield Apart(name, x.elements, odd=f"{found} in the folder, {made} by the recipe")
        elif x.digest != y.digest:
            yield _distance(x, one, other, progress)


def _distance(tensor: Tensor, one: Weights, other: Weights, progress: Progress) -> Apart:
    differing, first, furthest = 0, None, 0
    for odd, ulps in distances(tensor, one, other):
        if len(odd):
            first = int(odd[0]) if first is None else first
            differing += len(odd)
            furthest = max(furthest, int(ulps.max()))
        progress(BLOCK)
    # Integers have no last place: how many differ is all there is to say.
    ulp = furthest if tensor.dtype in FLOATS else None
    return Apart(tensor.name, tensor.elements, differing, first, ulp)


def _masks(
    plan: Plan, weights: Mapping[str, Weights], foreign: Weights, apart: tuple[Apart, ...], progress: Progress
) -> tuple[tuple[Masks, ...], str | None]:
    """Look for masks that explain the tensors that differ, under the rescaling that explains most of all weights."""
    odd = {one.tensor for one in apart if one.odd is None}
    steps = [s for s in plan.steps if isinstance(s, Compute) and s.name in odd and elements(s)]
    if not plan.recipe.rules.draws or not steps:
        return (), None
    chunks = Chunks(plan.recipe, weights, NumpyKernels)
    found: list[dict[str, Masks]] = []
    try:
        for step in steps:
            ways = rescales(plan.recipe.rules, step).items()
            tried = {how: _explained(chunks, step, scalars, foreign, progress) for how, scalars in ways}
            found.append({how: Masks(step.name, how, step.positions, one) for how, one in tried.items()})
    except Malformed as error:
        return (), str(error)
    # Where the ways come to the same, a tensor has been tried in one of them alone.
    every = [[one.get(how) or next(iter(one.values())) for one in found] for how in utf8(set().union(*found))]
    return tuple(max(every, key=lambda one: sum(masks.explained.explained for masks in one))), None


def _explained(
    chunks: Chunks[Any], step: Compute, scalars: Any, foreign: Weights, progress: Progress
) -> Explained:
    width = SIZES[step.dtype]
    blocks = chunks.chunk * width // BLOCK
    buffer = bytearray(blocks * BLOCK)
    parts = []
    for number in chunks.numbers(step):
        stored = foreign.read(step.name, number * blocks, blocks, buffer)
        parts.append(explain(chunks, step, number, scalars, stored))
        progress(len(stored))
    total = parts[0]
    for part in parts[1:]:
        total += part
    return total


def _files(made: Result, theirs: Description) -> tuple[tuple[str, str], ...]:
    """Name the files besides the weights that differ; how weights are divided into files says nothing about them."""
    found = []
    for manifest in (made.manifest, theirs.manifest):
        shards = {tensor.file for tensor in manifest.tensors} | {INDEX}
        found.append({file.name: file.sha256 for file in manifest.files if file.name not in shards})
    mine, other = found
    odd = [name for name in utf8(mine.keys() | other.keys()) if mine.get(name) != other.get(name)]
    return tuple(
        (name, "missing" if name not in other else "differs" if name in mine else "extra") for name in odd
    )
