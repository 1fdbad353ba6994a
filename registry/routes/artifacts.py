"""Artifacts: what the log says about one set of weights, and its files where they are stored here."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, Field

from registry import ranges
from registry.answers import VerdictOut
from registry.deps import EXAMPLE, Artifact, BlobsDep, LocalDep, Ref, StoreDep
from registry.problems import documented
from registry.ranges import Wanted
from registry.store import Absent, artifacts
from registry.store.engine import Database
from signing.errors import Malformed, Refused

router = APIRouter()

BUNDLES = "application/jsonl"
_FOUND = documented(Absent, Malformed)
FileName = Annotated[
    str, Path(description="name of a file of the artifact, as it was signed", examples=["config.json"])
]

Ancestors = Annotated[bool, Query(description="what is said of its ancestors, too", examples=[True])]


class Meant(BaseModel):
    """Which artifact a reference means now."""

    ref: str = Field(examples=["acme/sentinel"])
    artifact: str = Field(examples=[f"sha256:{EXAMPLE}"])


class FileOut(BaseModel):
    """One file of an artifact; `stored` if its bytes can be fetched here."""

    name: str = Field(examples=["model.safetensors"])
    sha256: str = Field(examples=[EXAMPLE])
    stored: bool


class FilesOut(BaseModel):
    """The files an artifact consists of, as its publisher signed them, in the order of their names."""

    artifact: str = Field(examples=[f"sha256:{EXAMPLE}"])
    files: tuple[FileOut, ...]


@router.get("/resolve", responses=_FOUND)
def resolve(ref: Ref, answers: LocalDep) -> Meant:
    """Return the artifact that a name, or the beginning of an id, means now."""
    return Meant(ref=ref, artifact=answers.resolve(ref))


@router.get("/artifacts/{artifact:artifact}", responses=_FOUND)
def show(artifact: Artifact, answers: LocalDep) -> VerdictOut:
    """Return everything there is to say about one artifact."""
    return answers.verdict(artifact)


@router.get(
    "/artifacts/{artifact:artifact}/bundles",
    response_class=Response,
    responses=documented(
        Absent,
        Malformed,
        answers={
            200: {
                "description": "Bundles as JSON lines, each as `/entries/{entry}/bundle` gives it",
                "content": {BUNDLES: {"schema": {"type": "string", "format": "binary"}}},
            }
        },
    ),
)
def bundles(artifact: Artifact, answers: LocalDep) -> Response:
    """Return what proves what the artifact is and how it was made, for checking offline."""
    return Response(b"".join(line + b"\n" for line in answers.bundles(artifact)), media_type=BUNDLES)


@router.get(
    "/artifacts/{artifact:artifact}/bundle",
    response_class=Response,
    responses=documented(
        Absent,
        Malformed,
        Refused,
        answers={
            200: {
                "description": "Bundles as JSON lines under one checkpoint, the versions of the trusted root first",
                "content": {BUNDLES: {"schema": {"type": "string", "format": "binary"}}},
            }
        },
    ),
)
def bundle(artifact: Artifact, answers: LocalDep, ancestors: Ancestors = True) -> Response:
    """Return everything that was said of an artifact and its ancestors as one file, which `studbook verify` checks offline."""
    found = answers.bundle(artifact, ancestors=ancestors)
    return Response(b"".join(line + b"\n" for line in found), media_type=BUNDLES)


@router.get("/artifacts/{artifact:artifact}/files", responses=_FOUND)
def files(artifact: Artifact, store: StoreDep, blobs: BlobsDep) -> FilesOut:
    """Return the files of an artifact with their digests."""
    with store.reading() as connection:
        found = artifacts.files(connection, artifact)
    listed = (FileOut(name=name, sha256=sha256, stored=sha256 in blobs) for name, sha256 in found.items())
    return FilesOut(artifact=artifact, files=tuple(listed))


@router.get(
    "/artifacts/{artifact:artifact}/files/{name:path}", response_class=Response, responses=ranges.RESPONSES
)
def get_file(
    artifact: Artifact, name: FileName, store: StoreDep, blobs: BlobsDep, wanted: Annotated[Wanted, Depends()]
) -> Response:
    """Return the bytes of one file of an artifact, or a range of them."""
    return wanted.of(blobs, _digest(store, artifact, name), name)


@router.head(
    "/artifacts/{artifact:artifact}/files/{name:path}",
    response_class=Response,
    responses=ranges.HEAD_RESPONSES,
)
def head_file(
    artifact: Artifact, name: FileName, store: StoreDep, blobs: BlobsDep, wanted: Annotated[Wanted, Depends()]
) -> Response:
    """Say how many bytes one file of an artifact has, and which."""
    return wanted.of(blobs, _digest(store, artifact, name), name, body=False)


def _digest(store: Database, artifact: str, name: str) -> str:
    """Return the digest of a file by the signed list: no name leads anywhere else."""
    with store.reading() as connection:
        found = artifacts.files(connection, artifact).get(name)
    if found is None:
        raise Absent(f"{artifact} has no file {name!r}")
    return found
