"""Weights in and out: blocks read with their digests checked in cache, tensors written in their one byte order.

What is merged is what was checked (threat T6): a block is read once into a buffer, its digest is compared with the
signed manifest's, and the arithmetic reads that buffer. Files are never mapped.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from merger.folder import Changed, entries, opened, small
from merger.manifest import (
    BLOCK,
    DIGEST,
    SIZES,
    File,
    Manifest,
    Tensor,
    block_digest,
    block_digests,
    tensor_digest,
)
from signing import canonical
from signing.digest import sha256_hex
from signing.errors import Malformed, Refused

# How much is written before the disk is asked to keep it.
FLUSH = 64 << 20


class Weights:
    """One artifact's tensors on disk, read by block, every block checked against its signed manifest.

    Safe to read from many threads. Use `opened_weights`, which closes the files.
    """

    def __init__(self, folder: Path, manifest: Manifest, blocks: bytes) -> None:
        if sha256_hex(blocks) != manifest.blocks:
            raise Changed(
                f"the block digests kept for {folder} hash to {sha256_hex(blocks)}, not {manifest.blocks}"
            )
        self.folder = folder
        self.manifest = manifest
        self.tensors: Mapping[str, Tensor] = {t.name: t for t in manifest.tensors}
        self._first = manifest.offsets()
        self._blocks = blocks
        self._descriptors: dict[str, int] = {}
        self._starts: dict[str, int] = {}
        for tensor in manifest.tensors:
            at = self._first[tensor.name] * DIGEST
            if tensor_digest(blocks[at : at + tensor.blocks * DIGEST]) != tensor.digest:
                raise Malformed(f"{tensor.name}: its digest in the manifest is not that of its block digests")
        try:
            for name in sorted({t.file for t in manifest.tensors}):
                self._descriptors[name] = opened(folder, name)
            self._place()
        except Refused:
            self.close()
            raise

    def _place(self) -> None:
        for name, descriptor in self._descriptors.items():
            head, found = entries(descriptor, str(self.folder / name))
            mine = {t.name: (t.dtype, t.shape) for t in self.tensors.values() if t.file == name}
            there = {e.name: (e.dtype, e.shape) for e in found}
            if mine != there:
                odd = min(n for n in {*mine, *there} if mine.get(n) != there.get(n))
                raise Changed(
                    f"{self.folder / name}: {odd} is {there.get(odd, 'not there')}, signed as {mine.get(odd, 'not there')}"
                )
            self._starts |= {e.name: len(head) + e.begin for e in found}

    def read(self, name: str, first: int, count: int, buffer: bytearray | memoryview) -> memoryview:
        """Return `count` blocks of a tensor from block `first` on, read into `buffer` and checked there.

        `buffer` is at least as long as `length` says.
        """
        tensor = self.tensors[name]
        length = self.length(name, first, count)
        view = memoryview(buffer)[:length]
        got = (
            os.preadv(self._descriptors[tensor.file], [view], self._starts[name] + first * BLOCK)
            if length
            else 0
        )
        if got != length:
            raise Changed(f"{self.folder / tensor.file}: {name} ends {length - got} bytes early")
        signed = self.digests(name, first, count)
        for number in range(-(-length // BLOCK)):
            block = view[number * BLOCK : (number + 1) * BLOCK]
            if block_digest(block) != signed[number * DIGEST : (number + 1) * DIGEST]:
                raise Changed(
                    f"{self.folder / tensor.file}: {name} differs from what was signed in block {first + number} "
                    f"(bytes {(first + number) * BLOCK} to {min((first + number + 1) * BLOCK, tensor.size) - 1})"
                )
        return view

    def digests(self, name: str, first: int, count: int) -> bytes:
        """Return the signed digests of `count` blocks of a tensor from block `first` on; of as many as it has."""
        at, tensor = self._first[name], self.tensors[name]
        return self._blocks[(at + first) * DIGEST : (at + min(first + count, tensor.blocks)) * DIGEST]

    def length(self, name: str, first: int, count: int) -> int:
        """Return how many bytes `count` blocks of a tensor from block `first` on hold; the last may be short."""
        return min(count * BLOCK, self.tensors[name].size - first * BLOCK)

    def small(self, name: str) -> bytes | None:
        """Return one of the artifact's small files, checked, or nothing if the artifact has no such file."""
        file = next((f for f in self.manifest.files if f.name == name), None)
        return None if file is None else small(self.folder, name, file.sha256)

    def close(self) -> None:
        """Close the files."""
        for descriptor in self._descriptors.values():
            os.close(descriptor)
        self._descriptors.clear()


@contextmanager
def opened_weights(
    places: Mapping[str, Path], described: Mapping[str, tuple[Manifest, bytes]]
) -> Iterator[dict[str, Weights]]:
    """Open the artifacts in `places`, each with its manifest and block digests, and close them afterwards."""
    found: dict[str, Weights] = {}
    try:
        for artifact, folder in places.items():
            found[artifact] = Weights(folder, *described[artifact])
        yield found
    finally:
        for weights in found.values():
            weights.close()


def header_bytes(tensors: Sequence[tuple[str, str, tuple[int, ...], int]]) -> bytes:
    """Return a shard's first bytes: header length, and the header that places (name, dtype, shape, bytes) in order."""
    placed: dict[str, canonical.Json] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, dtype, shape, length in tensors:
        placed[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + length]}
        at += length
    text = canonical.encode(placed)
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


class Shard:
    """One safetensors file being written, front to back: hashed as written, tensors by block."""

    def __init__(self, path: Path, tensors: Sequence[tuple[str, str, tuple[int, ...]]]) -> None:
        self._path = path
        self._file = path.open("wb")
        self._whole = hashlib.sha256()
        self._expected = [(n, d, s, _bytes(d, s)) for n, d, s in tensors]
        self._size = 0
        self._blocks: dict[str, bytes] = {}
        self._flusher = ThreadPoolExecutor(1)
        self._flushes: list[Future[None]] = []
        self._put(header_bytes(self._expected))

    def write(self, name: str, data: bytes | memoryview, digests: bytes | None = None) -> None:
        """Append the next bytes of tensor `name`; all but a tensor's last come in whole blocks.

        `digests` are those of the blocks, where somebody has them already.
        """
        found = block_digests(data) if digests is None else digests
        self._blocks[name] = self._blocks.get(name, b"") + found
        self._put(data)

    def finish(self) -> tuple[File, list[Tensor], bytes]:
        """Flush to the disk and return the file, its tensors and their block digests, in order."""
        self._file.flush()
        for flush in self._flushes:
            flush.result()
        os.fsync(self._file.fileno())
        self.close()
        tensors, digests = [], b""
        for name, dtype, shape, _ in self._expected:
            blocks = self._blocks.get(name, b"")
            digests += blocks
            tensors.append(
                Tensor(
                    name=name, dtype=dtype, shape=shape, file=self._path.name, digest=tensor_digest(blocks)
                )
            )
        return File(name=self._path.name, sha256=self._whole.hexdigest(), size=self._size), tensors, digests

    def close(self) -> None:
        """Close the file; what an unfinished one holds is written anew next time."""
        self._flusher.shutdown(wait=True)
        self._file.close()

    def _put(self, data: bytes | memoryview) -> None:
        self._whole.update(data)
        self._file.write(data)
        self._size += len(data)
        # The disk works while others compute: at the end little is left to wait for.
        if self._size // FLUSH > len(self._flushes):
            self._file.flush()
            self._flushes.append(self._flusher.submit(os.fdatasync, self._file.fileno()))


def _bytes(dtype: str, shape: tuple[int, ...]) -> int:
    length = SIZES[dtype]
    for dimension in shape:
        length *= dimension
    return length
