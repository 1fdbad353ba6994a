"""Evidence that a redaction which a log accepted misstates what it removed: whoever still holds the envelope can show it.

    {"v":1,"redaction":{<bundle>},"envelope":"<the envelope that was removed>"}

The id of an entry is the hash of its words, so the envelope cannot be another one; those who signed the redaction, and the log
that took it, are convicted by their own signatures, to anybody who has a pinned trusted root.
"""

from __future__ import annotations

from dataclasses import dataclass

from lineage import predicates
from lineage.authority import TrustedRoot
from lineage.removals import Redacted
from lineage.residue import Residue, misstated
from registry.work.verify import Proof, prove
from signing import bundle, canonical, dsse
from signing.bundle import Bundle
from signing.dsse import Envelope
from signing.errors import Malformed, Refused, Untrusted
from signing.statement import Statement

VERSION = 1
# Written as text in JSON, an envelope has twice as many bytes at most; 1 KiB is more than what stands around the two.
MAX_BYTES = bundle.MAX_BYTES + 2 * dsse.MAX_BYTES + 2**10


@dataclass(frozen=True, slots=True)
class Misstated:
    """A logged redaction, and the envelope of the entry that it removes; `check` says whether they disagree."""

    redaction: Bundle
    envelope: bytes

    @classmethod
    def parse(cls, raw: bytes) -> Misstated:
        """Read the evidence, checking nothing yet."""
        if len(raw) > MAX_BYTES:
            raise Malformed(f"evidence of {len(raw)} bytes; at most {MAX_BYTES} are read")
        match canonical.decode(raw):
            case {"v": version, "redaction": redaction, "envelope": str(envelope), **rest} if (
                canonical.is_integer(version) and version == VERSION and not rest
            ):
                return cls(Bundle.parse(canonical.encode(redaction)), envelope.encode())
            case _:
                raise Malformed(f"evidence of version {VERSION} has exactly v, redaction and envelope")

    def encode(self) -> bytes:
        """Return the evidence as one line of canonical JSON, without the newline."""
        return canonical.encode(
            {
                "v": VERSION,
                "redaction": canonical.decode(self.redaction.encode()),
                "envelope": canonical.text(self.envelope, "envelope"),
            }
        )


def difference(fact: Redacted, raw: bytes) -> str | None:
    """Say in what a redaction misstates the entry that it removes, if `raw` is its envelope and it does."""
    try:
        envelope = Envelope.parse(raw)
    except Refused:
        return None
    if envelope.entry != fact.entry:
        return None
    statement = Statement.parse(envelope.payload)
    facts = predicates.facts(statement, envelope.entry)
    return misstated(Residue.parse(fact.kept.encode()), statement.predicate_type, facts)


def check(evidence: Misstated, root: TrustedRoot) -> tuple[Proof, str]:
    """Return the redaction, once it is proven to have been logged, and in what it misstates the entry that it removes."""
    proof = prove(evidence.redaction, root)
    for fact in predicates.facts(proof.proven.statement, proof.proven.entry):
        if isinstance(fact, Redacted):
            found = difference(fact, evidence.envelope)
            if found is None:
                raise Untrusted(
                    f"entry {proof.proven.index} keeps of entry {fact.entry} what it leaves, or this envelope is of another"
                )
            return proof, found
    raise Malformed(f"entry {proof.proven.index} is no redaction")
