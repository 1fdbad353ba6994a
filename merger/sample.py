"""Check some blocks of a merge, drawn after it was signed: recompute them, and their entries in the witnesses.

docs/arithmetic.md makes every block of an output a function of the same places in the inputs, of scalars and of
thresholds; the account claims the latter with witnesses that have to add up (`witness`). A forgery that altered a share
f of all blocks, drawn by nobody it knew, escapes N of them with at most (1 - f)^N: `escape`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from merger.chunks import Chunks
from merger.claim import Claim, Fault, described, digests
from merger.execute import Backend
from merger.folder import Changed, Progress
from merger.manifest import BLOCK, DIGEST, SIZES
from merger.measure import Measured, targets
from merger.plan import Plan
from merger.reading import CHUNK
from merger.reduce import SPAN
from merger.steps import Compute, Copy, Step, elements
from merger.weights import Weights
from merger.witness import check_follows, claimed, entries, miscounted, uncounted
from signing.canonical import Json
from signing.errors import Malformed, Untrusted

Below = Callable[[int], int]
"""Draws a whole number from 0 to below its argument, all alike: `secrets.randbelow`, or a test's own."""


@dataclass(frozen=True, slots=True)
class Block:
    """One block of 2^20 bytes of an output tensor; the last of a tensor may be short."""

    tensor: str
    number: int


@dataclass(frozen=True, slots=True)
class Sampled:
    """What a sample found: the blocks drawn of so many, and what is wrong in them or in the account as a whole."""

    drawn: tuple[Block, ...]
    total: int
    faults: tuple[Fault, ...]
    witnessed: bool
    """Whether anything was computed with sums or thresholds, whose witnesses were checked in the drawn blocks only."""

    @property
    def same(self) -> bool:
        """Say whether nothing that was checked differs."""
        return not self.faults

    def escape(self, share: float) -> float:
        """Return at most how likely a forgery that altered this share of all blocks was to pass unseen."""
        return 0.0 if len(self.drawn) == self.total else escape(share, len(self.drawn))


def escape(share: float, count: int) -> float:
    """Return (1 - share)^count."""
    result = 1.0
    for _ in range(count):
        result *= 1 - share
    return result


def draw(plan: Plan, count: int, below: Below) -> tuple[tuple[Block, ...], int]:
    """Draw `count` different blocks of a plan's outputs, every set of them alike; return them and how many there are.

    Floyd's algorithm: Bentley and Floyd, "A sample of brilliance", CACM 30 (1987).
    """
    sizes = [(step.name, -(-elements(step) * SIZES[step.dtype] // BLOCK)) for step in plan.steps]
    total = sum(size for _, size in sizes)
    places: set[int] = set()
    for last in range(max(0, total - count), total):
        place = below(last + 1)
        places.add(last if place in places else place)
    blocks, first = [], 0
    for name, size in sizes:
        blocks += [Block(name, place - first) for place in sorted(places) if first <= place < first + size]
        first += size
    return tuple(blocks), total


def sample(
    plan: Plan,
    weights: Mapping[str, Weights],
    claim: Claim,
    kernels: Backend,
    count: int,
    below: Below,
    *,
    threads: int = 2,
    progress: Progress = lambda _: None,
) -> Sampled:
    """Check `count` blocks of a merge, all of its account's arithmetic, and its small files.

    `weights` holds the recipe's artifacts, opened. Raises `Changed` where an input is not what was signed.
    """
    chunks = Chunks(plan.recipe, weights, kernels)
    faults = described(plan, weights, claim)
    drawn, total = draw(plan, count, below)
    found: dict[str, Measured | None] = {}
    try:
        said = entries(plan, claim.account)
    except Untrusted as error:
        return Sampled(drawn, total, (*faults, Fault("account.json", None, str(error))), witnessed=False)
    for step in plan.steps:
        try:
            found[step.name] = _claimed(chunks, step, said.get(step.name, {}))
        except Untrusted as error:
            faults.append(Fault(step.name, None, str(error)))
    measured = {name: one for name, one in found.items() if one is not None}
    faults += [Fault(name, None, text) for name, text in miscounted(plan, measured)]
    signed = digests(claim)
    odd = {fault.name for fault in faults}
    work = list(_chunked(plan, chunks, [block for block in drawn if block.tensor not in odd]))

    def check(piece: tuple[Step, int, Sequence[int]]) -> list[Fault]:
        step, number, blocks = piece
        entry = said.get(step.name, {})
        wrong = _recomputed(chunks, step, number, blocks, found[step.name], signed[step.name], entry)
        progress(len(blocks) * BLOCK)
        return wrong

    with ThreadPoolExecutor(threads) as pool:
        for wrong in pool.map(check, work):
            faults += wrong
    return Sampled(drawn, total, tuple(faults), any(one.sums or one.reaches for one in measured.values()))


def stored(weights: Weights, blocks: Sequence[Block]) -> list[Fault]:
    """Return the drawn blocks whose bytes in the merge's own folder are not those signed."""
    faults, buffer = [], bytearray(BLOCK)
    for block in blocks:
        try:
            weights.read(block.tensor, block.number, 1, buffer)
        except Changed as error:
            faults.append(Fault(block.tensor, block.number, str(error)))
    return faults


def place(chunks: Chunks[Any], step: Step, block: int) -> tuple[int, int]:
    """Return the number of the chunk that holds a block of a step's output, and at which byte of it the block begins."""
    if isinstance(step, Copy):
        number, within = divmod(block, chunks.chunk // CHUNK)
        return number, within * BLOCK
    number, byte = divmod(block * BLOCK, chunks.size(step) * SIZES[step.dtype])
    return number, byte


def _chunked(
    plan: Plan, chunks: Chunks[Any], blocks: Sequence[Block]
) -> Iterator[tuple[Step, int, Sequence[int]]]:
    """Gather blocks that come out of one chunk, so that each chunk is computed once."""
    for step in plan.steps:
        mine: dict[int, list[int]] = {}
        for block in blocks:
            if block.tensor == step.name:
                mine.setdefault(place(chunks, step, block.number)[0], []).append(block.number)
        for number, numbers in mine.items():
            yield step, number, numbers


def _claimed(chunks: Chunks[Any], step: Step, entry: Mapping[str, Json]) -> Measured | None:
    if isinstance(step, Compute):
        return claimed(chunks, step, entry)
    check_follows(step, None, entry)
    return None


def _recomputed(
    chunks: Chunks[Any],
    step: Step,
    number: int,
    blocks: Sequence[int],
    measured: Measured | None,
    signed: Sequence[bytes],
    entry: Mapping[str, Json],
) -> list[Fault]:
    """Compare one chunk with what is signed of it: its part of the account's entry, and the digests of `blocks` in it."""
    faults = []
    try:
        if measured is None:
            output = chunks.output(step, number)
        else:
            output = chunks.output(step, number, measured.scalars, measured.selections)
    except Malformed as error:
        return [Fault(step.name, blocks[0], f"cannot be recomputed: {error}")]
    for block in blocks:
        at = place(chunks, step, block)[1] // BLOCK * DIGEST
        if output.digests[at : at + DIGEST] != signed[block]:
            faults.append(Fault(step.name, block, "its bytes are others than those signed"))
    size = len(output.data) // SIZES[step.dtype]
    faults += [Fault(step.name, blocks[0], said) for said in uncounted(step, entry, output, size)]
    if isinstance(step, Compute) and measured is not None:
        faults += [Fault(step.name, blocks[0], said) for said in _disproved(chunks, step, number, measured)]
    return faults


def _disproved(chunks: Chunks[Any], step: Compute, number: int, measured: Measured) -> list[str]:
    """Recompute one chunk's entries in the witnesses and return a sentence for each witness that says otherwise."""
    first = number * chunks.chunk // SPAN
    faults = []
    if step.sums:
        for name, values in chunks.sums(step, number, measured.selections).items():
            signed = measured.sums[name][first : first + len(values)]
            if [v.hex() for v in values] != [v.hex() for v in signed]:
                faults.append(f"its part of the sum {name!r} is another than the one signed")
    pairs = zip(targets(step.cuts), measured.reaches, strict=True)
    bounds = [(target.quantity, reach.threshold) for target, reach in pairs]
    for i, column in enumerate(chunks.tally(step, number, bounds) if bounds else ()):
        if column != list(measured.tallies[i][first : first + len(column)]):
            faults.append(f"its counts in selection {i} are others than those signed")
    return faults
