"""Is the log intact, and does everything else follow from it? Fold it again from nothing and compare.

Every entry is read, verified, judged and folded into a fresh temporary database by the code that wrote it, and every
table is compared (1-architecture, "The log is the truth"). A finding is a sentence; none means that leaves, tree,
signatures, order of time, triggers and tables hold together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection

from lineage.authority import TrustedRoot
from lineage.facts import Fact
from registry.home import Home
from registry.store import compare, judge, log
from registry.store.engine import Database
from registry.store.fold import fold
from registry.store.log import Logged
from registry.store.tail import Tail
from signing import checkpoint
from signing.dsse import Envelope
from signing.errors import Refused, Untrusted
from signing.log import Leaf

_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Report:
    """What a check of a log of `size` entries found; the last `waiting` of them have no checkpoint yet.

    Entries wait for a checkpoint where a process stopped between its two transactions; the next write signs it.
    """

    size: int
    checkpoints: int
    waiting: int
    findings: tuple[str, ...]


def fsck(home: Home, progress: Callable[[int], object] = lambda _: None) -> Report:
    """Fold the log of `home` again and report every difference; `progress` hears how many entries are done."""
    damage = _damage(home)
    if damage:  # what cannot be read cannot be compared
        return Report(0, 0, 0, damage)
    with TemporaryDirectory(prefix="studbook-fsck-") as folder, home.store.reading() as live:
        again = Database(Path(folder) / "studbook.db", home.settings.busy_seconds, create=True)
        with again.writing() as fresh:
            compare.lay_out(fresh)
            findings = [*compare.triggers(live), *_folded(live, fresh, progress)]
            findings += compare.differences(live, fresh)
            findings += compare.definitions(live)
            findings += _checkpoints(live, fresh)
            findings += _pinned(home, fresh)
        again.close()
        size, signed = log.size(live), log.checkpoints(live)
        covered = max((one for one, _ in signed), default=0)
        return Report(size, len(signed), max(0, size - covered), tuple(findings))


def _damage(home: Home) -> tuple[str, ...]:
    try:
        with home.store.reading() as live:
            return tuple(compare.pages(live))
    except Refused as error:
        return (str(error),)


def _folded(live: Connection, fresh: Connection, progress: Callable[[int], object]) -> Iterator[str]:
    """Fold every entry of `live` into `fresh`, saying what is wrong with each."""
    tail = Tail(fresh)
    for index, logged in enumerate(log.scan(live)):
        if logged.index != index:
            yield f"entry {index} is missing: the next one is {logged.index}"
            return
        try:
            leaf = Leaf.parse(logged.leaf)
        except Refused as error:
            yield f"entry {index}: {error}; nothing after it can be folded"
            return
        if leaf.time < tail.time:
            yield f"entry {index} has the time {leaf.time}, before the entry above it, {tail.time}"
        try:
            facts = _facts(fresh, logged, leaf)
        except Refused as error:
            yield f"entry {index}: {error}"
            facts = ()
        # A refused entry keeps its place in the tree, so that it is one finding and not a different tree.
        tail.append(leaf, logged.envelope)
        fold(fresh, index, leaf.pae, facts)
        if index % _AT_ONCE == 0:
            tail.flush()
        progress(index + 1)
    tail.flush()


def _facts(fresh: Connection, logged: Logged, leaf: Leaf) -> tuple[Fact, ...]:
    """Return what the entry establishes, if it may stand where it stands."""
    if logged.envelope is None:
        raise Untrusted("its payload is gone, so nothing says what was signed")
    envelope = Envelope.parse(logged.envelope)
    if envelope.entry != leaf.pae:
        raise Untrusted(f"the payload is entry {envelope.entry}, and the leaf names {leaf.pae}")
    judged = judge.read(fresh, envelope)
    if judged.keys != leaf.keys:
        raise Untrusted(
            f"it is signed by {', '.join(judged.keys)}, and the leaf names {', '.join(leaf.keys)}"
        )
    judge.admit(fresh, judged, leaf.time)
    return judged.facts


def _checkpoints(live: Connection, fresh: Connection) -> Iterator[str]:
    """Check every checkpoint: its signature, its size and the tree it names."""
    root, size = log.root(fresh), log.size(fresh)
    for covered, note in log.checkpoints(live):
        if root is None:
            yield f"the checkpoint of {covered} entries has no trusted root to be checked against"
        elif covered > size:
            yield f"a checkpoint covers {covered} entries, and the log has {size}: entries are lost"
        else:
            try:
                _check(note, root, covered, log.tree(fresh, covered))
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


def _pinned(home: Home, fresh: Connection) -> Iterator[str]:
    path, root = home.path / "trusted_root.json", log.root(fresh)
    if root is None:
        yield "the log brings no trusted root into force"
    elif path.read_bytes() != root.encode() + b"\n":
        yield f"{path} is not the trusted root that the log brought into force last, version {root.version}"
