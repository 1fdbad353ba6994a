"""One Hypothesis strategy a statement type: a statement, and the facts that it must establish when logged as `ENTRY`."""

import string

from hypothesis import strategies as st

from lineage.assessed import JUSTIFICATIONS, STATUSES, Assessed
from lineage.checks import Agreed, Compared, Evaluated, Rebuilt
from lineage.facts import (
    MAKINGS,
    Built,
    Claimed,
    Contained,
    Corrected,
    Derived,
    Described,
    Evidence,
    Gated,
    Licensed,
    Mentioned,
    Named,
    Registered,
    Relation,
    Rooted,
    Waived,
)
from lineage.finding import KINDS as KINDS_OF_FINDINGS
from lineage.incidents import KINDS, SEVERITIES, Amended, Disputed, Embargoed, Reported, Restaged, Selecting
from lineage.predicates import (
    card,
    claims,
    containment,
    derivation,
    dispute,
    embargo,
    evaluation,
    incident,
    incident_amendment,
    incident_change,
    incident_status,
    license,  # noqa: A004 - the module's name
    license_gate,
    manifest,
    name,
    parentage,
    provenance,
    rebuild,
    redaction,
    root,
    same_as,
    search,
    signature,
    supersession,
    waiver,
)
from lineage.predicates.root import Key, Period, TrustedRoot
from lineage.removals import Redacted
from lineage.residue import Residue, residue
from merger.recipe import Recipe
from signing import canonical
from signing.digest import artifact_id
from signing.keys import PrivateKey
from signing.statement import Statement

ENTRY = "e" * 64
PEOPLE = [PrivateKey.generate("ecdsa-p256").public for _ in range(3)]
LOG = PrivateKey.generate("ed25519").public

hexes = st.text("0123456789abcdef", min_size=64, max_size=64)
ids = hexes.map("sha256:{}".format)
words = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)
names = st.builds("{}/{}".format, words, words)
lines = st.text(string.ascii_letters + " é漢.;[]", min_size=1, max_size=60)
# RFC 3339 ends with the year 9999.
times = st.integers(0, 2 * 10**11)
decimals = st.from_regex(r"-?(0|[1-9][0-9]{0,5})(\.[0-9]{1,5})?(e-?[1-9])?", fullmatch=True)
stubs = st.builds("hf:{}{}".format, names, st.sampled_from(["", "@" + "0f" * 20]))
Example = tuple[Statement, tuple[object, ...]]


@st.composite
def signatures(draw) -> Example:
    files = draw(st.dictionaries(st.from_regex(r"[a-z]{5}\.(json|bin)", fullmatch=True), hexes, min_size=1))
    return signature.statement(draw(lines), files), (
        Registered(artifact_id(files), tuple(sorted(files.items()))),
    )


@st.composite
def manifests(draw) -> Example:
    artifact, digest = draw(ids), draw(hexes)
    return manifest.statement(artifact, digest), (Described(artifact, digest),)


@st.composite
def derivations(draw) -> Example:
    artifact = draw(ids)
    one = st.builds(
        derivation.Parent,
        st.one_of(ids, stubs),
        st.sampled_from(MAKINGS),
        st.dictionaries(words, lines, max_size=2),
    )
    parents = draw(st.lists(one, min_size=1, max_size=3, unique_by=lambda parent: parent.artifact))
    edges = [
        Derived(artifact, p.artifact, p.relation, canonical.encode(p.part).decode(), Evidence.SIGNED)
        for p in parents
    ]
    return derivation.statement(artifact, parents + parents[:1]), tuple(edges)


@st.composite
def searches(draw) -> Example:
    artifact, algorithm = draw(ids), draw(words)
    evidence, recipe = draw(st.none() | hexes), draw(st.none() | hexes)
    parents = draw(st.lists(st.one_of(ids, stubs), min_size=1, max_size=3, unique=True))
    said = {"algorithm": algorithm}
    said |= {"evidence": f"sha256:{evidence}"} if evidence else {}
    said |= {"recipe": f"sha256:{recipe}"} if recipe else {}
    part = canonical.encode({"role": "search", "parameters": said}).decode()
    edges = [Derived(artifact, parent, "merge", part, Evidence.SIGNED) for parent in parents]
    return search.statement(artifact, algorithm, parents + parents[:1], evidence, recipe), tuple(edges)


@st.composite
def licenses(draw) -> Example:
    artifact, which = draw(ids), draw(st.from_regex(r"[A-Za-z0-9.+_-]{1,30}", fullmatch=True))
    return license.statement(artifact, which, draw(times)), (Licensed(artifact, which),)


@st.composite
def waivers(draw) -> Example:
    issued = draw(times)
    said = Waived(
        draw(ids),
        draw(st.sampled_from(list(KINDS_OF_FINDINGS))),
        draw(st.one_of(ids, stubs)),
        draw(st.from_regex(r"[A-Za-z0-9.+_-]{1,30}", fullmatch=True)),
        draw(words),
        draw(lines),
        issued + draw(st.integers(0, waiver.LONGEST)),
    )
    return waiver.statement(said, issued), (said,)


@st.composite
def gates(draw) -> Example:
    shut, reason = draw(st.booleans()), draw(lines)
    return license_gate.statement("studbook.example/log", reason, draw(times), shut=shut), (
        Gated(shut, reason),
    )


@st.composite
def claimings(draw) -> Example:
    children = draw(st.lists(stubs, min_size=1, max_size=3, unique=True))
    one = st.builds(
        claims.Parent,
        st.one_of(ids, stubs).filter(lambda parent: parent not in children),
        st.sampled_from(MAKINGS),
        st.dictionaries(words, lines, max_size=2),
    )
    terms = st.from_regex(r"[A-Za-z0-9.+_-]{1,30}", fullmatch=True)
    said: list[claims.Claim] = []
    facts: list[object] = []
    for child in children:
        parents = draw(st.lists(one, max_size=3, unique_by=lambda parent: parent.artifact))
        given = draw(terms if not parents else st.none() | terms)
        said.append(claims.Claim(child, (*parents, *parents[:1]), given))
        facts += [Derived(child, p.artifact, p.relation, p.spelled, Evidence.CLAIMED) for p in parents]
        facts += [] if given is None else [Claimed(child, given)]
    return claims.statement(draw(lines), draw(hexes), said, draw(times)), tuple(facts)


@st.composite
def bindings(draw) -> Example:
    artifact, called, revision = draw(ids), draw(names), draw(st.none() | words)
    return name.statement(artifact, called, revision, draw(times)), (Named(called, revision, artifact),)


@st.composite
def provenances(draw) -> Example:
    artifact, digest = draw(ids), draw(hexes)
    base, one, other, tokenizer = draw(st.lists(ids, min_size=4, max_size=4, unique=True))
    parents = draw(st.sampled_from([[one], [one, other], [one, one], [one, base]]))
    based, borrowed, mapped = draw(st.booleans()), draw(st.booleans()), draw(st.booleans())
    recipe = Recipe.of(
        {
            "arithmetic": "1",
            "method": "task_arithmetic" if based else "linear",
            "parents": [{"model": parent, "parameters": {"weight": "0.5"}} for parent in parents],
            "parameters": {"normalize": True} | ({"lambda": "1"} if based else {}),
        }
        | ({"base": base} if based else {})
        | ({"tokenizer": tokenizer} if borrowed else {})
    )
    said = provenance.statement(
        artifact, recipe, digest, digest, "0.1.0", {"engine": "sha256:00", "numpy": "2.4.0"}, by_rows=mapped
    )
    assert provenance.by_rows(said) == (borrowed and mapped)
    assert provenance.recipe(said) == recipe
    relation = "convert" if not based and len(set(parents)) == 1 else "merge"
    part = '{"parameters":{"weight":"0.5"},"role":"parent"}'
    edges = [Derived(artifact, base, "merge", '{"role":"base"}', Evidence.SIGNED)] if based else []
    edges += [Derived(artifact, parent, relation, part, Evidence.SIGNED) for parent in dict.fromkeys(parents)]
    if borrowed:
        how: tuple[Relation, str] = ("merge", "row map") if mapped else ("tokenizer", "tokenizer")
        edges += [Derived(artifact, tokenizer, how[0], f'{{"role":"{how[1]}"}}', Evidence.SIGNED)]
    built = Built(artifact, recipe.digest, digest, "https://studbook.dev/merger/0.1.0")
    return said, (built, Described(artifact, digest), *edges)


@st.composite
def rebuilds(draw) -> Example:
    artifact, build, operator = draw(ids), draw(hexes), draw(words)
    differs = draw(st.lists(words, max_size=3))
    said = rebuild.statement(artifact, build, operator, draw(times), differs)
    return said, (Rebuilt(artifact, build, not differs, rebuild.verifier(operator), tuple(differs)),)


@st.composite
def evaluations(draw) -> Example:
    said = Evaluated(
        artifact=draw(ids),
        result=draw(st.sampled_from(["PASSED", "WARNED", "FAILED"])),
        suite=draw(hexes),
        runner=draw(lines),
        metric=draw(lines),
        value=draw(decimals),
        n=draw(times.filter(bool)),
        seed=draw(st.none() | times),
    )
    return evaluation.statement(said), (said,)


@st.composite
def agreements(draw) -> Example:
    artifact, operator = draw(ids), draw(words)
    verdicts = draw(st.lists(hexes, min_size=2, max_size=4, unique=True))
    said = rebuild.agreement(artifact, verdicts, operator, draw(times))
    return said, (Agreed(artifact, tuple(verdicts), rebuild.registry(operator)),)


@st.composite
def parentages(draw) -> Example:
    artifact, *parents = draw(st.lists(ids, min_size=2, max_size=4, unique=True))
    outcomes = st.sampled_from(["consistent", "contradicted"])
    said = [
        Compared(artifact, one, draw(outcomes), draw(words), draw(decimals), draw(decimals))
        for one in parents
    ]
    return parentage.statement(said), tuple(said)


@st.composite
def supersessions(draw) -> Example:
    artifact, earlier = draw(st.lists(ids, min_size=2, max_size=2, unique=True))
    return supersession.statement(artifact, earlier), (Corrected(artifact, earlier),)


@st.composite
def cards(draw) -> Example:
    artifact, file = draw(ids), draw(lines)
    parents = draw(st.lists(stubs, max_size=3, unique=True))
    terms = st.from_regex(r"[A-Za-z0-9.+_-]{1,30}", fullmatch=True)
    given = draw(terms if not parents else st.none() | terms)
    found = [Mentioned(artifact, file, "parent", one) for one in parents]
    found += [] if given is None else [Mentioned(artifact, file, "license", given)]
    return card.statement(artifact, file, parents, given), tuple(found)


@st.composite
def samenesses(draw) -> Example:
    artifact, stub = draw(ids), draw(stubs)
    if draw(st.booleans()):
        return same_as.statement(artifact, stub, "owner"), (
            Derived(stub, artifact, "same_as", "{}", Evidence.SIGNED),
        )
    said = Derived(artifact, stub, "same_as", "{}", Evidence.CLAIMED)
    return same_as.statement(artifact, stub, "publisher"), (said,)


@st.composite
def containments(draw) -> Example:
    artifacts, tensor = draw(st.lists(ids, min_size=1, max_size=3)), draw(hexes)
    said = containment.statement(tensor, artifacts)
    return said, tuple(Contained(one, tensor) for one in sorted(set(artifacts)))


@st.composite
def incidents(draw) -> Example:
    artifacts = draw(st.lists(st.one_of(ids, stubs), max_size=3))
    keys, tensors = draw(st.lists(hexes, max_size=2)), draw(st.lists(hexes, max_size=2))
    ranges = draw(st.lists(st.one_of(names.map(str.casefold), words.map("hf:{}/*".format)), max_size=2))
    artifacts += [] if artifacts or keys or tensors or ranges else [draw(ids)]
    what, severity = draw(st.sampled_from(KINDS)), draw(st.sampled_from(SEVERITIES))
    stage, summary, contact = draw(st.sampled_from(["reported", "confirmed"])), draw(lines), draw(lines)
    said = incident.statement(
        artifacts,
        what,
        severity,
        stage,
        summary,
        contact=contact,
        issued=draw(times),
        keys=keys,
        tensors=tensors,
        names=ranges,
        salt=draw(st.none() | hexes),
    )
    selecting = [Selecting(ENTRY, "key", key) for key in sorted(set(keys))]
    selecting += [Selecting(ENTRY, "tensor", tensor) for tensor in sorted(set(tensors))]
    selecting += [Selecting(ENTRY, "name", one) for one in sorted(set(ranges))]
    selecting.sort(key=lambda one: (one.attribute, one.value))
    opened = Reported(ENTRY, tuple(sorted(set(artifacts))), what, severity, stage, summary, contact)
    return said, (opened, *selecting)


@st.composite
def changes(draw) -> Example:
    which, reason = draw(hexes), draw(lines)
    stage = draw(st.sampled_from(["confirmed", "resolved", "rejected", "retracted"]))
    return incident_change.statement(which, stage, reason), (Restaged(which, stage, reason),)


@st.composite
def amendments(draw) -> Example:
    which, reason = draw(hexes), draw(lines)
    given = draw(
        st.fixed_dictionaries(
            {}, optional={"severity": st.sampled_from(SEVERITIES), "summary": lines, "contact": lines}
        ).filter(bool)
    )
    said = incident_amendment.statement(which, reason, **given, issued=draw(times))
    words = [given.get(name) for name in ("severity", "summary", "contact")]
    return said, (Amended(which, *words, reason),)


@st.composite
def assessments(draw) -> Example:
    status, issued = draw(st.sampled_from(STATUSES)), draw(times)
    cleared = status == "not_affected"
    said = Assessed(
        draw(st.one_of(ids, stubs)),
        draw(hexes),
        status,
        draw(st.sampled_from(JUSTIFICATIONS)) if cleared else None,
        issued + draw(st.integers(1, 10**9)) if cleared else None,
        draw(ids) if status == "fixed" else None,
        draw(lines),
    )
    return incident_status.statement(said, issued), (said,)


@st.composite
def embargoes(draw) -> Example:
    which, contact = draw(hexes), draw(lines)
    return embargo.statement(which, contact), (Embargoed(which, contact),)


@st.composite
def disputes(draw) -> Example:
    which, artifact, words, evidence = draw(hexes), draw(ids), draw(lines), draw(st.none() | hexes)
    said = dispute.statement(which, artifact, words, evidence, draw(times))
    return said, (Disputed(which, artifact, words, evidence),)


@st.composite
def roots(draw) -> Example:
    holders = draw(st.lists(words, min_size=1, max_size=3, unique_by=str.casefold))
    keys = [
        Key(
            operator=holder,
            roles=("root", "publisher"),
            namespaces=("*",),
            contact=draw(lines),
            public=public,
            valid_for=Period(start=draw(times), end=draw(st.none() | times)),
        )
        for holder, public in zip(holders, PEOPLE, strict=False)
    ]
    keys.append(
        Key(
            operator=holders[0],
            roles=("log",),
            namespaces=(),
            contact="x",
            public=LOG,
            valid_for=Period(start=0, end=None),
        )
    )
    threshold = draw(st.integers(1, len(holders)))
    document = TrustedRoot(
        version=draw(times), threshold=threshold, origin="studbook.example/log", keys=tuple(keys)
    )
    assert TrustedRoot.parse(document.encode()) == document
    return root.statement(document), (Rooted(document.version, document.encode().decode()),)


@st.composite
def redactions(draw) -> Example:
    said, facts = draw(
        st.one_of(
            signatures(),
            derivations(),
            claimings(),
            bindings(),
            rebuilds(),
            containments(),
            cards(),
            incidents(),
            changes(),
            amendments(),
            assessments(),
            waivers(),
            gates(),
            disputes(),
            embargoes(),
        )
    )
    left = residue(said.predicate_type, facts)
    assert Residue.parse(left.encode()) == left
    which, order = draw(hexes), draw(lines)
    return redaction.statement(which, order, left), (Redacted(which, order, left.encode().decode()),)


EXAMPLES = {
    signature.URI: signatures(),
    manifest.URI: manifests(),
    derivation.URI: derivations(),
    search.URI: searches(),
    license.URI: licenses(),
    license_gate.URI: gates(),
    waiver.URI: waivers(),
    claims.URI: claimings(),
    name.URI: bindings(),
    provenance.URI: provenances(),
    rebuild.URI: st.one_of(rebuilds(), agreements()),
    evaluation.URI: evaluations(),
    supersession.URI: supersessions(),
    same_as.URI: samenesses(),
    card.URI: cards(),
    parentage.URI: parentages(),
    containment.URI: containments(),
    incident.URI: incidents(),
    incident_amendment.URI: amendments(),
    incident_change.URI: changes(),
    incident_status.URI: assessments(),
    dispute.URI: disputes(),
    embargo.URI: embargoes(),
    root.URI: roots(),
    redaction.URI: redactions(),
}
