"""Entries: signed statements, as they were received, and what proves that they are logged.

An entry's id is the hash of what was signed. The same statement signed by other keys is a leaf of its own under the
same id; `index` says which leaf is meant, and the oldest one is meant otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from registry.deps import EXAMPLE, Hex, StoreDep, receiving, served_to
from registry.problems import UNREAD, Stalled, TooLarge, documented
from registry.publish import publish
from registry.store import Absent, log, tenure
from registry.store.gate import Contradicted
from registry.store.log import Receipt
from signing import canonical
from signing.errors import Forbidden, Malformed, Refused, Untrusted

router = APIRouter()

ENVELOPE = "application/vnd.dsse.envelope.v1+json"
BUNDLE = "application/vnd.studbook.bundle.v1+json"
_BUNDLE_SCHEMA = {
    "schema": {
        "type": "object",
        "required": ["v", "envelope", "leaf", "index", "proof", "checkpoint"],
        "properties": {
            "v": {"const": 1},
            "envelope": {"type": "string"},
            "leaf": {"type": "string"},
            "index": {"type": "integer"},
            "proof": {"type": "array", "items": {"type": "string", "format": "byte"}},
            "checkpoint": {"type": "string"},
        },
        "additionalProperties": False,
    }
}
_ENVELOPE_SCHEMA = {
    "schema": {
        "type": "object",
        "required": ["payload", "payloadType", "signatures"],
        "properties": {
            "payload": {"type": "string", "format": "byte"},
            "payloadType": {"const": "application/vnd.in-toto+json"},
            "signatures": {
                "type": "array",
                "minItems": 1,
                "maxItems": 64,
                "items": {
                    "type": "object",
                    "required": ["sig"],
                    "properties": {"sig": {"type": "string", "format": "byte"}, "keyid": {"type": "string"}},
                },
            },
        },
    },
    "example": {
        "payload": "eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEifQ==",
        "payloadType": "application/vnd.in-toto+json",
        "signatures": [{"keyid": EXAMPLE, "sig": "MEUCIQ=="}],
    },
}
Index = Annotated[int | None, Query(ge=0, le=2**53 - 1, description="which leaf, if several have this id")]


class ReceiptOut(BaseModel):
    """Proof that an entry stands in the log: its leaf, the way up, and the signed checkpoint it leads to."""

    index: int = Field(examples=[17])
    entry: str = Field(examples=[EXAMPLE])
    time: int = Field(description="unix seconds at which it was logged", examples=[1_750_000_000])
    size: int = Field(description="entries that the checkpoint covers", examples=[18])
    leaf: str = Field(description="the bytes hashed into the tree")
    proof: tuple[str, ...] = Field(description="RFC 9162 inclusion proof, in base64, from the leaf up")
    checkpoint: str = Field(description="C2SP signed note")

    @classmethod
    def of(cls, receipt: Receipt) -> ReceiptOut:
        """Make the answer from the store's value."""
        return cls(
            index=receipt.index,
            entry=receipt.entry,
            time=receipt.time,
            size=receipt.size,
            leaf=receipt.leaf.decode(),
            proof=tuple(map(canonical.to_base64, receipt.proof)),
            checkpoint=receipt.checkpoint.decode(),
        )


async def add_entry(request: Request) -> Response:
    """Append a signed statement to the log.

    The same statement by the same keys gets its first receipt again, with the same status: a sender who lost the
    answer asks again and has lost nothing.
    """
    served = await served_to(request)
    async with receiving(request, served) as raw:
        receipt = await run_in_threadpool(publish, served.writer, raw)
    where = {"Location": f"/entries/{receipt.entry}?index={receipt.index}"}
    # Encoded here: the framework would check its own model again.
    words = ReceiptOut.of(receipt).model_dump_json()
    return Response(words, HTTPStatus.CREATED, where, "application/json")


class _Bare(APIRoute):
    """Hands the request on as it is: of what a statement costs, a twentieth was FastAPI's looking for dependencies.

    Those of the application or a router would not be asked.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler itself."""
        return self.endpoint


router.add_api_route(
    "/entries",
    add_entry,
    methods=["POST"],
    route_class_override=_Bare,
    status_code=201,
    response_model=ReceiptOut,
    responses=documented(
        *(Refused, Contradicted, Malformed, TooLarge, Untrusted, Forbidden, Stalled), others=[UNREAD]
    ),
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "A DSSE envelope, of at most 16 MiB; its bytes are kept as they are sent.",
            "content": {ENVELOPE: _ENVELOPE_SCHEMA, "application/json": _ENVELOPE_SCHEMA},
        }
    },
)


@router.get(
    "/entries/{entry}",
    response_class=Response,
    responses=documented(
        Absent,
        Malformed,
        answers={200: {"description": "The envelope", "content": {ENVELOPE: _ENVELOPE_SCHEMA}}},
    ),
)
def get_entry(entry: Hex, store: StoreDep, index: Index = None) -> Response:
    """Return the envelope of an entry, byte for byte as it was received."""
    with store.reading() as connection:
        leaf = _leaf(connection, entry, index)
        envelope = log.read(connection, leaf).envelope
    if envelope is None:
        raise Absent(f"the payload of entry {leaf} was removed; its leaf and proof remain")
    return Response(envelope, media_type=ENVELOPE)


@router.get(
    "/entries/{entry}/bundle",
    response_class=Response,
    responses=documented(
        Absent,
        Malformed,
        answers={200: {"description": "The bundle, one line", "content": {BUNDLE: _BUNDLE_SCHEMA}}},
    ),
)
def get_bundle(entry: Hex, store: StoreDep, index: Index = None) -> Response:
    """Return an entry with its proof as one file, which `studbook verify` checks offline."""
    with store.reading() as connection:
        bundle = log.bundle(connection, _leaf(connection, entry, index))
    return Response(bundle.encode() + b"\n", media_type=BUNDLE)


def _leaf(connection: Connection, entry: str, index: int | None) -> int:
    """Return the leaf that is meant by an entry's id, and an index among its leaves."""
    leaves = log.indexes(connection, entry)
    if not leaves:
        raise Absent(f"no entry {entry} is in this log")
    if index is not None and index not in leaves:
        raise Absent(
            f"entry {entry} has the leaves {', '.join(map(str, leaves))}, and {index} is none of them"
        )
    # Of several leaves of one statement, the one that counts is meant.
    counting = tenure.leaves(connection, entry) or leaves
    return counting[0] if index is None else index
