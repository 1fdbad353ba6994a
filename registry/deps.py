"""What handlers ask for: the store, the writer, the answers, the blobs, a body within its limit, an id.

A transaction of `StoreDep` ends before the response is sent (`scope="function"`): the default would commit after it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from threading import BoundedSemaphore
from typing import Annotated, cast

from anyio import fail_after, from_thread
from fastapi import Depends, Path, Query, Request
from sqlalchemy import Connection
from starlette.convertors import Convertor, register_url_convertor

from lineage.schema import NAME, WORD
from registry.answers import Answers
from registry.home import Home
from registry.local import Local
from registry.problems import Stalled, TooLarge
from registry.store import Absent, refs
from registry.store.blobs import Blobs
from registry.writer import Busy, Writer
from signing import dsse

_STUB = f"hf:{NAME}(@[0-9a-f]{{40}})?"
_ID = f"^(sha256:[0-9a-f]{{64}}|{_STUB})$"
_REF = f"^(sha256:[0-9a-f]{{8,64}}|{_STUB}|{NAME}(@{WORD})?)$"
_HEX = "^[0-9a-f]{64}$"
EXAMPLE = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


# A list beyond this says that it is cut: a hub of 146,461 descendants is not one anonymous request's to ask for.
DESCENDANTS = 10_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What one sender may take of the registry."""

    entry_bytes: int = dsse.MAX_BYTES
    blob_bytes: int = 64 << 30
    uploads: int = 8
    """Blobs received at once: each holds a thread, and the others are for those who ask."""
    stall_seconds: float = 30


@dataclass(frozen=True, slots=True)
class Served:
    """What one application serves."""

    home: Home
    writer: Writer
    limits: Limits
    uploads: BoundedSemaphore = field(init=False)

    def __post_init__(self) -> None:
        """Make as many places for uploads as the limits say."""
        object.__setattr__(self, "uploads", BoundedSemaphore(self.limits.uploads))


class _Artifact(Convertor[str]):
    """The id of an artifact in a path: a stub's has a slash in it, which belongs to the id."""

    regex = "hf:[^/]+/[^/]+|(?!hf:)[^/]+"

    def convert(self, value: str) -> str:
        return value


register_url_convertor("artifact", _Artifact())


def _served(request: Request) -> Served:
    return cast("Served", request.app.state.served)


ServedDep = Annotated[Served, Depends(_served)]


def _reading(served: ServedDep) -> Iterator[Connection]:
    with served.home.store.reading() as connection:
        yield connection


StoreDep = Annotated[Connection, Depends(_reading, scope="function")]


def _home(served: ServedDep) -> Home:
    return served.home


def _writer(served: ServedDep) -> Writer:
    return served.writer


def _answers(served: ServedDep) -> Answers:
    return Local(served.home.store, served.home.now, DESCENDANTS)


def _blobs(served: ServedDep) -> Blobs:
    return served.home.blobs


HomeDep = Annotated[Home, Depends(_home)]
WriterDep = Annotated[Writer, Depends(_writer)]
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
Ref = Annotated[
    str,
    Query(
        pattern=_REF,
        max_length=300,
        description="sha256:<8 to 64 hex digits>, hf:<owner>/<name>[@<commit>] or namespace/name[@revision]",
        examples=["acme/sentinel@v2"],
    ),
]


def meant(connection: Connection, ref: str) -> str:
    """Return the id of the artifact that somebody elsewhere means by `ref`.

    A folder of this machine is none: where a name and a folder look alike, the name is meant, and whether a folder
    exists here is nobody's business.
    """
    if ref.startswith(("sha256:", "hf:")):
        return refs.resolve(connection, ref)
    name, _, revision = ref.partition("@")
    found = refs.named(connection, name, revision or None)
    if found is None:
        raise Absent(
            f"nothing is called {ref!r} here; folders are known only to the machine that they are on"
        )
    return found


async def _body(request: Request, served: ServedDep) -> bytes:
    """Read a body that is held in memory, up to the size of an envelope."""
    found = bytearray()
    async for chunk in _chunks(request, served.limits.entry_bytes, served.limits.stall_seconds):
        found += chunk
    return bytes(found)


RawBody = Annotated[bytes, Depends(_body)]


def _upload(request: Request, served: ServedDep) -> Iterator[Iterator[bytes]]:
    """Give the body piece by piece, read only as far as the handler asks."""
    if not served.uploads.acquire(blocking=False):
        raise Busy(f"{served.limits.uploads} blobs are being received already; try again later")
    try:
        yield _pulled(_chunks(request, served.limits.blob_bytes, served.limits.stall_seconds))
    finally:
        served.uploads.release()


Upload = Annotated[Iterator[bytes], Depends(_upload, scope="function")]


def _pulled(chunks: AsyncIterator[bytes]) -> Iterator[bytes]:
    """Iterate, in a handler's thread, over what arrives on the event loop."""

    async def following() -> bytes | None:
        return await anext(chunks, None)

    while (chunk := from_thread.run(following)) is not None:
        yield chunk


async def _chunks(request: Request, most: int, patience: float) -> AsyncIterator[bytes]:
    """Receive a body, refusing it at the first byte too many and when the sender falls silent."""
    told = request.headers.get("content-length", "")
    if told.isdecimal() and int(told) > most:
        raise TooLarge(f"{told} bytes are announced; at most {most} are taken here")
    received, stream = 0, request.stream()
    while True:
        try:
            with fail_after(patience):
                chunk = await anext(stream, b"")
        except TimeoutError:
            raise Stalled(f"after {received} bytes nothing came for {patience:g} seconds") from None
        received += len(chunk)
        if received > most:
            raise TooLarge(f"{received} bytes have arrived; at most {most} are taken here")
        if not chunk:
            return
        yield chunk
