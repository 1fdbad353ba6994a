"""The log: its newest signed checkpoint, the proofs that tie entries and checkpoints together, and who may speak in it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from registry.deps import HomeDep, StoreDep
from registry.problems import documented
from registry.store import Absent, log, tree
from signing import canonical
from signing.errors import Malformed

router = APIRouter()

_PROVEN = documented(Absent, Malformed)
_HASHES = "hashes in base64, in the order of RFC 9162"
Size = Annotated[int, Query(ge=0, le=2**53 - 1, description="entries of a tree", examples=[18])]
Index = Annotated[int, Query(ge=0, le=2**53 - 1, description="index of an entry", examples=[17])]


class InclusionOut(BaseModel):
    """Entry `index` stands in the tree of `size` entries."""

    index: int
    size: int
    proof: tuple[str, ...] = Field(description=_HASHES)


class ConsistencyOut(BaseModel):
    """The tree of `new` entries continues the tree of `old` ones."""

    old: int
    new: int
    proof: tuple[str, ...] = Field(description=_HASHES)


@router.get(
    "/checkpoint",
    response_class=Response,
    responses=documented(
        Absent,
        answers={
            200: {
                "description": "C2SP signed note",
                "content": {"text/plain": {"schema": {"type": "string"}}},
            }
        },
    ),
)
def checkpoint(store: StoreDep) -> Response:
    """Return the newest signed checkpoint."""
    with store.reading() as connection:
        note = log.newest(connection)
    # Whoever asks wants the newest; a cache may keep it, and asks each time whether there is a newer one.
    return Response(note, headers={"Cache-Control": "no-cache"}, media_type="text/plain")


@router.get("/log/inclusion", responses=_PROVEN)
def inclusion(index: Index, size: Size, store: StoreDep) -> InclusionOut:
    """Return the proof that an entry stands in the tree of the first `size` entries."""
    with store.reading() as connection:
        _signed(connection, size)
        proof = tree.inclusion(connection, index, size)
    return InclusionOut(index=index, size=size, proof=tuple(map(canonical.to_base64, proof)))


@router.get("/log/consistency", responses=_PROVEN)
def consistency(old: Size, new: Size, store: StoreDep) -> ConsistencyOut:
    """Return the proof that the tree of the first `new` entries continues that of the first `old`."""
    with store.reading() as connection:
        _signed(connection, new)
        proof = tree.consistency(connection, old, new)
    return ConsistencyOut(old=old, new=new, proof=tuple(map(canonical.to_base64, proof)))


@router.get(
    "/trusted-root",
    response_class=Response,
    responses=documented(
        Absent,
        answers={
            200: {
                "description": "The document",
                "content": {"application/json": {"schema": {"type": "object"}}},
            }
        },
    ),
)
def trusted_root(home: HomeDep) -> Response:
    """Return the trusted root in force. Pin one that reached you another way: this one is the registry's own word."""
    return Response(home.root().encode(), media_type="application/json")


def _signed(connection: Connection, size: int) -> None:
    """Refuse a tree that no checkpoint covers yet: nothing signed says that it will stay."""
    covered = log.covered(connection)
    if size > covered:
        raise Absent(f"the newest checkpoint covers {covered} entries; there is no proof for {size}")
