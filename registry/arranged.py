"""Records in the order in which they can be claimed: parents before children, and what closes a cycle left out by name.

Pure: all records of an import at once in, the same number out. What stands first stays; of the edges of a cycle the one that
closes it, in the order of the records, is the one that is left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from registry.records import Read, Reason, Record, record

CYCLE = "closes a cycle"
ANOTHER = "has another license in a later record"


def named(records: Iterable[Record]) -> set[str]:
    """Return every artifact that these records name."""
    found = set[str]()
    for one in records:
        if isinstance(one, Read):
            found |= {one.claim.artifact, *(parent.artifact for parent in one.claim.parents)}
    return found


def settled(records: Sequence[Record], adapters: Collection[str]) -> list[Record]:
    """Return the records with adapters of adapters as what they are, fine-tunes of them; `adapters` are those that the log knows."""
    known = {*adapters}
    for one in records:
        if isinstance(one, Read) and any(parent.relation == "adapter_of" for parent in one.claim.parents):
            known.add(one.claim.artifact)
    return [_settled(one, known) if isinstance(one, Read) else one for one in records]


def licensed(records: Sequence[Record]) -> list[Record]:
    """Return the records with one license for each artifact, that of the last which gives one: so a second import finds it there."""
    last = {
        one.claim.artifact: one.claim.license
        for one in records
        if isinstance(one, Read) and one.claim.license is not None
    }
    found = list[Record]()
    for one in records:
        if isinstance(one, Read) and one.claim.license not in (None, last.get(one.claim.artifact)):
            sentence = f"{one.claim.artifact} is under {one.claim.license} here, and under {last[one.claim.artifact]} in a later record"
            told = [*one.remarks, Reason(ANOTHER, sentence)]
            found.append(record(one.place, one.claim.artifact, one.claim.parents, None, told))
        else:
            found.append(one)
    return found


def acyclic(records: Sequence[Record]) -> list[Record]:
    """Return the records without the parents that close a cycle."""
    looped = _looped(records)
    above: dict[str, set[str]] = defaultdict(set)
    with_children = set[str]()
    found = list[Record]()
    for one in records:
        if not isinstance(one, Read) or one.claim.artifact not in looped:
            found.append(one)
            continue
        child, kept, told = one.claim.artifact, [], list(one.remarks)
        for parent in one.claim.parents:
            if child in with_children and child in _ancestors(parent.artifact, above):
                sentence = f"{parent.artifact} descends from {child} by what stands before, so it cannot be its parent"
                told.append(Reason(CYCLE, sentence))
                continue
            kept.append(parent)
            above[child].add(parent.artifact)
            with_children.add(parent.artifact)
        found.append(record(one.place, child, kept, one.claim.license, told))
    return found


def ordered(records: Sequence[Record]) -> list[int]:
    """Return the places of the records that are read, every artifact after all that it is made from, and together."""
    mentions: dict[str, list[int]] = defaultdict(list)
    below: dict[str, list[str]] = defaultdict(list)
    waiting: dict[str, int] = {}
    for place, one in enumerate(records):
        if isinstance(one, Read):
            mentions[one.claim.artifact].append(place)
    for child, places in mentions.items():
        parents = _parents(records, places) & mentions.keys()
        waiting[child] = len(parents)
        for parent in parents:
            below[parent].append(child)
    free = [child for child in mentions if not waiting[child]]
    for child in free:  # grows as it is walked
        for lower in below[child]:
            waiting[lower] -= 1
            if not waiting[lower]:
                free.append(lower)
    return [place for child in free for place in mentions[child]]


def _settled(one: Read, adapters: Collection[str]) -> Read:
    parents = tuple(
        replace(parent, relation="finetune")
        if parent.relation == "adapter_of" and parent.artifact in adapters
        else parent
        for parent in one.claim.parents
    )
    return replace(one, claim=replace(one.claim, parents=parents))


def _looped(records: Sequence[Record]) -> set[str]:
    """Return the artifacts that no order puts after all that they are made from: those of cycles, and what is below them."""
    free = {
        child
        for place in ordered(records)
        if isinstance(one := records[place], Read)
        for child in [one.claim.artifact]
    }
    return {one.claim.artifact for one in records if isinstance(one, Read)} - free


def _parents(records: Sequence[Record], places: Iterable[int]) -> set[str]:
    return {
        parent.artifact
        for place in places
        if isinstance(one := records[place], Read)
        for parent in one.claim.parents
    }


def _ancestors(artifact: str, above: dict[str, set[str]]) -> set[str]:
    found, waiting = {artifact}, [artifact]
    while waiting:
        fresh = above.get(waiting.pop(), set()) - found
        found |= fresh
        waiting += fresh
    return found
