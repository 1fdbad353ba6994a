"""Subjects of exports: from a world, and made up of whatever strangers might have got into a log."""

from dataclasses import replace

from hypothesis import strategies as st
from world import World

from lineage.around import Around, Edge, Incident, Node, Said
from lineage.assessed import JUSTIFICATIONS, STATUSES, Assessed
from lineage.checks import Evaluated
from lineage.facts import RELATIONS, Evidence
from lineage.incidents import KINDS, SEVERITIES
from lineage.status import Policy
from lineage.subjects import AsOf, Logged, Pedigree, Reach, Scope, pedigree, reach, spared
from registry.store import subjects

AT = AsOf("studbook.local/0123456789abcdef", 7, 1_750_000_000)
STUB = "hf:Someone/Base@" + "0f" * 20
# Markup, quoting, formulas, escapes, controls, a change of direction, and what no XML may hold.
ODD = [
    "<",
    ">",
    "&",
    '"',
    "'",
    "\\",
    "=",
    "+",
    "-",
    "@",
    "\uff1d",
    ",",
    ";",
    "\n",
    "\r",
    "\t",
    "\0",
    "\u202e",
    "\ufffe",
]
ODD += ["<script>", "</td>", "<!--", "&lt;", "]]>", "<p x=", '"]; x -> y ["', "=1+1"]
texts = st.lists(
    st.one_of(st.sampled_from(ODD), st.text(st.characters(exclude_categories=["Cs"]), max_size=3)),
    max_size=12,
)
texts = texts.map("".join)
hexes = st.integers(0, 16**64 - 1).map("{:064x}".format)


def told(world: World, artifact: str, scope: Scope = "both", most: int | None = None) -> Pedigree:
    with world.home.store.reading() as connection:
        return subjects.pedigree(connection, artifact, scope, most)


def reached(world: World, incident: str, most: int | None = None, *, stopping: bool = False) -> Reach:
    with world.home.store.reading() as connection:
        return subjects.reach(connection, incident, Policy(world.time, stopping), most)


@st.composite
def slices(draw: st.DrawFn, least: int = 0) -> Around:
    """A few artifacts, the first made of the others, with names and parts that nobody checked."""
    ids = [f"sha256:{number:064x}" for number in range(draw(st.integers(1, 4)))]
    ids += draw(st.sampled_from([[], [STUB]]))
    called = st.lists(texts.filter(bool), max_size=2).map(tuple)
    nodes = [Node(one, one != STUB and draw(st.booleans()), 1, draw(called), draw(called)) for one in ids]
    pairs = [(child, parent) for at, child in enumerate(ids) for parent in ids[at + 1 :]]
    edges = [
        Edge(
            *pair, draw(st.sampled_from(RELATIONS)), draw(texts), draw(st.sampled_from(Evidence)), draw(hexes)
        )
        for pair in draw(st.lists(st.sampled_from(pairs), max_size=6) if pairs else st.just([]))
    ]
    named = draw(st.lists(st.sampled_from(ids), min_size=least, max_size=2, unique=True))
    stage = draw(st.sampled_from(["reported", "confirmed", "resolved", "rejected", "retracted"]))
    kind, severity = draw(st.sampled_from(KINDS)), draw(st.sampled_from(SEVERITIES))
    incidents = (
        [Incident("d" * 64, tuple(named), kind, severity, stage, draw(texts), draw(texts))] if named else []
    )
    found = Evaluated(ids[0], "PASSED", "a" * 64, draw(texts), draw(texts), "0.5", 3, None)
    said = draw(st.sampled_from([(), (Said(found, ("kennel",), 5, "e" * 64),)]))
    complete = draw(st.booleans())
    return Around(
        ids[0], AT.size, tuple(nodes), tuple(edges), tuple(incidents), evaluations=said, complete=complete
    )


@st.composite
def pedigrees(draw: st.DrawFn) -> Pedigree:
    above = draw(slices())
    here = next(node for node in above.nodes if node.id == above.artifact)
    files = draw(st.dictionaries(texts.filter(bool), hexes, min_size=1, max_size=3)) if here.seen else {}
    registered = {node.id: Logged("e" * 64, 5, ("kennel",)) for node in above.nodes if node.seen}
    flags = {node.id: above.incidents for node in above.nodes}
    return pedigree(AT, above, None, "ancestors", files, registered, flags)


@st.composite
def assessments(draw: st.DrawFn, incident: str, nodes: tuple[Node, ...]) -> Said[Assessed]:
    status = draw(st.sampled_from(STATUSES))
    cleared = status == "not_affected"
    found = Assessed(
        draw(st.sampled_from(nodes)).id,
        incident,
        status,
        draw(st.sampled_from(JUSTIFICATIONS)) if cleared else None,
        draw(st.integers(1, 8)) if cleared else None,
        f"sha256:{draw(st.integers(0, 9)):064x}" if status == "fixed" else None,
        draw(texts.filter(bool)),
    )
    return Said(found, ("kennel",), 5, draw(hexes))


@st.composite
def reaches(draw: st.DrawFn) -> Reach:
    found = draw(slices(least=1))
    (incident,) = found.incidents
    above = found if spared(incident, found) else None
    found = replace(found, assessed=tuple(draw(st.lists(assessments(incident.id, found.nodes), max_size=4))))
    policy = Policy(draw(st.integers(0, 9)), draw(st.booleans()))
    return reach(AT, incident, Logged(incident.id, 5), Logged("c" * 64, 6), found, above, policy)
