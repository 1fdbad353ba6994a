"""Is the log intact, and does everything else follow from it? Fold it again from nothing and compare.

Every entry is read, verified, judged and folded into a fresh temporary database by the code that wrote it, and every
table is compared (1-architecture, "The log is the truth"), and every stored blob that a manifest names is hashed. A finding is a sentence; none means that leaves, tree,
signatures, order of time, triggers and tables hold together.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection

from lineage.authority import TrustedRoot
from lineage.facts import Fact
from lineage.removals import Redacted
from merger.manifest import Manifest
from registry.home import Home
from registry.store import artifacts, compare, judge, log, pin, redaction, tree, trust
from registry.store.engine import Database
from registry.store.fold import enter, once
from registry.store.judge import Judged
from registry.store.log import Logged
from registry.store.tail import Tail
from signing import checkpoint
from signing.errors import Refused, Untrusted
from signing.log import Leaf

_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Report:
    """What a check of a log of `size` entries found; the last `waiting` of them have no checkpoint yet.

    Entries wait for a checkpoint where a process stopped between its two transactions; the next write signs it.
    `remarks` say what is behind and will be caught up with, and what an order had removed: nothing there is wrong.
    """

    size: int
    checkpoints: int
    waiting: int
    findings: tuple[str, ...]
    remarks: tuple[str, ...] = ()


def fsck(home: Home, progress: Callable[[int], object] = lambda _: None) -> Report:
    """Fold the log of `home` again and report every difference; `progress` hears how many entries are done."""
    with closing(Database(home.store.at, home.settings.busy_seconds, mapped=False)) as store:
        damage = _damage(store)
        if damage:  # what cannot be read cannot be compared
            return Report(0, 0, 0, damage)
        left = store.settle()
        with store.reading() as live:
            return _compared(home, live, left, progress)


def _damage(store: Database) -> tuple[str, ...]:
    try:
        with store.reading() as live:
            return tuple(store.damage(live))
    except Refused as error:
        return (str(error),)


def _compared(home: Home, live: Connection, left: str | None, progress: Callable[[int], object]) -> Report:
    """Fold what is `live` again, and compare; `left` says what may still hold what was removed."""
    with TemporaryDirectory(prefix="studbook-fsck-") as folder:
        again = Database(Path(folder) / "studbook.db", home.settings.busy_seconds, create=True, mapped=False)
        with again.writing() as fresh:
            compare.lay_out(fresh)
            redaction.foretell(live, fresh)
            findings = [*compare.layout(live, fresh), *_folded(live, fresh, progress)]
            findings += compare.differences(live, fresh)
            findings += compare.definitions(live)
            findings += _checkpoints(live, fresh)
            findings += _pinned(home, fresh)
            findings += _blobs(home, fresh)
            remarks = (*_behind(home, fresh), *_redacted(fresh, left))
        again.close()
    size, covered = log.extent(live)
    return Report(size, log.signed(live), max(0, size - covered), tuple(findings), remarks)


def _folded(live: Connection, fresh: Connection, progress: Callable[[int], object]) -> Iterator[str]:
    """Fold every entry of `live` into `fresh`, saying what is wrong with each."""
    tail, told = Tail(fresh), set[str]()
    whole = yield from _each(live, fresh, tail, told, progress)
    tail.flush()
    for entry in redaction.orders(fresh).keys() - told if whole else ():
        yield f"table redaction names the entry {entry}, and no entry of the log has it removed"


def _each(
    live: Connection, fresh: Connection, tail: Tail, told: set[str], progress: Callable[[int], object]
) -> Generator[str, None, bool]:
    """Fold every entry up to one after which none can be folded, and tell whether there was none such.

    `told` gains the entries that others have removed.
    """
    for index, logged in enumerate(log.scan(live)):
        if logged.index != index:
            yield f"entry {index} is missing: the next one is {logged.index}"
            return False
        try:
            leaf = Leaf.parse(logged.leaf)
        except Refused as error:
            yield f"entry {index}: {error}; nothing after it can be folded"
            return False
        if leaf.time < tail.time:
            yield f"entry {index} has the time {leaf.time}, before the entry above it, {tail.time}"
        try:
            said, operators = _said(fresh, tail, logged, leaf)
        except Refused as error:
            yield f"entry {index}: {error}"
            said, operators = (), ()
        facts = once(tail, leaf.pae, said)
        # A refused entry keeps its place in the tree, so that it is one finding and not a different tree.
        try:
            enter(fresh, tail, leaf, logged.envelope, facts, operators)
        except Refused as error:
            yield f"entry {index}: {error}; nothing after it can be folded"
            return False
        told |= {fact.entry for fact in facts if isinstance(fact, Redacted)}
        if index % _AT_ONCE == 0:
            tail.flush()
        progress(index + 1)
    return True


def _said(
    fresh: Connection, tail: Tail, logged: Logged, leaf: Leaf
) -> tuple[tuple[Fact, ...], tuple[str, ...]]:
    """Return what the entry says and the operators that say it, if it may stand where it stands."""
    if logged.envelope is None:
        # What is left was signed by whoever had it removed; the tree says that these keys had signed the rest.
        statement, facts = redaction.said(fresh, logged)
        judged = Judged(trust.root(fresh), statement, facts, leaf.keys)
        return facts, judge.admit(fresh, judged, leaf.pae, leaf.time, tail)
    judged = judge.stands(trust.root(fresh), logged.envelope, leaf)
    return judged.facts, judge.admit(fresh, judged, leaf.pae, leaf.time, tail)


def _checkpoints(live: Connection, fresh: Connection) -> Iterator[str]:
    """Check every checkpoint, by the trusted root in force at its size: its signature and the tree it names."""
    size = log.size(fresh)
    for covered, note in log.checkpoints(live):
        root = trust.root(fresh, covered)
        if root is None:
            yield f"the checkpoint of {covered} entries has no trusted root to be checked against"
        elif covered > size:
            yield f"a checkpoint covers {covered} entries, and the log has {size}: entries are lost"
        else:
            try:
                _check(note, root, covered, tree.root(fresh, covered))
            except Refused as error:
                yield f"the checkpoint of {covered} entries: {error}"


def _check(note: bytes, root: TrustedRoot, size: int, tree: bytes) -> None:
    objections = []
    for key in root.public("log"):
        try:
            found = checkpoint.Checkpoint.parse(checkpoint.open_note(note, root.origin, key))
        except Refused as error:
            objections.append(str(error))
            continue
        if found != checkpoint.Checkpoint(root.origin, size, tree):
            raise Untrusted(
                f"it is signed for {found.size} entries with the root {found.root.hex()}; the log's is {tree.hex()}"
            )
        return
    raise Untrusted("; ".join(objections) or "the trusted root names no log key")


def _blobs(home: Home, fresh: Connection) -> Iterator[str]:
    """Hash every manifest that a statement names, and every blob that such a manifest names, if stored here."""
    due: dict[str, str] = {}
    for artifact, digest in artifacts.described(fresh):
        if digest not in home.blobs:
            continue
        due[digest] = f"the manifest of {artifact}"
        if home.blobs.hashed(digest) != digest:
            continue
        try:
            manifest = Manifest.parse(b"".join(home.blobs.read(digest)))
        except Refused as error:
            yield f"blob sha256:{digest}, {due[digest]}: {error}"
            continue
        named = {file.sha256: f"{file.name} of {artifact}" for file in manifest.files}
        named[manifest.blocks] = f"the block digests of {artifact}"
        # What is not stored here is most of a large log, and nothing to keep in mind.
        due |= {one: what for one, what in named.items() if one in home.blobs}
    for digest, what in due.items():
        found = home.blobs.hashed(digest)
        if found != digest:
            yield f"blob sha256:{digest}, {what}, holds bytes that hash to {found}: remove it and fetch it again"


def _pinned(home: Home, fresh: Connection) -> Iterator[str]:
    if trust.root(fresh) is None:
        yield "the log brings no trusted root into force"
        return
    try:
        pin.check(fresh, home.path / "trusted_root.json")
    except Refused as error:
        yield str(error)


def _redacted(fresh: Connection, left: str | None) -> Iterator[str]:
    orders = redaction.orders(fresh)
    for entry, (by, order) in orders.items():
        indexes = ", ".join(map(str, log.indexes(fresh, entry)))
        yield f"entry {indexes} is redacted by entry {by}: {order}"
    if orders and left:
        yield left


def _behind(home: Home, fresh: Connection) -> Iterator[str]:
    path, root = home.path / "trusted_root.json", trust.root(fresh)
    pinned = path.read_bytes()
    if root is not None and pinned != root.encode() + b"\n" and pin.holds(fresh, pinned):
        yield f"{path} is an earlier version of the trusted root than {root.version}; the next command renews it"
