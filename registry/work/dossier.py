"""A dossier that somebody signed: whose key vouches for it, about which artifact, as of when, and which page belongs to it."""

from __future__ import annotations

from dataclasses import dataclass

from lineage.authority import TrustedRoot
from lineage.dossier import URI
from signing import dsse
from signing.dsse import Envelope
from signing.errors import Malformed, Untrusted
from signing.statement import Statement

BEGINNING = b'{"payload":'
"""How an envelope in canonical JSON begins, and a bundle does not."""


@dataclass(frozen=True, slots=True)
class Vouched:
    """These operators say what is to be said of `artifact`, by the log of `as_of` entries; `page` is the SHA-256 of the page."""

    artifact: str
    operators: tuple[str, ...]
    log: str
    as_of: int
    page: str


def vouched(raw: bytes, root: TrustedRoot, now: int) -> Vouched:
    """Return what a signed dossier is, once a key that may publish at `now` vouches for it.

    The file proves no time, so a key that was ended vouches for nothing any more, whatever time the dossier gives.
    """
    envelope = Envelope.parse(raw)
    good = {key.public: key.operator for key in root.keys if "publisher" in key.roles and key.valid(now)}
    signers = dsse.verified(envelope, good)
    if not signers:
        raise Untrusted(
            f"no key that may publish now, by version {root.version} of the trusted root for {root.origin}, signed this"
        )
    statement = Statement.parse(envelope.payload)
    match statement.predicate:
        case {"artifact": str(artifact), "log": str(log), "as_of": int(as_of), "page": str(page)} if (
            statement.predicate_type == URI
            and [f"sha256:{one.sha256}" for one in statement.subjects] == [artifact]
        ):
            pass
        case _:
            raise Malformed(
                f"the envelope holds a statement of type {statement.predicate_type!r:.80}, and no dossier"
            )
    if log != root.origin:
        raise Untrusted(
            f"the dossier is made from the log {log}, and the trusted root is that of {root.origin}"
        )
    return Vouched(artifact, tuple(sorted({good[key] for key in signers})), log, as_of, page)
