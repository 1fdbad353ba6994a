"""Prove a folder: are these the signed, logged bytes? Offline, from pinned keys, and never a bare yes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lineage import authority, predicates
from lineage.authority import TrustedRoot
from lineage.facts import (
    Agreed,
    Built,
    Derived,
    Described,
    Fact,
    Licensed,
    Named,
    Rebuilt,
    Registered,
    Reported,
    Restaged,
    Rooted,
)
from merger.folder import Progress, digests
from merger.manifest import utf8
from registry.answers import Answers
from registry.store import Absent
from signing.bundle import Bundle, Proven, verify
from signing.digest import artifact_id
from signing.errors import Untrusted
from signing.keys import PublicKey


@dataclass(frozen=True, slots=True)
class Proof:
    """One statement that holds: who said it about which artifacts, when it was logged, and where."""

    proven: Proven
    artifacts: tuple[str, ...]
    operators: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Holds:
    """The folder holds the artifact, byte for byte, and these statements about it are proven."""

    artifact: str
    files: int
    proofs: tuple[Proof, ...]


@dataclass(frozen=True, slots=True)
class Fails:
    """The folder does not hold the artifact it is compared with; each list names files."""

    artifact: str
    changed: tuple[str, ...]
    missing: tuple[str, ...]
    extra: tuple[str, ...]

    def sentence(self, folder: Path) -> str:
        """Say what is wrong with `folder`."""
        lists = (("changed", self.changed), ("missing", self.missing), ("not part of it", self.extra))
        said = "; ".join(f"{what}: {', '.join(names)}" for what, names in lists if names)
        return f"{folder} is not {self.artifact}: {said}"


def prove(bundle: Bundle, root: TrustedRoot) -> Proof:
    """Check one bundle against a pinned trusted root: signature, inclusion, checkpoint, and authority at its time."""
    logs = [key.public for key in root.keys if "log" in key.roles and key.valid(bundle.leaf.time)]
    if not logs:
        raise Untrusted(
            f"version {root.version} of the trusted root names no log key good at {bundle.leaf.time}"
        )
    proven = _opened(bundle, root, logs)
    facts = predicates.facts(proven.statement, proven.entry)
    keys = {key.id for key in proven.keys}
    operators = authority.check(root, proven.statement, facts, keys, proven.time)
    return Proof(proven, tuple(dict.fromkeys(one for fact in facts for one in about(fact))), operators)


def about(fact: Fact) -> tuple[str, ...]:
    """Return the artifacts that a fact is about; a model signature's subject is a root digest and no artifact."""
    match fact:
        case Derived(child=child):
            return (child,)
        case Reported(artifacts=artifacts):
            return artifacts
        case Restaged() | Rooted():
            return ()
        case Registered() | Described() | Built() | Rebuilt() | Agreed() | Licensed() | Named():
            return (fact.artifact,)


def _opened(bundle: Bundle, root: TrustedRoot, logs: Sequence[PublicKey]) -> Proven:
    """Verify a bundle under whichever of the log's good keys signed its checkpoint."""
    speakers = root.public(*authority.SPEAKERS)
    for key in logs[:-1]:
        try:
            return verify(bundle, speakers, root.origin, key)
        except Untrusted:
            continue
    return verify(bundle, speakers, root.origin, logs[-1])


def files_of(proofs: Iterable[Proof]) -> Mapping[str, str] | None:
    """Return the file list that the proven statements sign, if one of them is a model signature."""
    for proof in proofs:
        for fact in predicates.facts(proof.proven.statement, proof.proven.entry):
            if isinstance(fact, Registered):
                return dict(fact.files)
    return None


def verify_folder(
    folder: Path,
    expected: str | None,
    answers: Answers,
    root: TrustedRoot,
    *,
    threads: int = 2,
    progress: Progress = lambda _: None,
) -> Holds | Fails:
    """Compare a folder with the artifact it should be (None: whatever it hashes to) and prove what is said of it.

    Raises `Absent` if nothing about the artifact is logged, `Untrusted` if what is does not hold.
    """
    found = digests(folder, threads, progress)
    wanted = expected or artifact_id(found)
    try:
        bundles = answers.bundles(wanted)
    except Absent:
        if expected is not None:
            raise
        raise Untrusted(
            f"{folder} hashes to {wanted}, which is not registered; name what it should be with --as"
        ) from None
    proofs = tuple(prove(Bundle.parse(raw), root) for raw in bundles)
    signed = files_of(proofs)
    if signed is None or artifact_id(signed) != wanted:
        raise Untrusted(f"nothing that was answered about {wanted} signs its list of files")
    if signed == found:
        return Holds(wanted, len(found), proofs)
    return Fails(
        wanted,
        changed=tuple(utf8(name for name in signed if found.get(name, signed[name]) != signed[name])),
        missing=tuple(utf8(signed.keys() - found.keys())),
        extra=tuple(utf8(found.keys() - signed.keys())),
    )
