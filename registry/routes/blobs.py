"""Blobs: bytes under their SHA-256, stored once, verified as they arrive, never replaced."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from merger.manifest import Manifest
from registry import ranges
from registry.deps import EXAMPLE, ArtifactQuery, BlobsDep, Hex, HomeDep, Upload
from registry.problems import Stalled, TooLarge, documented
from registry.ranges import Wanted
from registry.store import Absent, artifacts
from registry.store.blobs import Blobs
from registry.writer import Busy
from signing.errors import Forbidden, Malformed

router = APIRouter()

# A manifest is parsed to learn which block digests it names; one of a model with 100,000 tensors has 20 MiB.
_MANIFEST_BYTES = 64 << 20


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
        Busy,
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
    digest: Hex, artifact: ArtifactQuery, home: HomeDep, blobs: BlobsDep, sent: Upload, response: Response
) -> Stored:
    """Store the bytes with this digest, which belong to `artifact`: one of its files, its manifest, or its block digests.

    What the log does not name is not taken: signing the statement first is what entitles anyone to send bytes.
    """
    # The transaction ends here: one that lasted as long as an upload would keep the database from tidying up.
    with home.store.reading() as connection:
        entitled = _belongs(connection, blobs, artifact, digest)
    if not entitled:
        raise Forbidden(f"no file of {artifact}, its manifest or its block digests have the SHA-256 {digest}")
    response.status_code = 201 if blobs.put(digest, sent) else 200
    return Stored(sha256=digest, size=blobs.size(digest))


def _belongs(connection: Connection, blobs: Blobs, artifact: str, digest: str) -> bool:
    """Tell whether the log names these bytes for this artifact, itself or through the manifest that it names."""
    manifest = artifacts.manifest(connection, artifact)
    if digest == manifest or digest in artifacts.files(connection, artifact).values():
        return True
    if manifest is None or manifest not in blobs or blobs.size(manifest) > _MANIFEST_BYTES:
        return False
    return Manifest.parse(b"".join(blobs.read(manifest))).blocks == digest
