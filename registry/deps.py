"""What handlers ask for: the store, the writer, the answers, the blobs, a body within its limit, an id.

A handler takes the one connection it needs inside its own thread and gives it back there. A dependency that handed one
out would hold it while the handler waits for a thread, and the threads could all be waiting for a connection.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from threading import BoundedSemaphore
from typing import Annotated, cast

from anyio import current_time, fail_after, from_thread
from fastapi import Depends, Path, Query, Request
from sqlalchemy import Connection
from starlette.convertors import Convertor, register_url_convertor

from lineage.schema import NAME, STUB, WORD
from lineage.subjects import Scope
from registry.answers import Answers
from registry.home import Home
from registry.line import Busy
from registry.local import Local
from registry.problems import Stalled, TooLarge
from registry.store import Absent, refs
from registry.store.blobs import Blobs
from registry.store.engine import Database
from registry.writer import Writer
from signing import dsse

_ID = f"^(sha256:[0-9a-f]{{64}}|{STUB})$"
REF = f"(sha256:[0-9a-f]{{8,64}}|{STUB}|{NAME}(@{WORD})?)"
_HEX = "^[0-9a-f]{64}$"
EXAMPLE = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


# A list beyond this says that it is cut: a hub of 146,461 descendants is not one anonymous request's to ask for.
DESCENDANTS = 10_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What one sender may take of the registry."""

    entry_bytes: int = dsse.MAX_BYTES
    entries: int = 32
    """Statements held in memory at once, from their first byte to their receipt."""
    blob_bytes: int = 64 << 30
    unsized_bytes: int = 64 << 20
    """A blob whose size no stored manifest tells; the manifest of a model with 100,000 tensors has 20 MiB."""
    uploads: int = 8
    """Blobs received at once: each holds a thread, and the others are for those who ask."""
    comparisons: int = 2
    """Comparisons of weights at once: each goes through every sketch of an architecture."""
    stall_seconds: float = 30
    bytes_per_second: int = 1 << 18
    """Who sends slower than this on average, twice `stall_seconds` aside, is cut off."""


@dataclass(frozen=True, slots=True)
class Served:
    """What one application serves."""

    home: Home
    writer: Writer
    limits: Limits
    uploads: BoundedSemaphore = field(init=False)
    entries: BoundedSemaphore = field(init=False)
    comparisons: BoundedSemaphore = field(init=False)

    def __post_init__(self) -> None:
        """Make as many places for blobs, statements and comparisons as the limits say."""
        object.__setattr__(self, "uploads", BoundedSemaphore(self.limits.uploads))
        object.__setattr__(self, "entries", BoundedSemaphore(self.limits.entries))
        object.__setattr__(self, "comparisons", BoundedSemaphore(self.limits.comparisons))


class _Artifact(Convertor[str]):
    """The id of an artifact in a path: a stub's has a slash in it, which belongs to the id."""

    regex = "hf:[^/]+/[^/]+|(?!hf:)[^/]+"

    def convert(self, value: str) -> str:
        return value


class _Rest(Convertor[str]):
    """What remains of a path, all of it: Starlette's own `path` loses a newline at the end."""

    regex = "(?s:.*)"

    def convert(self, value: str) -> str:
        return value


register_url_convertor("artifact", _Artifact())
register_url_convertor("rest", _Rest())


# These are coroutines, since a plain function would wait for a thread only to return an attribute.
async def served_to(request: Request) -> Served:
    """Return what the application serves that a request is for."""
    return cast("Served", request.app.state.served)


ServedDep = Annotated[Served, Depends(served_to)]


async def _store(served: ServedDep) -> Database:
    return served.home.store


async def _home(served: ServedDep) -> Home:
    return served.home


async def _answers(served: ServedDep) -> Answers:
    return Local(
        served.home.store,
        served.home.now,
        DESCENDANTS,
        _meant,
        stops=served.home.settings.not_affected_stops,
    )


async def _blobs(served: ServedDep) -> Blobs:
    return served.home.blobs


StoreDep = Annotated[Database, Depends(_store)]
HomeDep = Annotated[Home, Depends(_home)]
LocalDep = Annotated[Answers, Depends(_answers)]
BlobsDep = Annotated[Blobs, Depends(_blobs)]

_about = "full id of an artifact, sha256:<64 hex>, or of a stub, hf:<owner>/<name>[@<commit>]"
Artifact = Annotated[
    str, Path(pattern=_ID, max_length=300, description=_about, examples=[f"sha256:{EXAMPLE}"])
]
ArtifactQuery = Annotated[
    str, Query(pattern=_ID, max_length=300, description=_about, examples=[f"sha256:{EXAMPLE}"])
]
Hex = Annotated[str, Path(pattern=_HEX, description="64 lower-case hex digits", examples=[EXAMPLE])]
After = Annotated[
    str | None,
    Query(pattern=_HEX, description="id of the last one that is known already", examples=[EXAMPLE]),
]
Under = Annotated[
    str | None,
    Query(pattern=_ID, max_length=300, description=f"it and what descends from it alone: {_about}"),
]
AfterArtifact = Annotated[
    str | None,
    Query(pattern=_ID, max_length=300, description="id of the last artifact that is known already"),
]
Ref = Annotated[
    str,
    Query(
        pattern=f"^{REF}$",
        max_length=300,
        description="sha256:<8 to 64 hex digits>, hf:<owner>/<name>[@<commit>] or namespace/name[@revision]",
        examples=["acme/sentinel@v2"],
    ),
]
Relatives = Annotated[Scope, Query(description="which of its relatives", examples=["ancestors"])]


def _meant(connection: Connection, ref: str) -> str:
    """Return the id of the artifact that somebody elsewhere means by `ref`.

    A folder of this machine is none: where a name and a folder look alike, the name is meant, and whether a folder
    exists here is nobody's business.
    """
    if ref.startswith(("sha256:", "hf:")):
        return refs.resolve(connection, ref)
    found = refs.called(connection, ref)
    if found is None:
        raise Absent(
            f"nothing is called {ref!r} here; folders are known only to the machine that they are on"
        )
    return found


async def _body(request: Request, served: ServedDep) -> AsyncIterator[bytes]:
    """Read a body that is held in memory, up to the size of an envelope, until the handler is done with it."""
    if not served.entries.acquire(blocking=False):
        raise Busy(f"{served.limits.entries} statements are being taken already; try again later")
    try:
        found = bytearray()
        async for chunk in _chunks(request, served.limits.entry_bytes, served.limits):
            found += chunk
        yield bytes(found)
    finally:
        served.entries.release()


RawBody = Annotated[bytes, Depends(_body, scope="function")]
# For the one handler that is asked more than all others: what FastAPI does for dependencies costs more than reading the body.
receiving = asynccontextmanager(_body)


async def _upload(request: Request, served: ServedDep) -> AsyncIterator[Callable[[int], Iterator[bytes]]]:
    """Give the body piece by piece, read only as far as the handler asks, and up to as many bytes as it says."""
    if not served.uploads.acquire(blocking=False):
        raise Busy(f"{served.limits.uploads} blobs are being received already; try again later")
    try:
        yield lambda most: _pulled(
            _chunks(request, min(most, served.limits.blob_bytes), served.limits),
        )
    finally:
        served.uploads.release()


Upload = Annotated[Callable[[int], Iterator[bytes]], Depends(_upload, scope="function")]


def _pulled(chunks: AsyncIterator[bytes]) -> Iterator[bytes]:
    """Iterate, in a handler's thread, over what arrives on the event loop."""

    async def following() -> bytes | None:
        return await anext(chunks, None)

    while (chunk := from_thread.run(following)) is not None:
        yield chunk


async def _chunks(request: Request, most: int, limits: Limits) -> AsyncIterator[bytes]:
    """Receive a body, refusing it at the first byte too many and when the sender falls silent or dawdles."""
    told = request.headers.get("content-length", "")
    if told.isdecimal() and int(told) > most:
        raise TooLarge(f"{told} bytes are announced; at most {most} are taken here")
    received, stream, started, patience = 0, request.stream(), current_time(), limits.stall_seconds
    while True:
        # A byte now and then would hold a place for ever: what has arrived buys time for the rest, and no more.
        left = started + 2 * patience + received / limits.bytes_per_second - current_time()
        try:
            with fail_after(min(patience, left)):
                chunk = await anext(stream, b"")
        except TimeoutError:
            if left < patience:
                given = f"{2 * patience:g} seconds and one for every {limits.bytes_per_second} bytes"
                raise Stalled(f"{received} bytes came too slowly: a sender is given {given}") from None
            raise Stalled(f"after {received} bytes nothing came for {patience:g} seconds") from None
        received += len(chunk)
        if received > most:
            raise TooLarge(f"{received} bytes have arrived; at most {most} are taken here")
        if chunk:
            yield chunk
        if not chunk or told == str(received):
            return
