"""The one write path: bytes of a signed statement in, a receipt out.

Everything that enters the log enters here, from the command line, the HTTP API and the executor alike; the trusted
root is no exception (1-architecture, "Three ideas").
"""

from __future__ import annotations

from collections.abc import Sequence

from registry.store.log import Receipt
from registry.writer import Writer
from signing.dsse import Envelope


def publish(writer: Writer, raw: bytes) -> Receipt:
    """Append the signed statement `raw`; the same statement by the same keys gets its first receipt again."""
    return publish_all(writer, [raw])[0]


def publish_all(writer: Writer, raws: Sequence[bytes]) -> list[Receipt]:
    """Append all these statements in this order, or none of them; a later one may build on an earlier one."""
    # Read before the queue: bytes that are no envelope do not take anybody's turn.
    return writer.append([(raw, Envelope.parse(raw)) for raw in raws])
