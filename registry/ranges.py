"""Stored bytes over HTTP: whole or one range of them, or word that the asker has them already (RFC 9110, 13 and 14).

Bytes are named by their SHA-256, so an `ETag` never changes and a cached copy never goes stale. They are other people's
bytes: they are handed out as opaque downloads, or a page among them would run as this registry (3-trust, T3).
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Header, Response
from fastapi.responses import StreamingResponse

from registry.problems import Unsatisfiable, documented
from registry.store import Absent
from registry.store.blobs import Blobs
from signing.errors import Malformed

_ONE = re.compile(
    r"bytes=(?:(?P<first>[0-9]{1,18})-(?P<last>[0-9]{1,18})?|-(?P<suffix>[0-9]{1,18}))", re.IGNORECASE
)
_BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_TAG = {"ETag": {"description": "the SHA-256, quoted", "schema": {"type": "string"}}}
RESPONSES = documented(
    Absent,
    Malformed,
    Unsatisfiable,
    answers={
        200: {"description": "All bytes", "content": _BYTES, "headers": _TAG},
        206: {"description": "The range asked for", "content": _BYTES, "headers": _TAG},
        304: {"description": "The asker has them already"},
    },
)
# An answer to HEAD has no body, so a refusal is its status alone.
HEAD_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "They are stored; Content-Length says how many", "headers": _TAG},
    304: {"description": "The asker has them already"},
    **{
        status: {"description": said["description"]} for status, said in documented(Absent, Malformed).items()
    },
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request asks of stored bytes."""

    range: Annotated[str | None, Header(description="one range of bytes", examples=["bytes=0-1023"])] = None
    if_range: Annotated[str | None, Header(description="ETag of what the range continues")] = None
    if_none_match: Annotated[str | None, Header(description="ETags of what the asker has")] = None

    def of(self, blobs: Blobs, digest: str, name: str | None = None, *, body: bool = True) -> Response:
        """Return the response: the bytes `digest`, called `name` where they are kept; without them for HEAD."""
        size = blobs.size(digest)
        headers = _headers(digest, name)
        if known(self.if_none_match, digest):
            return Response(status_code=304, headers=headers)
        if not body:
            return Response(headers=headers | {"Content-Length": str(size)})
        part = self._part(digest, size)
        if part is None:
            return _bytes(blobs, digest, 0, size, headers)
        start, stop = part
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
        return _bytes(blobs, digest, start, stop, headers, status=206)

    def _part(self, digest: str, size: int) -> tuple[int, int] | None:
        """Return the one range to send, None for everything.

        A range that is not understood, several of them, or one that continues other bytes are answered with
        everything, as RFC 9110, 14.2 allows.
        """
        found = _ONE.fullmatch((self.range or "").strip())
        if found is None or self.if_range not in (None, f'"{digest}"'):
            return None
        if found["suffix"] is not None:
            start, stop = max(0, size - int(found["suffix"])), size
        else:
            start, stop = int(found["first"]), min(size, int(found["last"] or size) + 1)
            if found["last"] is not None and int(found["last"]) < start:
                return None
        if start >= size:
            raise Unsatisfiable(f"{self.range!r} lies beyond the {size} bytes of sha256:{digest}", size)
        return start, stop


def known(if_none_match: str | None, digest: str) -> bool:
    """Tell whether the asker, by the ETags that it sent, has the bytes with this digest."""
    tags = [tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")]
    return "*" in tags or f'"{digest}"' in tags


def _bytes(
    blobs: Blobs, digest: str, start: int, stop: int, headers: dict[str, str], status: int = 200
) -> Response:
    headers = headers | {"Content-Length": str(stop - start)}
    return StreamingResponse(blobs.read(digest, start, stop), status, headers)


def _headers(digest: str, name: str | None) -> dict[str, str]:
    called = f"; filename*=UTF-8''{quote(name.rpartition('/')[2], safe='')}" if name else ""
    return {
        "Content-Type": "application/octet-stream",
        "Content-Disposition": f"attachment{called}",
        "ETag": f'"{digest}"',
        "Repr-Digest": f"sha-256=:{base64.b64encode(bytes.fromhex(digest)).decode()}:",  # RFC 9530
        "Accept-Ranges": "bytes",
        "Cache-Control": "public, max-age=31536000, immutable",
    }
