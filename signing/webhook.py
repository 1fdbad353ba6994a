"""Webhook signatures by the Standard Webhooks specification: HMAC-SHA256 under a secret that both sides hold.

Specification: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, "Symmetric".
What is signed is `id.timestamp.body`, so neither can be put to another message.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from hashlib import sha256

from signing import canonical
from signing.errors import Malformed

_PREFIX = "whsec_"
# The specification: between 24 bytes (192 bits) and 64 bytes (512 bits).
_LEAST, _MOST = 24, 64


def secret(raw: bytes) -> str:
    """Return the secret with these bytes as it is written down."""
    return _PREFIX + canonical.to_base64(raw)


def key(written: str) -> bytes:
    """Return the bytes of a secret that is written `whsec_<base64>`; refused without being repeated."""
    if not written.startswith(_PREFIX):
        raise Malformed(f"a webhook's secret begins with {_PREFIX}")
    try:
        raw = canonical.from_base64(written.removeprefix(_PREFIX))
    except Malformed:
        raise Malformed(f"a webhook's secret is {_PREFIX} and base64") from None
    if not _LEAST <= len(raw) <= _MOST:
        raise Malformed(f"a webhook's secret has {_LEAST} to {_MOST} bytes, not {len(raw)}")
    return raw


def headers(written: str, message: str, time: int, body: bytes) -> Mapping[str, str]:
    """Return the headers that sign `body`, sent at `time` (unix seconds) as the message with this id."""
    signed = f"{message}.{time}.".encode() + body
    signature = canonical.to_base64(hmac.new(key(written), signed, sha256).digest())
    return {"webhook-id": message, "webhook-timestamp": str(time), "webhook-signature": f"v1,{signature}"}
