"""Execute a plan: stream every tensor through the arithmetic into staged, hashed, resumable shards.

Threads work on chunks; this module's one loop takes their results in order, hashes and writes them, so that neither
the number of threads nor the size of a read can change a byte. A finished shard's record is the only state a resumed
merge believes, and it believes it only after hashing the shard again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from merger.account import tensor_account
from merger.card import small_files
from merger.chunks import Chunks, R
from merger.finite import Output
from merger.folder import Progress
from merger.kernels import Kernels, Wide
from merger.manifest import File, Manifest, Tensor, utf8
from merger.measure import Measured, ModelScope, measure, model_scope
from merger.plan import Plan
from merger.shares import Shares, joined
from merger.stage import Finished, Stage
from merger.steps import Compute, Step
from merger.weights import Shard, Weights
from signing import canonical
from signing.canonical import Json
from signing.digest import artifact_id, sha256_hex
from signing.errors import Refused

# Results wait for their turn to be written; this many a thread keep every thread busy and memory small.
AHEAD = 2
# So many tensors are looked at before their turn: small ones stand between large ones, and only large ones are measured.
BEFORE = 4


@dataclass(frozen=True, slots=True)
class Result:
    """What a merge made: its id, its manifest with the block digests, and the account of the execution."""

    artifact: str
    manifest: Manifest
    blocks: bytes
    account: bytes
    resumed: tuple[str, ...]
    """The shards that were finished before this run."""

    @property
    def account_digest(self) -> str:
        """Return SHA-256 over the account, in hex."""
        return sha256_hex(self.account)


Backend = Callable[[Wide], Kernels[Any]]
Piece = tuple[Measured | None, Output]
Item = TypeVar("Item")


def execute(
    plan: Plan,
    weights: Mapping[str, Weights],
    stage: Stage,
    kernels: Backend,
    *,
    threads: int = 2,
    factor: int = 1,
    progress: Progress = lambda _: None,
) -> Result:
    """Make the files of a plan in `stage`, continuing from the shards that are finished there.

    `weights` holds every artifact that the recipe names, opened; `factor` multiplies the 2^19 elements read at a time;
    `progress` is told the bytes written. Raises `Changed` where an input is not what was signed.
    """
    _check_denormals(kernels)
    done: dict[str, Finished] = {}
    for name, _ in plan.shards:
        found = stage.finished(name, progress)
        if found is not None:
            done[name] = found
    resumed = tuple(done)
    with ThreadPoolExecutor(1) as before, ThreadPoolExecutor(threads) as pool:
        try:
            run = _Run(Chunks(plan.recipe, weights, kernels, factor), pool, before, AHEAD * threads)
            if len(done) < len(plan.shards) and plan.recipe.parameters.get("scope") == "model":
                run.scope = model_scope(run.chunks, plan, run.each)
            for name, steps in plan.shards:
                if name not in done:
                    done[name] = run.shard(stage, name, steps, progress)
                    stage.record(name, done[name])
                else:
                    run.passed(steps)
        except BaseException:
            before.shutdown(wait=False, cancel_futures=True)
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return _result(plan, weights, stage, [done[name] for name, _ in plan.shards], resumed)


class _Run:
    """One execution's threads, and what `scope: model` has left to keep.

    `pool` works on chunks, `before` measures the next tensors while this one is merged; the caller's thread writes.
    """

    def __init__(
        self, chunks: Chunks[Any], pool: ThreadPoolExecutor, before: ThreadPoolExecutor, ahead: int
    ) -> None:
        self.chunks = chunks
        self.scope: ModelScope | None = None
        self._pool = pool
        self._before = before
        self._ahead = ahead

    def each(self, work: Callable[[int], R], numbers: Iterable[int], /) -> Iterator[R]:
        """Yield `work(n)` in order, a few numbers ahead: pieces of a merge that wait meanwhile get their turn."""
        futures = (self._pool.submit(work, number) for number in numbers)
        return (future.result() for future in _ahead(futures, self._ahead))

    def shard(self, stage: Stage, name: str, steps: Sequence[Step], progress: Progress) -> Finished:
        """Write one shard and return its record."""
        shard = Shard(stage.files / name, [(s.name, s.dtype, s.shape) for s in steps])
        measured: dict[str, Measured | None] = {}
        odd = {step.name: (0, 0) for step in steps}
        shares: dict[str, Shares | None] = dict.fromkeys(odd)
        try:
            for step, future in _ahead(self._submitted(steps), self._ahead):
                measured[step.name], output = future.result()
                shard.write(step.name, output.data, output.digests)
                progress(len(output.data))
                inputs, outputs = odd[step.name]
                odd[step.name] = (inputs + output.odd_inputs, outputs + output.odd_outputs)
                # Added as they come, in order: what is kept of a tensor does not grow with it.
                known = shares[step.name]
                shares[step.name] = joined([*([known] if known else []), *output.shares])
                self.chunks.free(output)
            account: dict[str, Json] = {
                s.name: tensor_account(s, measured[s.name], odd[s.name], shares[s.name]) for s in steps
            }
            return Finished(*shard.finish(), account)
        finally:
            shard.close()

    def passed(self, steps: Sequence[Step]) -> None:
        """Take from `scope: model` what the tensors of a finished shard kept: the next ones have that much less."""
        if self.scope is not None:
            for step in steps:
                if isinstance(step, Compute):
                    measure(self.chunks, step, self.each, self.scope)

    def _submitted(self, steps: Sequence[Step]) -> Iterator[tuple[Step, Future[Piece]]]:
        for step, measuring in _ahead(((step, self._measuring(step)) for step in steps), BEFORE):
            if measuring is None:
                yield step, self._pool.submit(self._whole, step)
                continue
            found = measuring.result()
            # An empty tensor is one empty piece: it has an entry in the account like any other.
            for number in self.chunks.numbers(step) or range(1):
                yield step, self._pool.submit(self._piece, step, number, found)

    def _measuring(self, step: Step) -> Future[Measured | None] | None:
        """Begin to measure a tensor; nothing is begun where one thread does all of a small one in its turn."""
        if len(self.chunks.numbers(step)) <= 1 and self.scope is None:
            return None
        return self._before.submit(self._measured, step)

    def _measured(self, step: Step) -> Measured | None:
        return measure(self.chunks, step, self.each, self.scope) if isinstance(step, Compute) else None

    def _whole(self, step: Step) -> Piece:
        found = measure(self.chunks, step, map) if isinstance(step, Compute) else None
        return self._piece(step, 0, found)

    def _piece(self, step: Step, number: int, found: Measured | None) -> Piece:
        if found is None:
            return found, self.chunks.output(step, number)
        return found, self.chunks.output(step, number, found.scalars, found.selections)


def _check_denormals(kernels: Backend) -> None:
    """Refuse a process in which some library has set the processor to read small numbers as zero: bits would differ."""
    wides: tuple[tuple[Wide, Any], ...] = (("F32", np.float32(2.0**-126)), ("F64", np.float64(2.0**-1022)))
    for wide, smallest in wides:
        k = kernels(wide)
        x = k.widen(memoryview(smallest.tobytes()), wide, None)
        if not any(k.narrow(k.scale(x, 0.5), wide)):
            raise Refused(
                f"this process computes half of {smallest!r} as 0: a library has switched denormal numbers off, and the "
                f"same recipe would give other bytes here; merge in a process of its own"
            )


def _ahead(items: Iterator[Item], count: int) -> Iterator[Item]:
    """Yield items in order while up to `count` later ones are already under way."""
    waiting: deque[Item] = deque()
    for item in items:
        waiting.append(item)
        if len(waiting) > count:
            yield waiting.popleft()
    yield from waiting


def _result(
    plan: Plan,
    weights: Mapping[str, Weights],
    stage: Stage,
    done: Sequence[Finished],
    resumed: tuple[str, ...],
) -> Result:
    tensors: list[Tensor] = [tensor for finished in done for tensor in finished.tensors]
    blocks = b"".join(finished.blocks for finished in done)
    small = small_files(plan, weights)
    for name, data in small.items():
        stage.put(name, data)
    stage.check({*(finished.file.name for finished in done), *small})
    files = {finished.file.name: finished.file for finished in done}
    files |= {name: File(name=name, sha256=sha256_hex(data), size=len(data)) for name, data in small.items()}
    manifest = Manifest(
        files=tuple(files[name] for name in utf8(files)), tensors=tuple(tensors), blocks=sha256_hex(blocks)
    )
    entries = {name: entry for finished in done for name, entry in finished.account.items()}
    account: dict[str, Json] = {"v": "1", "recipe": plan.recipe.digest, "tensors": entries}
    artifact = artifact_id({file.name: file.sha256 for file in manifest.files})
    return Result(artifact, manifest, blocks, canonical.encode(account), resumed)
