"""A file of bundles, line by line: what each proves to whoever pinned a trusted root. Offline.

The newest version of the trusted root that the pinned one leads to in the file judges every line: keys are ended, never
removed (`lineage.succession`), so an end that was set back later voids here what the key signed since, as it does in the log.
What never falls there, a redaction, is judged by the version that was in force before it, where the file shows which that was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from lineage import authority, predicates
from lineage.authority import TrustedRoot
from lineage.facts import Fact
from lineage.predicates import redaction
from registry.work.verify import Proof, prove, prove_root
from signing import checkpoint
from signing.bundle import Bundle
from signing.dsse import Envelope
from signing.errors import Forbidden, Malformed, Refused, Untrusted
from signing.statement import Statement


@dataclass(frozen=True, slots=True)
class Held:
    """A proven line. `apart` says what it builds on and the file does not prove: then nothing follows from it here."""

    number: int
    proof: Proof
    apart: str = ""

    @property
    def facts(self) -> tuple[Fact, ...]:
        """What follows from it."""
        if self.apart:
            return ()
        return predicates.facts(self.proof.proven.statement, self.proof.proven.entry)


@dataclass(frozen=True, slots=True)
class Void:
    """A line that was signed and logged after the end of its key: it counts no longer."""

    number: int
    proof: Proof
    why: str


@dataclass(frozen=True, slots=True)
class Broken:
    """A line that proves nothing."""

    number: int
    why: str


Line = Held | Void | Broken


def read(
    raws: Sequence[bytes], pinned: TrustedRoot, progress: Callable[[int], object] = lambda _: None
) -> tuple[TrustedRoot, tuple[Line, ...]]:
    """Return the trusted root that judges these lines, and what each proves; refuse what holds no bundle at all."""
    bundles = [_parsed(raw) for raw in raws]
    for one in bundles:
        if isinstance(one, Bundle):
            break
    else:
        raise next(one for one in bundles if isinstance(one, Refused))
    judge = _newest((one for one in bundles if isinstance(one, Bundle)), pinned)
    versions = _versions((one for one in bundles if isinstance(one, Bundle)), judge)
    lines = []
    for number, bundle in enumerate(bundles, 1):
        lines.append(
            Broken(number, str(bundle))
            if isinstance(bundle, Refused)
            else _judged(number, bundle, judge, versions)
        )
        progress(1)
    proven = (pair for pair in zip(bundles, lines, strict=True) if not isinstance(pair[1], Broken))
    _check_one_log((one for one, _ in proven if isinstance(one, Bundle)), judge)
    return judge, tuple(lines)


def _parsed(raw: bytes) -> Bundle | Refused:
    try:
        bundle = Bundle.parse(raw)
    except Refused as error:
        return error
    # One spelling: what a reader skips over could be changed unnoticed.
    return bundle if bundle.encode() == raw else Malformed("the bundle is not in canonical JSON")


def _rooted(bundle: Bundle) -> TrustedRoot | None:
    """Return the version of the trusted root that an entry claims to bring into force."""
    envelope = Envelope.parse(bundle.envelope)
    return authority.rooted(predicates.facts(Statement.parse(envelope.payload), envelope.entry))


def _redacts(bundle: Bundle) -> bool:
    return Statement.parse(Envelope.parse(bundle.envelope).payload).predicate_type == redaction.URI


def _newest(bundles: Iterable[Bundle], pinned: TrustedRoot) -> TrustedRoot:
    """Follow the pinned version through the file, each version signed as the one before it asks."""
    following = []
    for bundle in bundles:
        try:
            found = _rooted(bundle)
        except Refused:
            continue  # its own line will say so
        if found is not None and found.version > pinned.version:
            following.append((found, bundle))
    judge = pinned
    for found, bundle in sorted(following, key=lambda one: one[0].version):
        try:
            prove(bundle, judge)
        except Refused:
            continue
        judge = found
    return judge


def _versions(bundles: Iterable[Bundle], judge: TrustedRoot) -> dict[int, tuple[int, TrustedRoot]]:
    """Return the versions that these bundles bring into force, each with the entry that does."""
    found = {}
    for bundle in bundles:
        try:
            version = _rooted(bundle)
            if version is not None:
                prove_root(bundle, judge)
                found[version.version] = (bundle.index, version)
        except Refused:
            continue  # its own line will say so
    return found


def _in_force(index: int, versions: Mapping[int, tuple[int, TrustedRoot]], judge: TrustedRoot) -> TrustedRoot:
    """Return the version in force before entry `index`, where the one after it shows that, or what judges all the rest."""
    before = [one for one in versions.values() if one[0] < index]
    if not before:
        return judge
    _, newest = max(before, key=lambda one: one[1].version)
    return newest if newest.version + 1 in versions else judge


def _judged(
    number: int, bundle: Bundle, judge: TrustedRoot, versions: Mapping[int, tuple[int, TrustedRoot]]
) -> Line:
    try:
        if _rooted(bundle) is not None:
            return Held(number, prove_root(bundle, judge))
        if _redacts(bundle):
            return Held(number, prove(bundle, _in_force(bundle.index, versions, judge)))
        return Held(number, prove(bundle, judge))
    except Forbidden as error:
        refusal = str(error)
    except Refused as error:
        return Broken(number, str(error))
    try:
        return Void(number, prove(bundle, _unended(judge)), refusal)
    except Refused:
        return Broken(number, refusal)


def _unended(root: TrustedRoot) -> TrustedRoot:
    """Return a trusted root as if no key had an end."""
    keys = [
        key.model_copy(update={"valid_for": key.valid_for.model_copy(update={"end": None})})
        for key in root.keys
    ]
    return root.model_copy(update={"keys": tuple(keys)})


def _check_one_log(bundles: Iterable[Bundle], judge: TrustedRoot) -> None:
    """Refuse a file in which the log signed two trees of one size: it told different people different things (T14)."""
    trees: dict[int, bytes] = {}
    for note in sorted({one.checkpoint for one in bundles}):
        seen = checkpoint.Checkpoint.parse(checkpoint.open_note(note, judge.origin, judge.log().public))
        if trees.setdefault(seen.size, seen.root) != seen.root:
            raise Untrusted(f"the log {judge.origin} signed two trees of {seen.size} entries: it is forked")
