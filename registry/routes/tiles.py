"""Tiles: the log's tree and its entries in files of 256, for whoever follows or mirrors it (C2SP tlog-tiles)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response

from registry.deps import StoreDep
from registry.problems import documented
from registry.store import Absent, tiles
from signing.errors import Malformed

router = APIRouter()

_ABOUT = (
    "<level>/<index>[.p/<width>] for hashes, entries/<index>[.p/<width>] for leaves; an index is groups of three digits, "
    "all but the last after an x: x001/x234/067"
)
# Described and not checked here: another spelling is the path of nothing (404), and no wrong request (422).
_FORM = {"pattern": r"^(entries|[0-6])/(x[0-9]{3}/){0,5}[0-9]{3}(\.p/[1-9][0-9]{0,2})?$"}
TilePath = Annotated[
    str, Path(description=_ABOUT, examples=["0/x001/234", "entries/000.p/17"], json_schema_extra=_FORM)
]
# Partial tiles too: a wider one has a path of its own.
_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}


@router.get(
    "/tile/{tile:rest}",
    response_class=Response,
    responses=documented(
        Absent,
        Malformed,
        answers={
            200: {
                "description": "Hashes of 32 bytes each, or leaves, each behind its length in two bytes",
                "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
            }
        },
    ),
)
def tile(tile: TilePath, store: StoreDep) -> Response:
    """Return a tile that the newest checkpoint covers. It never changes."""
    with store.reading() as connection:
        raw = tiles.read(connection, f"tile/{tile}")
    return Response(raw, headers=_FOREVER, media_type="application/octet-stream")
