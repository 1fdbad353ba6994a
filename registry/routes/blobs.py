"""Blobs: bytes under their SHA-256, stored once, verified as they arrive, never replaced."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field

from merger.manifest import DIGEST, Manifest
from registry import ranges
from registry.deps import EXAMPLE, ArtifactQuery, BlobsDep, Hex, ServedDep, StoreDep, Upload
from registry.problems import Stalled, TooLarge, documented
from registry.ranges import Wanted
from registry.store import Absent, artifacts
from registry.store.blobs import Blobs
from registry.store.engine import Database
from signing.errors import Forbidden, Malformed

router = APIRouter()


class Stored(BaseModel):
    """The bytes with this digest are stored here."""

    sha256: str = Field(examples=[EXAMPLE])
    size: int = Field(examples=[90_868_376])


@router.get("/blobs/sha256/{digest}", response_class=Response, responses=ranges.RESPONSES)
def get_blob(digest: Hex, blobs: BlobsDep, wanted: Annotated[Wanted, Depends()]) -> Response:
    """Return the bytes with this digest, or a range of them."""
    return wanted.of(blobs, digest)


@router.head("/blobs/sha256/{digest}", response_class=Response, responses=ranges.HEAD_RESPONSES)
def head_blob(digest: Hex, blobs: BlobsDep, wanted: Annotated[Wanted, Depends()]) -> Response:
    """Say whether the bytes with this digest are stored here, and how many they are."""
    return wanted.of(blobs, digest, body=False)


@router.put(
    "/blobs/sha256/{digest}",
    status_code=201,
    responses=documented(
        Absent,
        Malformed,
        Forbidden,
        TooLarge,
        Stalled,
        answers={200: {"description": "They were stored already", "model": Stored}},
    ),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
def put_blob(
    digest: Hex,
    artifact: ArtifactQuery,
    served: ServedDep,
    store: StoreDep,
    blobs: BlobsDep,
    sent: Upload,
    response: Response,
) -> Stored:
    """Store the bytes with this digest, which belong to `artifact`: one of its files, its manifest, or its block digests.

    What the log does not name is not taken: signing the statement first is what entitles anyone to send bytes. Send the
    manifest first: it says how many bytes each of the others has, and what has no size there may only be small.
    """
    most = _most(store, blobs, artifact, digest, served.limits.unsized_bytes)
    response.status_code = 201 if blobs.put(digest, sent(most)) else 200
    return Stored(sha256=digest, size=blobs.size(digest))


def _most(store: Database, blobs: Blobs, artifact: str, digest: str, unsized: int) -> int:
    """Return how many bytes these may be by what the log says of them, itself or through a manifest that it names."""
    # The transaction ends here: one that lasted as long as an upload would keep the database from tidying up.
    with store.reading() as connection:
        files = artifacts.files(connection, artifact).values()
        named = artifacts.manifests(connection, artifact)
    if digest in named:
        return unsized
    # What is longer than a manifest may be is a file of this name that is none; it is not read into memory.
    held = [one for one in named if one in blobs and blobs.size(one) <= unsized]
    manifests = [Manifest.parse(b"".join(blobs.read(one))) for one in held]
    if digest in files:
        sizes = [file.size for one in manifests for file in one.files if file.sha256 == digest]
    else:
        sizes = [sum(t.blocks for t in one.tensors) * DIGEST for one in manifests if one.blocks == digest]
        if not sizes:
            raise Forbidden(
                f"no file of {artifact}, its manifest or its block digests have the SHA-256 {digest}"
            )
    return max(sizes, default=unsized)
