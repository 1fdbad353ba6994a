"""Forks: two checkpoints that one log signed and that no one log can have (C2SP tlog-witness: "consistency").

    {"v":1,"first":"<signed note>","second":"<signed note>","root":"<base64>","proof":["<base64>",…]}

`root` is what the tree of the second checkpoint has over as many leaves as the first covers, and `proof` is the consistency
proof (RFC 9162, 2.1.4.1) from it to the second's root. The first checkpoint names another root for the same leaves, so its
signer is convicted by its own two signatures, to anybody who has its public key.
"""

from dataclasses import dataclass

from signing import canonical, checkpoint, merkle
from signing.checkpoint import Checkpoint
from signing.errors import Malformed, Untrusted
from signing.keys import PublicKey

VERSION = 1
MAX_BYTES = 4 * checkpoint.MAX_BYTES


@dataclass(frozen=True, slots=True)
class Fork:
    """Evidence that a log signed two histories; `check` says whether it is any."""

    first: bytes
    second: bytes
    root: bytes
    proof: tuple[bytes, ...]

    @classmethod
    def parse(cls, raw: bytes) -> "Fork":
        """Read the evidence, checking nothing yet."""
        if len(raw) > MAX_BYTES:
            raise Malformed(f"evidence of {len(raw)} bytes; at most {MAX_BYTES} are read")
        match canonical.decode(raw):
            case {
                "v": version,
                "first": str(first),
                "second": str(second),
                "root": str(root),
                "proof": [*proof],
                **rest,
            } if canonical.is_integer(version) and version == VERSION and not rest:
                hashes = tuple(canonical.from_base64(str(one)) for one in proof)
                return cls(first.encode(), second.encode(), canonical.from_base64(root), hashes)
            case _:
                raise Malformed(f"evidence of version {VERSION} has exactly v, first, second, root and proof")

    def encode(self) -> bytes:
        """Return the evidence as one line of canonical JSON, without the newline."""
        return canonical.encode(
            {
                "v": VERSION,
                "first": canonical.text(self.first, "first checkpoint"),
                "second": canonical.text(self.second, "second checkpoint"),
                "root": canonical.to_base64(self.root),
                "proof": [canonical.to_base64(one) for one in self.proof],
            }
        )


def check(fork: Fork, origin: str, log_key: PublicKey) -> tuple[Checkpoint, Checkpoint]:
    """Return the two checkpoints that the log `origin` signed, once they are shown to contradict each other."""
    first, second = (Checkpoint.opened(note, origin, log_key) for note in (fork.first, fork.second))
    merkle.check_consistency(first.size, second.size, fork.root, second.root, fork.proof)
    if fork.root == first.root:
        raise Untrusted(
            f"the checkpoint of {second.size} leaves continues the one of {first.size}: this is no fork"
        )
    return first, second
