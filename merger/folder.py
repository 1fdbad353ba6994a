"""An artifact's folder: which files belong to it, and what they and their tensors hash to.

Nothing here follows a link or opens a pickle: files are bytes, and only safetensors headers are read as more.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TypeVar

from merger.header import HEADER_LIMIT, INDEX, Entry, header, weight_files
from merger.manifest import BLOCK, File, Manifest, Tensor, block_digest, tensor_digest, utf8
from signing.digest import artifact_id, check_names, ignored, sha256_hex
from signing.errors import Malformed, Untrusted

Progress = Callable[[int], None]
"""Told after every piece of long work how many bytes it was."""

SMALL_LIMIT = 64 << 20
DEPTH_LIMIT = 64
Done = TypeVar("Done")
_READ = BLOCK
# Without O_NONBLOCK, opening a named pipe waits for ever for somebody to write into it.
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class Changed(Untrusted):
    """A file on disk is no longer what its signed manifest says."""


@dataclass(frozen=True, slots=True)
class Description:
    """A folder's artifact id, its manifest, and the block digests that the manifest names."""

    artifact: str
    manifest: Manifest
    blocks: bytes


def files(folder: Path) -> list[str]:
    """Return the names of the artifact's files, sorted, or refuse the folder for a name, a link or a device in it."""
    if not folder.is_dir():
        raise Malformed(f"{folder} is not a folder")
    names = [name for name in _walk(folder, "") if not ignored(name)]
    if not names:
        raise Malformed(f"{folder} holds no files")
    check_names(names)
    return utf8(names)


def opened(folder: Path, name: str) -> int:
    """Open a regular file of an artifact for reading, never through a link at its end, and return the descriptor."""
    try:
        descriptor = os.open(folder / name, _FLAGS)
    except OSError as error:
        raise Malformed(f"{folder / name} cannot be opened: {error.strerror}") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Malformed(f"{folder / name} is no regular file")
    return descriptor


def small(folder: Path, name: str, sha256: str | None = None) -> bytes:
    """Return a whole small file, checked against its digest where one is given (what is used is what was checked)."""
    descriptor = opened(folder, name)
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(SMALL_LIMIT + 1)
    if len(data) > SMALL_LIMIT:
        raise Malformed(
            f"{folder / name} is larger than {SMALL_LIMIT} bytes, too large for a config or tokenizer file"
        )
    if sha256 is not None and sha256_hex(data) != sha256:
        raise Changed(
            f"{folder / name} is not the file that was signed: its SHA-256 is {sha256_hex(data)}, not {sha256}"
        )
    return data


def entries(descriptor: int, where: str) -> tuple[bytes, list[Entry]]:
    """Read and check the header of an open safetensors file; return the bytes before its data, and its tensors."""
    size = os.fstat(descriptor).st_size
    start = os.pread(descriptor, 8, 0)
    length = int.from_bytes(start, "little")
    if len(start) < 8 or length > min(HEADER_LIMIT, size - 8):
        raise Malformed(
            f"{where}: its header is said to be {length} bytes long, in a file of {size}; at most {HEADER_LIMIT} are read"
        )
    text = os.pread(descriptor, length, 8)
    return start + text, header(text, size - 8 - length, where)


def size(folder: Path) -> int:
    """Return the bytes that `describe` will read."""
    return sum((folder / name).stat().st_size for name in files(folder))


def describe(folder: Path, threads: int = 2, progress: Progress = lambda _: None) -> Description:
    """Hash every file once, tensors by block on the way, and return what the artifact is."""
    names = files(folder)
    index = small(folder, INDEX) if INDEX in names else None
    weights = weight_files(names, index)
    done = _each(
        names, threads, progress, lambda n, told: hashed(folder, n, weights=n in weights, progress=told)
    )
    if index is not None and done[INDEX][0].sha256 != sha256_hex(index):
        raise Malformed(f"{folder / INDEX} changed while the folder was read")
    tensors: dict[str, tuple[Tensor, bytes]] = {}
    for file, placed in weights.items():
        for tensor, blocks in done[file][1]:
            if placed is not None and tensor.name not in placed:
                raise Malformed(f"{file}: {tensor.name} is in it, but {INDEX} does not place it there")
            if tensor.name in tensors:
                raise Malformed(f"{tensor.name} is in {tensors[tensor.name][0].file} and in {file}")
            tensors[tensor.name] = (tensor, blocks)
        missing = (placed or set()) - tensors.keys()
        if missing:
            raise Malformed(f"{file}: {INDEX} places {min(missing)} there, and it is not in it")
    ordered = [tensors[name] for name in utf8(tensors)]
    digests = b"".join(blocks for _, blocks in ordered)
    manifest = Manifest(
        files=tuple(done[name][0] for name in names),
        tensors=tuple(tensor for tensor, _ in ordered),
        blocks=sha256_hex(digests),
    )
    return Description(artifact_id({f.name: f.sha256 for f in manifest.files}), manifest, digests)


def digests(folder: Path, threads: int = 2, progress: Progress = lambda _: None) -> dict[str, str]:
    """Return the SHA-256 of every file of the artifact, and read nothing else out of them."""
    done = _each(
        files(folder), threads, progress, lambda n, told: hashed(folder, n, weights=False, progress=told)
    )
    return {name: file.sha256 for name, (file, _) in done.items()}


def _walk(folder: Path, prefix: str, depth: int = 0) -> Iterator[str]:
    if depth > DEPTH_LIMIT:
        raise Malformed(f"{folder} lies more than {DEPTH_LIMIT} folders deep; no artifact does")
    with os.scandir(folder) as found:
        for item in sorted(found, key=lambda i: i.name):
            name = prefix + item.name
            if item.is_dir(follow_symlinks=False):
                # What lies in an ignored top folder is not even looked at.
                if not ignored(f"{name}/x"):
                    yield from _walk(Path(item.path), f"{name}/", depth + 1)
            elif item.is_symlink() and not ignored(name):
                raise Malformed(f"{item.path} is a link; an artifact holds files, so copy what it points to")
            elif item.is_file(follow_symlinks=False) or ignored(name):
                yield name
            else:
                raise Malformed(f"{item.path} is neither a file nor a folder")


def _each(
    names: Sequence[str], threads: int, progress: Progress, work: Callable[[str, Progress], Done]
) -> dict[str, Done]:
    """Do the work for every name on `threads` threads; one failure, or an interrupt, stops them all at once."""
    stop = Event()

    def told(size: int) -> None:
        if stop.is_set():
            raise Malformed("stopped, since another file was refused")
        progress(size)

    with ThreadPoolExecutor(threads) as pool:
        try:
            jobs = {name: pool.submit(work, name, told) for name in names}
            return {name: job.result() for name, job in jobs.items()}
        except BaseException:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def hashed(
    folder: Path, name: str, *, weights: bool, progress: Progress
) -> tuple[File, list[tuple[Tensor, bytes]]]:
    """Hash one file, and, if it holds weights, its tensors by block, in the order of their bytes."""
    descriptor = opened(folder, name)
    try:
        whole = hashlib.sha256()
        tensors = []
        at = 0
        if weights:
            head, found = entries(descriptor, name)
            at = len(head)
            whole.update(head)
            for entry in found:
                blocks = bytearray()
                for piece in _pieces(descriptor, at, entry.end - entry.begin, progress):
                    whole.update(piece)
                    blocks += block_digest(piece)
                at += entry.end - entry.begin
                tensors.append((_tensor(entry, name, bytes(blocks)), bytes(blocks)))
        else:
            for piece in _pieces(descriptor, 0, os.fstat(descriptor).st_size, progress):
                whole.update(piece)
                at += len(piece)
    finally:
        os.close(descriptor)
    return File(name=name, sha256=whole.hexdigest(), size=at), tensors


def _tensor(entry: Entry, file: str, blocks: bytes) -> Tensor:
    return Tensor(
        name=entry.name, dtype=entry.dtype, shape=entry.shape, file=file, digest=tensor_digest(blocks)
    )


def _pieces(descriptor: int, start: int, length: int, progress: Progress) -> Iterator[memoryview]:
    buffer = memoryview(bytearray(min(_READ, length)))
    for at in range(0, length, _READ):
        piece = buffer[: min(_READ, length - at)]
        got = os.preadv(descriptor, [piece], start + at)
        if got != len(piece):
            raise Malformed(
                f"a file ended at byte {start + at + got} while it was read, {length - at - got} bytes early"
            )
        progress(got)
        yield piece
