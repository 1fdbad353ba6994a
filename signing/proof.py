"""Proof files: one leaf, the way up and the checkpoint it leads to, as text that tools of other logs read (C2SP tlog-proof).

    c2sp.org/tlog-proof@v1
    extra eyJrZXlzIjpbIi…
    index 17
    gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=

    studbook.example/log
    18
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

    — studbook.example/log Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeO…

`extra` is whatever the application needs to make the leaf's hash, and nothing vouches for it by itself. Studbook puts
the leaf's own bytes there, which the proof then vouches for. The file does not hold what was signed: a bundle does.
"""

import re
from dataclasses import dataclass

from signing import canonical, checkpoint, merkle
from signing.checkpoint import Checkpoint
from signing.errors import Malformed, Untrusted
from signing.keys import PublicKey

HEADER = "c2sp.org/tlog-proof@v1"
MAX_BYTES = checkpoint.MAX_BYTES + 2**18
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,15})", re.ASCII)
_EXTRA = "extra "


@dataclass(frozen=True, slots=True)
class Proof:
    """A leaf stands at `index` of the tree that the signed note `checkpoint` names; `extra` is None if there is none."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None

    @classmethod
    def parse(cls, raw: bytes) -> "Proof":
        """Read a proof file, checking nothing yet."""
        if len(raw) > MAX_BYTES:
            raise Malformed(f"a proof file of {len(raw)} bytes; at most {MAX_BYTES} are read")
        head, blank, note = canonical.text(raw, "proof file").partition("\n\n")
        header, *lines = head.split("\n")
        if header != HEADER or not blank:
            raise Malformed(f"a proof file begins with {HEADER}, and its checkpoint comes after a blank line")
        extra = None
        if lines and lines[0].startswith(_EXTRA):
            extra = canonical.from_base64(lines.pop(0).removeprefix(_EXTRA))
        found = _INDEX.fullmatch(lines.pop(0)) if lines else None
        if found is None:
            raise Malformed("a proof file names the index of its leaf before the hashes: `index 17`")
        return cls(int(found[1]), tuple(map(canonical.from_base64, lines)), note.encode(), extra)

    def encode(self) -> bytes:
        """Return the bytes of the proof file."""
        extra = [] if self.extra is None else [_EXTRA + canonical.to_base64(self.extra)]
        lines = [HEADER, *extra, f"index {self.index}", *map(canonical.to_base64, self.hashes), "", ""]
        return "\n".join(lines).encode() + self.checkpoint


def verify(proof: Proof, leaf: bytes, origin: str, log_key: PublicKey) -> Checkpoint:
    """Return the checkpoint under which the leaf with these bytes stands at the proof's index.

    Who trusts the log `origin` by its key needs nothing else.
    """
    seen = Checkpoint.opened(proof.checkpoint, origin, log_key)
    if merkle.inclusion_root(merkle.leaf_hash(leaf), proof.index, seen.size, proof.hashes) != seen.root:
        raise Untrusted(f"the proof does not lead from leaf {proof.index} to the root of {seen.size} leaves")
    return seen
