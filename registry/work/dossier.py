"""Dossiers: put together from the log; and one that somebody signed: whose key vouches for it, about what, as of when, with which page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lineage.authority import TrustedRoot
from lineage.dossier import URI, dossier
from lineage.subjects import Pedigree
from registry.store import Absent, subjects
from registry.store.engine import Database
from signing import dsse
from signing.canonical import Json
from signing.digest import parse_id, sha256_hex
from signing.dsse import Envelope
from signing.errors import Malformed, Refused, Untrusted
from signing.keys import PrivateKey
from signing.statement import Statement, Subject

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


def compiled(
    store: Database,
    artifact: str,
    as_of: int | None = None,
    since: int | None = None,
    most: int | None = None,
) -> Mapping[str, Json]:
    """Return the dossier of an artifact as of `as_of` entries, with what changed `since` an earlier size; beyond `most` descendants it is cut.

    Raises `Absent` for what is not registered at either size, and `Refused` for sizes that the log has not, or in no order.
    """
    with store.reading() as connection:
        found = subjects.pedigree(connection, artifact, most=most, size=as_of)
        before = None if since is None else subjects.pedigree(connection, artifact, most=most, size=since)
        responsible = subjects.responsible(connection, {edge.entry for edge in found.edges}, found.at.size)
    for one in (found, *([before] if before else [])):
        _insist(one)
    if before is not None and before.at.size > found.at.size:
        raise Refused(f"{since} is no earlier size of the log than {found.at.size}, so nothing changed since")
    return dossier(found, responsible, before)


def signed(value: Mapping[str, Json], page: str, key: PrivateKey) -> bytes:
    """Return the envelope by which a key vouches for a dossier and for its page; `Refused` where it would be longer than one may be."""
    artifact = str(value["artifact"])
    # The page's digest stands in what is signed, so one signature covers both files.
    said = {**value, "page": sha256_hex(page.encode())}
    statement = Statement((Subject(artifact, parse_id(artifact)),), URI, said)
    envelope = dsse.sign(statement.encode(), [key]).encode()
    if len(envelope) > dsse.MAX_BYTES:
        edges = value["responsible"]
        count = len(edges) if isinstance(edges, Sequence) else 0
        raise Refused(
            f"the dossier of {artifact} takes {len(envelope)} bytes, and an envelope at most {dsse.MAX_BYTES}: {count} edges are"
            " too many for one page"
        )
    return envelope


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


def _insist(subject: Pedigree) -> None:
    if not subject.here.seen:
        raise Absent(
            f"nothing is known about {subject.here.id} in the first {subject.at.size} entries of the log: a dossier is"
            " about an artifact that is registered there"
        )
