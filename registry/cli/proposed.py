"""What a change of the holders of the root says to people and programs: beforehand what it changes, afterwards what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from lineage import residue
from lineage.authority import TrustedRoot
from lineage.removals import Redacted
from lineage.residue import Residue
from registry.cli.session import counted, kind_of, moment
from registry.home import Home
from registry.store import log
from registry.store.log import Receipt
from registry.work import roots
from registry.work.proposals import Change
from signing.canonical import Json
from signing.dsse import Envelope
from signing.statement import Statement

_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Told:
    """Lines for people, one JSON object for programs, and what people should know besides."""

    lines: tuple[str, ...]
    value: dict[str, Json]
    notes: tuple[str, ...] = ()


def name(change: Change) -> str:
    """Return what a change is called in a sentence."""
    match change:
        case TrustedRoot(version=version):
            return f"version {version} of the trusted root"
        case Redacted(entry):
            return f"the redaction of entry {entry[:16]}"


def changes(home: Home, change: Change) -> Told:
    """Return what a change would change."""
    match change:
        case TrustedRoot():
            lines = _rerooted(home.root(), change)
            return Told(lines, {"version": change.version, "changes": list(lines)})
        case Redacted(entry, order, kept):
            left = Residue.parse(kept.encode())
            leaves, about = _leaves(home, entry), residue.artifacts(left.facts)
            first = f"entry {_listed(leaves)}, a {kind_of(left.predicate_type)}, loses its words for ever: {order}"
            lost = tuple(f"{one} becomes unknown, and so does what is made of it" for one in about)
            value = _redacted(entry, leaves, about)
            return Told((first, *lost), value | {"order": order})


def outcome(home: Home, change: Change, receipt: Receipt) -> Told:
    """Return what came of a change that was logged with this receipt."""
    match change:
        case TrustedRoot(version=version):
            return _in_force(home, version, receipt)
        case Redacted(entry, order, kept):
            leaves, left = _leaves(home, entry), home.store.settle()
            about = residue.artifacts(Residue.parse(kept.encode()).facts)
            done: dict[str, Json] = {"redacted_by": receipt.index, "settled": left is None}
            return Told(
                (f"entry {_listed(leaves)} is redacted by entry {receipt.index}: {order}",),
                _redacted(entry, leaves, about) | done,
                () if left is None else (left,),
            )


def _rerooted(root: TrustedRoot, following: TrustedRoot) -> tuple[str, ...]:
    before = {key.public.id: key for key in root.keys}
    found = [
        f"{'adds' if key.public.id not in before else 'ends'} the key {key.public.id[:16]} of {key.operator}"
        f" ({', '.join(key.roles)}){'' if key.valid_for.end is None else f' at {moment(key.valid_for.end)}'}"
        for key in following.keys
        if before.get(key.public.id) != key
    ]
    if following.threshold != root.threshold:
        found.append(f"asks for {counted(following.threshold, 'operator')}, {root.threshold} before")
    return tuple(found)


def _in_force(home: Home, version: int, receipt: Receipt) -> Told:
    gone = roots.fallen(home, receipt)
    lines = [f"version {version} of the trusted root is in force since entry {receipt.index}"]
    if gone:
        lines.append(f"{counted(len(gone), 'statement')} made after the key's end no longer count:")
    lines += [f"  {one.index}  {_what(one.envelope)}  {one.entry[:16]}" for one in gone[:_SHOWN]]
    if len(gone) > _SHOWN:
        lines.append(f"  and {len(gone) - _SHOWN} more; `studbook log show` marks them")
    value: dict[str, Json] = {
        "version": version,
        "entry": receipt.entry,
        "index": receipt.index,
        "voided": [one.index for one in gone],
    }
    return Told(tuple(lines), value)


def _redacted(entry: str, leaves: tuple[int, ...], about: tuple[str, ...]) -> dict[str, Json]:
    return {"entry": entry, "leaves": list(leaves), "unknown": list(about)}


def _leaves(home: Home, entry: str) -> tuple[int, ...]:
    with home.store.reading() as connection:
        return log.indexes(connection, entry)


def _listed(leaves: tuple[int, ...]) -> str:
    return ", ".join(map(str, leaves))


def _what(envelope: bytes | None) -> str:
    return (
        "removed"
        if envelope is None
        else kind_of(Statement.parse(Envelope.parse(envelope).payload).predicate_type)
    )
