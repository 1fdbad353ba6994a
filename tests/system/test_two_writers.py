"""Two processes write everything there is to one log at once: what is folded equals what follows from the log.

`STUDBOOK_SOAK` says how many times as much they write.
"""

import os
import subprocess
import sys
import time
from collections import defaultdict
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from clusters import cluster
from processes import environment
from sharing import Shared
from sqlalchemy import Connection

from lineage import patterns, predicates, residue
from lineage.around import Edge
from lineage.assessed import Assessed
from lineage.authority import TrustedRoot
from lineage.declared import Resolved, declared
from lineage.facts import Built, Claimed, Contained, Derived, Fact, Licensed, Registered
from lineage.incidents import Reported, Selecting
from lineage.licensing import judge
from lineage.removals import Redacted
from lineage.residue import Residue
from lineage.standing import spread
from lineage.status import Policy
from lineage.terms import carried
from registry.fsck import fsck
from registry.settings import Settings
from registry.store import flagging, lineage, log, redaction, stopping, tenure
from signing.log import Leaf

pytestmark = pytest.mark.system

# Each looks through the whole log for what there is to write about.
OPERATIONS = int(min(400, max(10, 80 * float(os.environ.get("STUDBOOK_SOAK", "1")))))
DRAWER = Path(__file__).with_name("drawer.py")


@pytest.mark.parametrize("database", ["postgresql", "sqlite"])
@pytest.mark.parametrize("seed", [1, 2])
def test_law_flags_and_terms_are_their_recomputation_whoever_else_writes(
    tmp_path: Path, database: str, seed: int
) -> None:
    name = cluster().create() if database == "postgresql" else None
    url = cluster().url(name) if name else ""
    began = time.time()
    settings = Settings(home=tmp_path / "home", **({"database": url} if url else {}))
    world = Shared(tmp_path, settings, began, 0)
    world.steal()
    writers = [
        subprocess.Popen(
            [
                sys.executable,
                str(DRAWER),
                str(tmp_path),
                url,
                str(began),
                str(10 * seed + one),
                str(OPERATIONS),
            ],
            env=environment(),
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for one in (1, 2)
    ]
    for one in writers:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    for one in writers:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    said = [one.communicate(timeout=500)[0].split() for one in writers]
    assert [one.returncode for one in writers] == [0, 0]
    assert all(int(taken) > OPERATIONS // 2 for taken, _ in said), said

    report = fsck(world.home)
    assert report.findings == ()
    root = world.home.root()
    with world.home.store.reading() as connection:
        check_kinds(connection)
        check_flags(connection, root, Policy(world.time, stopping=True))
        check_terms(connection, root)
    world.home.store.close()
    if name:
        cluster().drop(name)


def check_kinds(connection: Connection) -> None:
    """Nothing was left out, or the law would hold of nothing: every kind of fact is there, and a key's word fell."""
    found = {fact.kind for one in log.scan(connection) for fact in redaction.said(connection, one)[1]}
    assert found >= {
        "registered", "derived", "claimed", "reported", "selecting", "restaged", "amended", "assessed", "licensed",
        "named", "contained", "redacted", "rooted",
    }, found  # fmt: skip
    assert tenure.ended(connection)


Said = list[tuple[Leaf, tuple[Fact, ...]]]
Having = defaultdict[tuple[str, str], set[str]]


def counting(connection: Connection, root: TrustedRoot) -> Said:
    """What the leaves say that a key vouches for which was good then, by the newest trusted root."""
    known, found = {key.public.id: key for key in root.keys}, []
    for logged in log.scan(connection):
        leaf = Leaf.parse(logged.leaf)
        statement, facts = redaction.said(connection, logged)
        forever = predicates.roles(statement.predicate_type) == ("root",)
        if forever or any(known[key].valid(leaf.time) for key in leaf.keys):
            found.append((leaf, facts))
    return found


def check_flags(connection: Connection, root: TrustedRoot, policy: Policy) -> None:
    said = counting(connection, root)
    edges, having = edges_of(said), having_of(said)
    opened = {fact.incident: fact for _, facts in said for fact in facts if isinstance(fact, Reported)}
    selecting = [fact for _, facts in said for fact in facts if isinstance(fact, Selecting)]
    assert opened, "nothing was reported, and nothing tested"
    assert opened.keys() == {one.id for one in flagging.incidents(connection)}
    for one, report in opened.items():
        named = set(report.artifacts)
        named |= {each for fact in selecting if fact.incident == one for each in selected(fact, having)}
        due = spread(named, report.what, edges)
        assert flagging.flagged(connection, one) == due
        hits = tuple(flagging.incidents(connection, one))
        passed = stopping.reaching(connection, dict.fromkeys(due, hits), policy)
        stopped = stops_of(said, one, policy)
        assert {each for each, left in passed.items() if left} == spread(named, report.what, edges, stopped)


def having_of(said: Said) -> Having:
    """What has which attribute: artifacts by keys and tensors, and by what they were called."""
    found: Having = defaultdict(set)
    for leaf, facts in said:
        made = {fact.artifact for fact in facts if isinstance(fact, Registered | Built)}
        for key in leaf.keys:
            found["key", key] |= made
        for fact in facts:
            if isinstance(fact, Contained):
                found["tensor", fact.tensor].add(fact.artifact)
        for called, artifact in patterns.called(facts).items():
            found["name", called].add(artifact)
    return found


def selected(fact: Selecting, having: Having) -> set[str]:
    if fact.attribute != "name":
        return having[fact.attribute, fact.value]
    return {
        one
        for (attribute, called), some in having.items()
        if attribute == "name" and fnmatchcase(patterns.folded(called).partition("@")[0], fact.value)
        for one in some
    }


def stops_of(said: Said, incident: str, policy: Policy) -> set[str]:
    newest = {
        fact.artifact: fact
        for _, facts in said
        for fact in facts
        if isinstance(fact, Assessed) and fact.incident == incident
    }
    return {one for one, fact in newest.items() if fact.expires is not None and policy.now < fact.expires}


def seen_of(connection: Connection, said: Said) -> set[str]:
    """What is registered by words that can be read, and about which no order removed anything that counts."""
    gone = redaction.orders(connection).keys()
    found = {
        fact.artifact
        for leaf, facts in said
        for fact in facts
        if isinstance(fact, Registered) and leaf.pae not in gone
    }
    counts = {leaf.pae for leaf, _ in said}
    for _, facts in said:
        for fact in facts:
            if isinstance(fact, Redacted) and fact.entry in counts:
                found -= set(residue.artifacts(Residue.parse(fact.kept.encode()).facts))
    return found


def edges_of(said: Said) -> list[Edge]:
    return [
        Edge(fact.child, fact.parent, fact.relation, fact.part, fact.evidence, "")
        for _, facts in said
        for fact in facts
        if isinstance(fact, Derived)
    ]


def check_terms(connection: Connection, root: TrustedRoot) -> None:
    """Of what is registered: which licenses hold, by the newest word that counts and by what edges carry."""
    said = counting(connection, root)
    facts = [fact for _, some in said for fact in some]
    words = {fact.artifact: fact.license for fact in facts if isinstance(fact, Licensed)}
    claimed = {(fact.artifact, fact.license) for fact in facts if isinstance(fact, Claimed)}
    above = {(edge.child, edge.parent, edge.relation) for edge in edges_of(said)}
    seen = seen_of(connection, said)
    known: dict[str, set[tuple[str, bool]]] = {}

    def own(one: str) -> set[tuple[str, bool]]:
        if others := {word for artifact, word in claimed if artifact == one}:
            named = {each for word in others for each in declared(word).licenses}
            return {(each, False) for each in named | {"unknown"}}
        found = declared(words.get(one), seen=one in seen)
        return {(each, isinstance(found, Resolved)) for each in found.licenses}

    def inherited(one: str) -> set[tuple[str, bool]]:
        if one not in known:
            known[one] = {
                (license_id, settled and carried(license_id, relation) == "yes")
                for child, parent, relation in above
                if child == one
                for license_id, settled in own(parent) | inherited(parent)
                if carried(license_id, relation) != "no"
            }
        return known[one]

    registered = {fact.artifact for fact in facts if isinstance(fact, Registered)}
    assert registered, "nothing was registered, and nothing tested"
    for one in registered:
        terms = judge(lineage.around(connection, one)).terms
        assert {(each.license, each.settled) for each in terms.inherited} == inherited(one)
        assert {(each.license, each.settled) for each in terms.own} == own(one)
